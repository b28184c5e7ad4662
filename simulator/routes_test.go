package simulator

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"foundrylab/simulator/deployment"
)

// Each family has its place for the deployment's name and its rule for api-version.
func TestRouteFamilies(t *testing.T) {
	body := `{"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}],"max_tokens":1}`
	inLab(t, Config{Deployments: []deployment.Config{standard("gpt-4.1")}}, func(l *lab) {
		for _, c := range []struct {
			path string
			want int
			says string
		}{
			{"/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21", 200, ""},
			{"/openai/deployments/gpt-4.1/chat/completions?api-version=2025-04-01-preview", 200, ""},
			{"/openai/deployments/gpt-4.1/chat/completions", 404, "Resource not found"},
			{"/openai/deployments/gpt-4.1/chat/completions?api-version=latest", 404, "Resource not found"},
			{"/openai/deployments/gpt-5/chat/completions?api-version=2024-10-21", 404, "DeploymentNotFound"},
			{"/openai/v1/chat/completions", 200, ""},
			{"/openai/v1/chat/completions?api-version=preview", 200, ""},
			{"/openai/v1/chat/completions?api-version=2024-10-21", 400, "API version not supported"},
			{"/api/projects/p1/openai/v1/chat/completions", 200, ""},
			{"/api/projects/p1/openai/v1/chat/completions?api-version=v9", 400, "API version not supported"},
			{"/models/chat/completions?api-version=2024-05-01-preview", 200, ""},
			{"/models/chat/completions", 400, "API version not supported"},
			{"/v1/chat/completions", 200, ""},
			{"/v1/chat/completions?api-version=whatever", 200, ""},
			{"/openai/chat/completions?api-version=2024-10-21", 404, "Resource not found"},
			{"/anthropic/v1/chat/completions", 404, "api_not_supported"},
		} {
			req, _ := http.NewRequestWithContext(l.Context(), "POST", "http://sim"+c.path, strings.NewReader(body))
			req.Header.Set("Api-Key", "foundrylab-key")
			resp, err := l.client.Do(req)
			if err != nil {
				l.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != c.want || !strings.Contains(string(text), c.says) {
				l.Errorf("%s: %d %s, want %d %s", c.path, resp.StatusCode, text, c.want, c.says)
			}
		}
	})
}
