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
	const question = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}],"max_tokens":1}`
	if status, text := askOver(t, "POST", resource+"/openai/v1/chat/completions", "foundrylab-key", question); status != 200 {
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
		if status, text := askOver(t, "GET", tt.url, tt.key, ""); status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s with %q: %d %s", tt.url, tt.key, status, text)
		}
	}
	interrupt(t, p)
}

// TestSimScenarioAdmin: the backends of a scenario, each a resource of its own, have one control plane.
func TestSimScenarioAdmin(t *testing.T) {
	p := start(t, "sim", "ptu-outage", "--admin", "127.0.0.1:0", "--log", "disabled")
	_, admin, _ := strings.Cut(strings.TrimSpace(until(t, p.out, "Control plane on ")), " on ")
	words := strings.Fields(until(t, p.out, "http://"))
	name, url, key := words[0], words[1], words[len(words)-1]
	const question = `{"messages":[{"role":"user","content":"Hello"}],"max_tokens":1}`
	at := url + "/openai/deployments/" + name + "/chat/completions?api-version=2024-10-21"
	if status, text := askOver(t, "POST", at, key, question); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := askOver(t, "PUT", admin+"/faults/down", "", `{"backend":"`+name+`","for":"1h","outage":{"mode":"refused"}}`); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := askOver(t, "PUT", admin+"/faults/busy", "", `{"backend":"`+name+`","for":"1h","status":{"code":502}}`); status != 201 {
		t.Fatalf("%d %s", status, text)
	}
	askOver(t, "DELETE", admin+"/faults/down", "", "")
	if status, text := askOver(t, "POST", at, key, question); status != 502 {
		t.Errorf("%d %s", status, text)
	}
	if _, text := askOver(t, "GET", admin+"/ledger", "", ""); strings.Count(text, `"deployment":"`+name+`"`) != 2 {
		t.Errorf("%s", text)
	}
	if _, text := askOver(t, "GET", admin+"/deployments", "", ""); strings.Count(text, `"sku":`) < 2 {
		t.Errorf("%s", text)
	}
	interrupt(t, p)
}

// interrupt ends a process as a person does, and wants it to be content.
func interrupt(t *testing.T, p *process) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, diagnostics, code := p.end(t); code != exitPass {
		t.Errorf("exit code %d\n%s", code, diagnostics)
	}
}

// askOver sends a request with a key.
func askOver(t *testing.T, method, url, key, body string) (int, string) {
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
