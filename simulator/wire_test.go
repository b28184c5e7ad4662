package simulator

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

var update = flag.Bool("update", false, "write the goldens anew; then read the difference")

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\ngot\n%s\nwant\n%s", path, got, want)
	}
}

// dump writes a response as it stands on the wire, its headers sorted, and the time it took.
func dump(l *lab, resp *http.Response, took time.Duration) string {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.Fatal(err)
	}
	var lines []string
	for name, values := range resp.Header {
		for _, v := range values {
			lines = append(lines, strings.ToLower(name)+": "+v)
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s after %v\n%s\n\n%s\n", resp.Status, took, strings.Join(lines, "\n"), strings.TrimSpace(string(body)))
}

// wireConfig has a deployment for every limiter.
func wireConfig() Config {
	tokens, calls, ptu := standard("tokens"), standard("calls"), standard("ptu")
	tokens.TPM, tokens.RPM = 1000, 600
	calls.RPM = 6
	ptu.SKU, ptu.TPM, ptu.PTU, ptu.Region = "GlobalProvisionedManaged", 0, 15, "Sweden Central"
	broken, full := standard("broken"), standard("full")
	full.MaxInFlight = 1
	status := func(code int, at time.Duration) fault.Config {
		return fault.Config{Name: fmt.Sprint(code), Backend: "broken", At: unit.Duration(at), For: unit.Duration(time.Hour), Status: &fault.Status{Code: code}}
	}
	return Config{Deployments: []deployment.Config{standard("gpt-4.1"), tokens, calls, ptu, broken, full},
		Faults: []fault.Config{status(429, 0), status(503, time.Hour), status(500, 2*time.Hour), status(418, 3*time.Hour)}}
}

// TestWire holds whole responses, to be read by eye.
func TestWire(t *testing.T) {
	inLab(t, wireConfig(), func(l *lab) {
		var out strings.Builder
		ask := func(what, name, body string) {
			began := time.Now()
			resp, err := l.send(l.Context(), name, body)
			if err != nil {
				l.Fatal(err)
			}
			fmt.Fprintf(&out, "=== %s\n%s\n", what, dump(l, resp, time.Since(began)))
		}
		skip := func(what, name, body string) {
			if resp, _ := l.post(name, body); resp.StatusCode != 200 {
				l.Errorf("%s: %s", what, resp.Status)
			}
		}
		resp, err := l.do(l.Context(), "GET", "/openai/v1/models", "", "Authorization", "Bearer foundrylab-key")
		if err != nil {
			l.Fatal(err)
		}
		fmt.Fprintf(&out, "=== the models\n%s\n", dump(l, resp, 0))
		ask("a whole answer", "gpt-4.1", marked(1, 12, ""))
		ask("a stream, cut by max_tokens", "gpt-4.1", marked(2, 12, `,"max_tokens":3`+streamed))
		ask("provisioned", "ptu", marked(3, 1, `,"max_tokens":600,"stream":true`))
		go skip("another", "ptu", marked(4, 4, `,"max_tokens":2000`))
		synctest.Wait()
		ask("provisioned, above 100 %", "ptu", marked(5, 8, ""))
		skip("most of the minute's tokens", "tokens", marked(6, 1, `,"max_tokens":950`))
		ask("out of tokens", "tokens", marked(7, 1, `,"max_tokens":30`))
		ask("larger than the limit", "tokens", marked(8, 1, `,"max_tokens":1000`))
		skip("the only call", "calls", marked(9, 1, ""))
		ask("out of calls", "calls", marked(10, 1, ""))
		go skip("the only one", "full", marked(11, 500, ""))
		synctest.Wait()
		ask("too many in flight", "full", marked(12, 1, ""))
		for _, status := range []string{"429", "503", "500", "418"} {
			ask("a fault with status "+status, "broken", marked(13, 1, ""))
			time.Sleep(time.Hour)
		}
		checkGolden(l.T, "wire.golden", out.String())
	})
}

// TestChecks holds every check before the limiter, in its order: each request is wrong in one point and in all that are
// checked later.
func TestChecks(t *testing.T) {
	const key, version = "Api-Key", "?api-version=2024-10-21"
	other := standard("other")
	other.Key = "other-key"
	chat := func(name string) string { return "/openai/deployments/" + name + "/chat/completions" }
	long := marked(1, 1, `,"user":"`+strings.Repeat("x", 2000)+`"`)
	tests := []struct {
		name, method, target, body string
		header                     []string
		status                     int
		want                       string // in the body
	}{
		{"unknown path", "POST", "/openai/chat/completions" + version, "", nil, 404, "Resource not found"},
		{"path with two slashes", "POST", "/" + chat("gpt-4.1") + version, "", nil, 404, "Resource not found"},
		{"path with a slash at its end", "POST", chat("gpt-4.1") + "/" + version, "", nil, 404, "Resource not found"},
		{"other method", "GET", chat("gpt-4.1") + version, "", nil, 404, "Resource not found"},
		{"other method, v1", "DELETE", "/openai/v1/chat/completions", "", nil, 404, "Resource not found"},
		{"root", "GET", "/", "", nil, 404, "Resource not found"},
		{"no version", "POST", chat("gpt-4.1"), "", nil, 404, "Resource not found"},
		{"no date", "POST", chat("gpt-4.1") + "?api-version=latest", "", nil, 404, "Resource not found"},
		{"no whole date", "POST", chat("gpt-4.1") + "?api-version=2024-1-021", "", nil, 404, "Resource not found"},
		{"a date on v1", "POST", "/openai/v1/chat/completions" + version, "", nil, 400, "API version not supported"},
		{"no key", "POST", chat("none") + version, "", nil, 401, "invalid subscription key"},
		{"no key, v1", "POST", "/openai/v1/chat/completions", "", nil, 401, "invalid subscription key"},
		{"wrong key", "POST", chat("none") + version, "", []string{key, "foundrylab-kez"}, 401, "invalid subscription key"},
		{"empty bearer", "POST", chat("none") + version, "", []string{"Authorization", "Bearer"}, 401, "invalid subscription key"},
		{"basic", "POST", chat("none") + version, "", []string{"Authorization", "Basic foundrylab-key"}, 401, "invalid subscription key"},
		{"a key as bearer, which is v1's", "POST", chat("none") + version, "", []string{"Authorization", "Bearer foundrylab-key"}, 401, "Access token is missing"},
		{"another's key", "POST", chat("gpt-4.1") + version, "", []string{key, "other-key"}, 401, "invalid subscription key"},
		{"unknown deployment", "POST", chat("none") + version, "", []string{key, "foundrylab-key"}, 404, "DeploymentNotFound"},
		{"no JSON", "POST", chat("gpt-4.1") + version, "{", []string{key, "foundrylab-key"}, 400, "invalid_request_error"},
		{"no messages", "POST", chat("gpt-4.1") + version, "{}", []string{key, "foundrylab-key"}, 400, "messages"},
		{"no JSON, v1", "POST", "/openai/v1/chat/completions", "", []string{key, "foundrylab-key"}, 400, "invalid_request_error"},
		{"no model, v1", "POST", "/openai/v1/chat/completions", `{"messages":[]}`, []string{key, "foundrylab-key"}, 400, `"param":"model"`},
		{"unknown model, v1", "POST", "/openai/v1/chat/completions", `{"model":"none","messages":[]}`, []string{key, "foundrylab-key"}, 404, "DeploymentNotFound"},
		{"model of two deployments, v1", "POST", "/openai/v1/chat/completions", `{"model":"twice","messages":[]}`, []string{key, "foundrylab-key"}, 404, "DeploymentNotFound"},
		{"another's key, v1", "POST", "/openai/v1/chat/completions", marked(1, 1, ""), []string{key, "other-key"}, 401, "invalid subscription key"},
		{"too large", "POST", chat("gpt-4.1") + version, long, []string{key, "foundrylab-key"}, 413, "too large"},
		{"models, no version", "GET", "/openai/models", "", nil, 404, "Resource not found"},
		{"models, a date on v1", "GET", "/openai/v1/models" + version, "", nil, 400, "API version not supported"},
		{"models, no key", "GET", "/openai/v1/models", "", nil, 401, "invalid subscription key"},

		{"health", "GET", "/healthz", "", nil, 200, `{"status":"ok"}`},
		{"models", "GET", "/openai/models?api-version=2024-10-21", "", []string{key, "foundrylab-key"}, 200, `"id":"gpt-4.1-2025-04-14"`},
		{"models, v1", "GET", "/openai/v1/models", "", []string{key, "foundrylab-key"}, 200, `"created":1744588800`},
		{"preview version", "POST", chat("gpt-4.1") + "?api-version=2025-04-01-preview", marked(1, 1, ""), []string{key, "foundrylab-key"}, 200, "chat.completion"},
		{"bearer", "POST", "/openai/v1/chat/completions", marked(1, 1, ""), []string{"Authorization", "bearer foundrylab-key"}, 200, "chat.completion"},
		{"v1 by name", "POST", "/openai/v1/chat/completions", marked(1, 1, ""), []string{key, "foundrylab-key"}, 200, "chat.completion"},
		{"v1 by model", "POST", "/openai/v1/chat/completions?api-version=preview", `{"model":"once","messages":[{"role":"user","content":"a"}],"max_tokens":1}`, []string{key, "foundrylab-key"}, 200, "once-2025-04-14"},
	}
	once, twice, also := standard("first"), standard("second"), standard("third")
	once.Model, twice.Model, also.Model = "once", "twice", "twice"
	inLab(t, Config{Auth: strict, Deployments: []deployment.Config{standard("gpt-4.1"), other, once, twice, also}, MaxBody: 1500}, func(l *lab) {
		for _, tt := range tests {
			resp, err := l.do(l.Context(), tt.method, tt.target, tt.body, tt.header...)
			if err != nil {
				l.Fatal(tt.name, err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
				l.Errorf("%s: %d %s, want %d %s", tt.name, resp.StatusCode, body, tt.status, tt.want)
			}
			if len(resp.Header.Get("Apim-Request-Id")) != 36 || resp.Header.Get("Content-Type") != "application/json" {
				l.Errorf("%s: headers %v", tt.name, resp.Header)
			}
		}
		if a := l.ledger(); len(a) != 4 {
			l.Errorf("%d requests came to a deployment, want the last 4", len(a))
		}
	})
}

func TestRequestIDs(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		seen := map[string]bool{}
		for range 100 {
			resp, err := l.do(l.Context(), "GET", "/healthz", "", "X-Ms-Client-Request-Id", "mine")
			if err != nil {
				l.Fatal(err)
			}
			resp.Body.Close()
			seen[resp.Header.Get("Apim-Request-Id")], seen[resp.Header.Get("X-Request-Id")] = true, true
			if got := resp.Header.Get("X-Ms-Client-Request-Id"); got != "mine" {
				l.Errorf("the client's id came back as %q", got)
			}
		}
		if len(seen) != 200 {
			l.Errorf("%d distinct ids of 200", len(seen))
		}
	})
}

