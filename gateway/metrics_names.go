package gateway

import (
	"strings"

	"foundrylab/internal/otlp"
)

// MetricName says how a metric of Metrics is called in OpenTelemetry, for an exporter: its name, unit and attributes. What
// tenants and backends are called stands in attributes of ours, since the conventions have none for it.
func MetricName(family string, labels map[string]string) (name, unit string, attributes map[string]string) {
	if name, unit, is := otlp.Own(family, "foundrylab_gateway_", "foundrylab.gateway."); is {
		return name, unit, labels
	}
	of := map[string]string{"gen_ai.provider.name": "azure.ai.openai"}
	for k, v := range labels {
		of["foundrylab."+k] = v
	}
	return strings.ReplaceAll(strings.TrimSuffix(family, "_seconds"), "gen_ai_server_request_duration", "gen_ai.server.request.duration"), "s", of
}
