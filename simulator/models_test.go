package simulator

import (
	"strings"
	"testing"

	"foundrylab/simulator/deployment"
)

func TestModelRoutes(t *testing.T) {
	dated := ofModel("gpt-4o")
	dated.Version = "2024-11-20"
	inLab(t, Config{Auth: strict, Deployments: []deployment.Config{dated, ofModel("text-embedding-3-small"), ofModel("claude-sonnet-4-5"), ofModel("gpt-35-turbo-instruct")}}, func(l *lab) {
		const embedding = `{"capabilities":{"chat_completion":false,"completion":false,"embeddings":true,"fine_tune":false,"inference":true},"created":0,"created_at":0,"id":"text-embedding-3-small-1"`
		for _, c := range []struct {
			path, deployment string
			status           int
			want             string
		}{
			{"/openai/models?api-version=2024-10-21", "", 200, embedding},
			{"/openai/v1/models", "", 200, `"object":"list"`},
			{"/v1/models", "", 200, `"id":"gpt-4o-2024-11-20"`},
			{"/api/projects/p/openai/v1/models", "", 200, `"object":"list"`},
			{"/openai/models", "", 404, "Resource not found"},
			{"/openai/v1/models?api-version=2024-10-21", "", 400, "API version not supported"},
			{"/openai/models/text-embedding-3-small-1?api-version=2024-10-21", "", 200, embedding},
			{"/openai/v1/models/gpt-4o", "", 200, `"created":1732060800,"created_at":1732060800,"id":"gpt-4o-2024-11-20"`},
			{"/v1/models/gpt-9", "", 404, `{"error":{"message":"The model 'gpt-9' does not exist","type":"invalid_request_error","param":"model","code":"model_not_found"}}`},
			{"/models/info?api-version=2024-05-01-preview", "", 200, `{"model_name":"gpt-4o","model_type":"chat-completion","model_provider_name":"openai"}`},
			{"/models/info?api-version=2024-05-01-preview", "text-embedding-3-small", 200, `"model_type":"embeddings"`},
			{"/models/info?api-version=2024-05-01-preview", "gpt-35-turbo-instruct", 200, `"model_type":"text-generation"`},
			{"/models/info?api-version=2024-05-01-preview", "claude-sonnet-4-5", 200, `"model_provider_name":"anthropic"`},
			{"/models/info?api-version=2024-05-01-preview", "none", 404, "DeploymentNotFound"},
			{"/models/info", "", 400, "API version not supported"},
		} {
			resp, err := l.do(l.Context(), "GET", c.path, "", "Api-Key", "foundrylab-key", "Azureml-Model-Deployment", c.deployment)
			if err != nil {
				l.Fatal(err)
			}
			if text := readAll(l, resp); resp.StatusCode != c.status || !strings.Contains(text, c.want) {
				l.Errorf("%s %s: %d %s, want %d %s", c.path, c.deployment, resp.StatusCode, text, c.status, c.want)
			}
			if resp, err = l.do(l.Context(), "GET", c.path, "", "Api-Key", "wrong"); err != nil {
				l.Fatal(err)
			} else if readAll(l, resp); c.status == 200 && resp.StatusCode != 401 {
				l.Errorf("%s: %d for a wrong key", c.path, resp.StatusCode)
			}
		}
	})
}
