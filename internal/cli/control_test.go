package cli

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestSimAdmin: the control plane has an address and a key of its own, and knows what the resource was asked.
func TestSimAdmin(t *testing.T) {
	p := start(t, "sim", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--admin-key", "secret", "--log", "disabled")
	_, admin, _ := strings.Cut(strings.TrimSpace(until(t, p.out, "Control plane on ")), " on ")
	_, resource, _ := strings.Cut(until(t, p.out, "Simulating on "), " on ")
	resource, _, _ = strings.Cut(resource, " ")
	ask := func(method, url, key, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Api-Key", key)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	const question = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}],"max_tokens":1}`
	if status, text := ask("POST", resource+"/openai/v1/chat/completions", "foundrylab-key", question); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	for _, tt := range []struct {
		url, key string
		status   int
		want     string
	}{
		{admin + "/ledger", "secret", 200, `"deployment":"gpt-4.1"`},
		{admin + "/metrics", "secret", 200, `foundrylab_requests_total{deployment="gpt-4.1",reason="none",status="200"} 1`},
		{admin + "/ledger", "foundrylab-key", 401, "api-key"},
		{admin + "/nowhere", "", 401, "api-key"},
		{resource + "/ledger", "secret", 404, ""},
	} {
		if status, text := ask("GET", tt.url, tt.key, ""); status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s with %q: %d %s", tt.url, tt.key, status, text)
		}
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, diagnostics, code := p.end(t); code != exitPass {
		t.Errorf("exit code %d\n%s", code, diagnostics)
	}
}
