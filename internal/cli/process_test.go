package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a running foundrylab.
type process struct {
	*exec.Cmd
	out, err *bufio.Reader
}

// start runs foundrylab as a process of its own, for a minute at most.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, "foundrylab", args...)}
	for _, stream := range []struct {
		pipe func() (io.ReadCloser, error)
		to   **bufio.Reader
	}{{p.StdoutPipe, &p.out}, {p.StderrPipe, &p.err}} {
		pipe, err := stream.pipe()
		if err != nil {
			t.Fatal(err)
		}
		*stream.to = bufio.NewReader(pipe)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// until reads lines up to one with a text in it.
func until(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	for seen := ""; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("no line with %q (%v) in:\n%s", text, err, seen)
		}
		if strings.Contains(line, text) {
			return line
		}
		seen += line
	}
}

// end waits for the process and returns what it still said and its exit code.
func (p *process) end(t *testing.T) (out, err string, code int) {
	t.Helper()
	var rest bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&rest, p.err) // what is missing shows in what is compared
	}()
	text, _ := io.ReadAll(p.out)
	<-done
	_ = p.Wait() // the exit code says it
	return string(text), rest.String(), p.ProcessState.ExitCode()
}

// busy is a scenario of many short requests, of which some are over soon.
const busy = `version: 1
duration: 1m
drain: 2s
backends:
  - {name: east, model: gpt-4.1, sku: GlobalStandard, tpm: 2M, latency: {ttft: {p50: 10ms, p95: 20ms}}}
  - {name: west, model: gpt-4.1, sku: GlobalStandard, tpm: 2M, latency: {ttft: {p50: 10ms, p95: 20ms}}}
gateway: {route: {groups: [[east], [west]]}}
tenants:
  - name: chat
    arrivals: {poisson: {rate: 20/s}}
    output: 2
faults:
  - {name: outage, backend: east, at: 1s, for: 5s, outage: {}}
assert:
  - failover("outage").time_to_recover < 1ms
`

// TestInterrupt stops a run in its middle: what was measured so far is
// reported all the same, and the exit code says that it is not all.
func TestInterrupt(t *testing.T) {
	tests := []struct {
		name   string
		signal os.Signal
		args   []string
	}{
		{"virtual SIGINT", os.Interrupt, []string{"--set", "duration=20000h"}},
		{"virtual SIGTERM", syscall.SIGTERM, []string{"--set", "duration=20000h"}},
		{"live SIGINT", os.Interrupt, []string{"--mode", "live"}},
		{"live SIGTERM", syscall.SIGTERM, []string{"--mode", "live"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, out, entries := filepath.Join(dir, "s.yaml"), filepath.Join(dir, "out"), filepath.Join(dir, "run.jsonl")
			if err := os.WriteFile(file, []byte(busy), 0o644); err != nil {
				t.Fatal(err)
			}
			p := start(t, append([]string{"run", file, "--out", out, "--record", entries}, test.args...)...)
			until(t, p.err, " elapsed") // the first line of progress
			if err := p.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			text, diagnostics, code := p.end(t)
			if code != exitInterrupted {
				t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, diagnostics)
			}
			if !strings.Contains(text, "interrupted") || !strings.Contains(diagnostics, "Reports: "+out) {
				t.Errorf("stdout:\n%s\nstderr:\n%s", text, diagnostics)
			}
			wantInterruptedReport(t, out)
			if names := list(t, dir); !slices.Equal(names, []string{"out", "run.jsonl", "s.yaml"}) {
				t.Errorf("it left behind %v", names)
			}
		})
	}
}

func wantInterruptedReport(t *testing.T, dir string) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Interrupted bool `json:"interrupted"`
		Totals      struct {
			Requests int64 `json:"requests"`
		} `json:"totals"`
	}
	if err := json.Unmarshal(src, &report); err != nil {
		t.Fatal(err)
	}
	if !report.Interrupted || report.Totals.Requests == 0 {
		t.Errorf("report.json says %+v", report)
	}
	if names := list(t, dir); !slices.Equal(names, []string{"junit.xml", "report.html", "report.json", "report.md"}) {
		t.Errorf("the reports are %v", names)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSim serves until it is told to stop, which is no failure.
func TestSim(t *testing.T) {
	const question = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}],"max_tokens":5}`
	tests := []struct {
		name, line, path, key string // line: what says where it is
		signal                os.Signal
		args                  []string
	}{
		{"ready-made", "Simulating on ", "/openai/v1/chat/completions", "foundrylab-key", os.Interrupt,
			[]string{"sim", "--listen", "127.0.0.1:0"}},
		{"scenario", "paygo-fra ", "/openai/deployments/paygo-fra/chat/completions?api-version=2024-10-21", "secret", syscall.SIGTERM,
			[]string{"sim", "ptu-outage", "--set", "backends[paygo-fra].key=secret"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, test.args...)
			line := until(t, p.out, test.line)
			_, url, _ := strings.Cut(line, "http://")
			url, _, _ = strings.Cut(url, " ")
			if !strings.HasSuffix(strings.TrimSpace(line), "api-key: "+test.key) {
				t.Errorf("the key is not told: %s", line)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+url+test.path, strings.NewReader(question))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Api-Key", test.key)
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"choices"`)) {
				t.Errorf("%v, %s: %s", err, response.Status, body)
			}
			if err := p.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if _, diagnostics, code := p.end(t); code != exitPass {
				t.Errorf("exit code %d\n%s", code, diagnostics)
			}
		})
	}
}

