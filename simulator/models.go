package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"foundrylab/internal/ops"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
)

// modelRoutes are the routes that tell of models, with the families whose rule for api-version they follow.
var modelRoutes = []struct {
	name, family, path string
	answer             endpoint
}{
	{"models.classic", "resource", "/openai/models", listModels},
	{"models.v1", "v1", "/openai/v1/models", listModels},
	{"models.project", "project", "/api/projects/{project}/openai/v1/models", listModels},
	{"models.plain", "plain", "/v1/models", listModels},
	{"model.classic", "resource", "/openai/models/{id}", oneModel},
	{"model.v1", "v1", "/openai/v1/models/{id}", oneModel},
	{"model.project", "project", "/api/projects/{project}/openai/v1/models/{id}", oneModel},
	{"model.plain", "plain", "/v1/models/{id}", oneModel},
	{"model.info", "models", "/models/info", modelInfo},
}

// ofModels answers a route that tells of models, by the rule of its family.
func ofModels(family string, answer endpoint) endpoint {
	version := versionOfModels(family)
	return func(c *call) {
		switch {
		case !version.fits(c):
			c.answer(version.refuse())
		case !c.admitted():
		default:
			answer(c)
		}
	}
}

// versionOfModels is the family's rule; on the classic side the list is in every version there is.
func versionOfModels(family string) versionRule {
	if family == "resource" {
		family = "classic"
	}
	return versionRules(family)
}

// listModels lists the models that are deployed here; the service lists all there are in the region.
func listModels(c *call) {
	list := []byte(`{"data":[`)
	var listed []string
	for _, b := range c.srv.deployments() {
		if slices.Contains(listed, b.engine) {
			continue
		}
		if len(listed) > 0 {
			list = append(list, ',')
		}
		listed = append(listed, b.engine)
		list = b.appendModel(list)
	}
	c.answer(content.Answer{Status: http.StatusOK, Body: append(list, `],"object":"list"}`...)})
}

// oneModel tells of a model that is deployed here, by its id in the list or by its name without a version.
func oneModel(c *call) {
	id := mux.Vars(c.r)["id"]
	for _, b := range c.srv.deployments() {
		if b.engine == id || b.cfg.Model == id {
			c.answer(content.Answer{Status: http.StatusOK, Body: b.appendModel(nil)})
			return
		}
	}
	a := content.InvalidRequest(&ops.InvalidRequest{Message: "The model '" + id + "' does not exist", Param: "model", Code: "model_not_found"})
	a.Status = http.StatusNotFound
	c.answer(a)
}

// appendModel appends a model with the fields of both families: created_at of the classic one, created and owned_by of v1.
func (b *backend) appendModel(dst []byte) []byte {
	created := "0"
	if at, err := time.Parse(time.DateOnly, b.cfg.Version); err == nil {
		created = strconv.FormatInt(at.Unix(), 10)
	}
	can := b.model.Can
	is := func(a catalog.Ability) string { return strconv.FormatBool(can&a != 0) }
	dst = append(dst, `{"capabilities":{"chat_completion":`+is(catalog.Chat)+`,"completion":`+is(catalog.Completion)+`,"embeddings":`+is(catalog.Embedding)+
		`,"fine_tune":false,"inference":true},"created":`+created+`,"created_at":`+created+`,"id":`...)
	id, _ := json.Marshal(b.engine) // a string always marshals
	dst = append(dst, id...)
	return append(dst, `,"lifecycle_status":"generally-available","object":"model","owned_by":"azure-openai","status":"succeeded"}`...)
}

// modelInfo tells of one model in the terms of Foundry Models: that of the deployment which the header names, as several
// stand behind one endpoint, else of the first.
func modelInfo(c *call) {
	b := c.srv.backends[0]
	if name := c.r.Header.Get("Azureml-Model-Deployment"); name != "" {
		b = c.srv.deployed(name)
	}
	if b == nil {
		c.answer(content.DeploymentNotFound())
		return
	}
	kind, provider := "chat-completion", "openai"
	switch {
	case b.model.Can&catalog.Embedding != 0:
		kind = "embeddings"
	case b.model.Can&catalog.Completion != 0:
		kind = "text-generation"
	case b.model.Can&catalog.Messages != 0:
		provider = "anthropic"
	}
	body, _ := json.Marshal(struct {
		Name     string `json:"model_name"`
		Type     string `json:"model_type"`
		Provider string `json:"model_provider_name"`
	}{b.cfg.Model, kind, provider})
	c.answer(content.Answer{Status: http.StatusOK, Body: body})
}
