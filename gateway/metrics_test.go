package gateway

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
)

// textOf is what GET /metrics shows.
func textOf(t *testing.T, g *Gateway) string {
	t.Helper()
	families, err := g.Metrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// Metrics tell who asked, which backend answered and why not, whatever the
// configuration was then; and nothing that is secret or that a client made up.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before Config
		lb := newLab(t, []*fake{always(status(429, "Retry-After", "5")), always(ok)}, func(c *Config) {
			c.Clients = []Client{{Name: "first", Key: "the first one's key"}, {Name: "second", Key: "the second one's key"}}
			before = *c
		})
		for range 3 {
			lb.post(classic, chat, "api-key", "the first one's key")
		}
		lb.post(classic, chat, "api-key", "nobody's key") // never became a request
		next := before
		next.Clients = before.Clients[1:]
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		lb.post(classic, chat, "api-key", "the second one's key")
		text := textOf(t, lb.Gateway)
		for _, want := range []string{
			`foundrylab_gateway_requests_total{backend="b",reason="none",status="200",tenant="first"} 3`,
			`foundrylab_gateway_requests_total{backend="b",reason="none",status="200",tenant="second"} 1`,
			`foundrylab_gateway_attempts_total{backend="b",tenant="first"} 4`, // one was refused by a
			`foundrylab_gateway_completion_tokens_total{backend="b",tenant="first"} 21`,
			`gen_ai_server_request_duration_seconds_count{backend="b",tenant="first"} 3`,
			`foundrylab_gateway_queue_wait_seconds_bucket{backend="b",tenant="second",le="0.001"} 1`,
			`foundrylab_gateway_backend_state{backend="a",state="open"} 1`,
			`foundrylab_gateway_backend_state{backend="b",state="closed"} 1`,
			`foundrylab_gateway_requests_in_flight 0`,
			`foundrylab_gateway_queue_length 0`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("there is no %s in\n%s", want, text)
			}
		}
		if strings.Contains(text, "key") {
			t.Error("a key is told")
		}
		time.Sleep(5 * time.Second) // the breaker's timer ends before the bubble
	})
}