// TestSimResources: several resources are one process, each on the shared address by path and host, and on its own.
func TestSimResources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resources.yaml")
	docsWrite(t, file, `version: 1
resources:
  - {name: contoso-swe, region: Sweden Central, key: swe}
  - {name: contoso-fra, region: France Central, key: fra, listen: "127.0.0.1:0"}
`)
	p := start(t, "sim", "--resources", file, "--listen", "127.0.0.1:0", "--log", "disabled")
	_, url, _ := strings.Cut(until(t, p.out, "Simulating on "), " on ")
	url, _, _ = strings.Cut(url, " ")
	until(t, p.out, "contoso-fra  France Central  api-key: fra")
	byPath := strings.TrimSpace(until(t, p.out, "/resources/contoso-fra"))
	until(t, p.out, "http://contoso-fra.localhost:")
	own := strings.TrimSpace(until(t, p.out, "http://127.0.0.1:"))
	for _, tt := range []struct{ url, key, region string }{{url, "swe", "Sweden Central"}, {byPath, "fra", "France Central"}, {own, "fra", "France Central"}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tt.url+"/openai/v1/embeddings", strings.NewReader(`{"model":"text-embedding-3-small","input":"Hello"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Api-Key", tt.key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Header.Get("X-Ms-Region") != tt.region {
			t.Errorf("%s: %s in %s", tt.url, response.Status, response.Header.Get("X-Ms-Region"))
		}
	}
	interrupt(t, p)
}

// TestSimAOAISimulator: what another simulator's environment describes is served, with its control path.
func TestSimAOAISimulator(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deployments.json")
	docsWrite(t, file, `{"chat": {"model": "gpt-4o", "tokensPerMinute": 1000}}`)
	for name, value := range map[string]string{"SIMULATOR_API_KEY": "my-key", "OPENAI_DEPLOYMENT_CONFIG_PATH": file, "LATENCY_OPENAI_CHAT_COMPLETIONS_MEAN": "1"} {
		t.Setenv(name, value)
	}
	p := start(t, "sim", "--aoai-simulator", "--listen", "127.0.0.1:0", "--log", "disabled")
	line := until(t, p.out, "Simulating on ")
	_, url, _ := strings.Cut(line, " on ")
	url, _, _ = strings.Cut(url, " ")
	if !strings.HasSuffix(strings.TrimSpace(line), "api-key: my-key") {
		t.Errorf("%s", line)
	}
	if status, text := askOver(t, "GET", url+"/++/config", "my-key", ""); status != 200 || !strings.Contains(text, `"chat":{"tokens_per_minute":1000,"model":{"name":"gpt-4o"}}`) ||
		!strings.Contains(text, `"open_ai_chat_completions":{"mean":1,"std_dev":6}`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := askOver(t, "POST", url+"/openai/deployments/chat/chat/completions?api-version=2024-02-01", "my-key", `{"messages":[{"role":"user","content":"Hello"}],"max_tokens":5}`); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	interrupt(t, p)
}

// TestSimExtension: what a URL says is answered.
func TestSimExtension(t *testing.T) {
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"text":"from elsewhere"}`) }))
	defer asked.Close()
	p := start(t, "sim", "--extension", asked.URL, "--listen", "127.0.0.1:0", "--log", "disabled")
	_, url, _ := strings.Cut(until(t, p.out, "Simulating on "), " on ")
	url, _, _ = strings.Cut(url, " ")
	if status, text := askOver(t, "POST", url+"/openai/v1/chat/completions", "foundrylab-key", `{"model":"mine","messages":[{"role":"user","content":"Hello"}]}`); status != 200 || !strings.Contains(text, `"content":"from elsewhere"`) {
		t.Errorf("%d %s", status, text)
	}
	interrupt(t, p)
}
