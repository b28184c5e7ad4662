package simulator

import (
	"strings"

	"foundrylab/internal/otlp"
	"foundrylab/simulator/catalog"
)

// MetricName says how a metric of Metrics is called in OpenTelemetry, for an exporter: those of the semantic conventions
// for generative AI by their names and attributes, with the deployment as the requested model; ours with dots for the
// first underscore, and no unit in the name.
func (c *Control) MetricName(family string, labels map[string]string) (name, unit string, attributes map[string]string) {
	if name, unit, ours := otlp.Own(family, "foundrylab_", "foundrylab."); ours {
		return name, unit, labels
	}
	unit = "{token}"
	if s, is := strings.CutSuffix(family, "_seconds"); is {
		family, unit = s, "s"
	}
	return conventional[family], unit, c.conventions(labels)
}

// conventional are the names of the conventions, in which a dot and an underscore are not the same.
var conventional = map[string]string{
	"gen_ai_server_request_duration":      "gen_ai.server.request.duration",
	"gen_ai_server_time_to_first_token":   "gen_ai.server.time_to_first_token",
	"gen_ai_server_time_per_output_token": "gen_ai.server.time_per_output_token",
	"gen_ai_client_token_usage":           "gen_ai.client.token.usage",
}

func (c *Control) conventions(labels map[string]string) map[string]string {
	model, can := "", catalog.Ability(0)
	if b := c.deployed(labels["deployment"]); b != nil {
		model, can = b.cfg.Model, b.model.Can
	}
	of := map[string]string{
		"gen_ai.provider.name":  "azure.ai.openai",
		"gen_ai.operation.name": "chat",
		"gen_ai.request.model":  labels["deployment"],
		"gen_ai.response.model": model,
	}
	switch {
	case can&catalog.Messages != 0:
		of["gen_ai.provider.name"] = "anthropic"
	case can == catalog.Embedding:
		of["gen_ai.operation.name"] = "embeddings"
	case can == catalog.Completion:
		of["gen_ai.operation.name"] = "text_completion"
	}
	if outcome := labels["outcome"]; outcome != "" && outcome != "succeeded" {
		of["error.type"] = outcome
	}
	if kind := labels["token_type"]; kind != "" {
		of["gen_ai.token.type"] = kind
	}
	return of
}