func TestSecondsLeft(t *testing.T) {
	tests := []struct {
		now, window time.Duration // now: after the start
		want        int64
	}{
		{0, time.Minute, 60}, {1, time.Minute, 60}, {time.Second, time.Minute, 59}, {time.Minute - 1, time.Minute, 1},
		{time.Minute, time.Minute, 60}, {25 * time.Second, 10 * time.Second, 5}, {-14500 * time.Millisecond, 10 * time.Second, 25},
	}
	for _, tt := range tests {
		if got := secondsLeft(epoch, epoch.Add(tt.now), tt.window); got != tt.want {
			t.Errorf("%v into windows of %v: %d s, want %d", tt.now, tt.window, got, tt.want)
		}
		w := limit.NewWindow(1, tt.window, epoch) // the limiter itself
		if got := ceilSeconds(w.Reset(epoch.Add(tt.now))); got != tt.want {
			t.Errorf("%v into windows of %v: the limiter has %d s, want %d", tt.now, tt.window, got, tt.want)
		}
	}
}

func TestPercent(t *testing.T) {
	for ppm, want := range map[int32]string{0: "0.0%", 499: "0.0%", 500: "0.1%", 432_000: "43.2%", 999_500: "100.0%", 1_234_567: "123.5%"} {
		if got := percent(ppm); got != want {
			t.Errorf("percent(%d) = %s, want %s", ppm, got, want)
		}
	}
}
