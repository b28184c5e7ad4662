package simulator

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
)

// A request gets the fault that it asks for, in a header or behind the
// deployment's name, and no other request does.
func TestAskedFaults(t *testing.T) {
	const words = `"messages":[{"role":"user","content":"Say hello."}],"stream":true,"max_tokens":50`
	fifty := unit.Count(50)
	for _, c := range []struct {
		wish   string
		status int // 0: no answer
		reason record.Reason
		text   string // in the answer
	}{
		{"status=503", 503, record.StatusFault, "temporarily unable"},
		{"status=429", 429, record.StatusFault, "high demand"},
		{"outage", 0, record.OutageFault, ""},
		{"latency=30s", 200, record.NoReason, "[DONE]"},
		{"abort", 200, record.CutFault, ""},
		{"stale", 200, record.NoReason, "[DONE]"}, // it builds upon nothing
		{"status=abc", 400, record.NoReason, "status needs a code from 400 to 599"},
		{"meteor", 400, record.NoReason, "unknown fault"},
	} {
		for _, way := range []string{"header", "path", "model"} {
			d := standard("chat")
			d.Output = &distribution.Config{Constant: &fifty}
			inLab(t, Config{Deployments: []deployment.Config{d}}, func(l *lab) {
				began := time.Now()
				resp, err := l.ask(way, c.wish, words)
				if c.status == 0 {
					if err == nil {
						l.Errorf("%s by %s: %s", c.wish, way, resp.Status)
					}
				} else if err != nil {
					l.Fatal(err)
				} else {
					body, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					if resp.StatusCode != c.status || !strings.Contains(string(body), c.text) {
						l.Errorf("%s by %s: %s %s", c.wish, way, resp.Status, body)
					}
				}
				if late := time.Since(began) >= 30*time.Second; late != (c.wish == "latency=30s") {
					l.Errorf("%s by %s took %v", c.wish, way, time.Since(began))
				}
				if c.status == 400 {
					return
				}
				if a := l.ledger(); len(a) != 1 || a[0].Reason != c.reason {
					l.Errorf("%s by %s: the ledger has %+v", c.wish, way, a)
				}
				if resp, err := l.send(l.Context(), "chat", "{"+words+"}"); err != nil || resp.StatusCode != 200 {
					l.Errorf("after %s: %v", c.wish, err)
				} else {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
	}
}

func (l *lab) ask(way, wish, words string) (*http.Response, error) {
	const classic = "/openai/deployments/chat/chat/completions?api-version=2024-10-21"
	switch way {
	case "header":
		return l.do(l.Context(), "POST", classic, "{"+words+"}", "Api-Key", "foundrylab-key", "X-Foundrylab-Fault", wish)
	case "path":
		return l.do(l.Context(), "POST", strings.Replace(classic, "chat/", "chat!"+wish+"/", 1), "{"+words+"}", "Api-Key", "foundrylab-key")
	}
	return l.do(l.Context(), "POST", "/openai/v1/chat/completions", `{"model":"chat!`+wish+`",`+words+"}", "Api-Key", "foundrylab-key")
}
