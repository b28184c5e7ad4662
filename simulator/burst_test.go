package simulator

import (
	"net/http"
	"strings"
	"testing"

	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// pieces keeps what comes in each write, and when.
type pieces struct {
	lab    *lab
	header http.Header
	writes []string
	at     []tick.Instant
}

func (p *pieces) Header() http.Header { return p.header }
func (p *pieces) WriteHeader(int)     {}
func (p *pieces) Flush()              {}
func (p *pieces) Write(b []byte) (int, error) {
	p.writes, p.at = append(p.writes, string(b)), append(p.at, p.lab.clock.Now())
	return len(b), nil
}

// A burst is one write of as many events as it has tokens, at the instant of
// its plan. With an asynchronous filter every write has one token.
func TestBurstsAreWritten(t *testing.T) {
	for filter, longest := range map[string]int{"default": 20, "asynchronous": 1} {
		d := standard("a")
		d.Latency.Filter = filter
		inLab(t, Config{Deployments: []deployment.Config{d}, Seed: 5}, func(l *lab) {
			w := &pieces{lab: l, header: http.Header{}}
			l.serve(w, marked(1, 300, streamed))
			plan, sent, most := l.plan(0, 0), int32(0), 0
			for i, text := range w.writes {
				events := strings.Count(text, `"delta":{"content":"`) - strings.Count(text, `"role":"assistant"`)
				if events == 0 {
					continue
				}
				if at := plan.TokenAt(sent + 1); w.at[i] != at || plan.TokensAt(at) != sent+int32(events) {
					l.Fatalf("%d tokens at %v after %d, planned are %d at %v", events, w.at[i], sent, plan.TokensAt(at)-sent, at)
				}
				sent += int32(events)
				most = max(most, events)
			}
			if sent != 300 || most > longest || most < longest*3/4 {
				l.Errorf("%s: %d tokens, at most %d at once", filter, sent, most)
			}
		})
	}
}
