package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/internal/drive"
)

// textOf is what GET /metrics shows, in a bubble, once everybody waits: a
// request is counted after its answer, which its client may have before.
func textOf(t *testing.T, g *Gateway) string {
	t.Helper()
	synctest.Wait()
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
			`foundrylab_gateway_requests_total{backend="b",pool="",reason="none",status="200",tenant="first"} 3`,
			`foundrylab_gateway_requests_total{backend="b",pool="",reason="none",status="200",tenant="second"} 1`,
			`foundrylab_gateway_attempts_total{backend="b",pool="",tenant="first"} 4`, // one was refused by a
			`foundrylab_gateway_completion_tokens_total{backend="b",pool="",tenant="first"} 21`,
			`gen_ai_server_request_duration_seconds_count{backend="b",pool="",tenant="first"} 3`,
			`foundrylab_gateway_queue_wait_seconds_bucket{backend="b",pool="",tenant="second",le="0.001"} 1`,
			`foundrylab_gateway_backend_state{backend="a",pool="",state="open"} 1`,
			`foundrylab_gateway_backend_state{backend="b",pool="",state="closed"} 1`,
			`foundrylab_gateway_requests_in_flight{pool=""} 0`,
			`foundrylab_gateway_queue_length{pool=""} 0`,
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

// A backend that comes while metrics are gathered is not taken for none.
func TestMetricsWhileBackendsCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, nil)
		of := lb.present.Load().pools[0].tallies[0]
		of.mu.Lock()
		for _, backend := range []int{0, 1, core.MaxBackends} {
			of.at(backend).attempts = uint64(10 + backend)
		}
		of.mu.Unlock()
		text := textOf(t, lb.Gateway)
		for _, want := range []string{`attempts_total{backend="a",pool="",tenant="none"} 10`, `attempts_total{backend="none",pool="",tenant="none"} 74`} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("there is no %s in\n%s", want, text)
			}
		}
	})
}

// What tenants have of their own limits is told while they have it, and who is gone or has none is not told of.
func TestTenantMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at the first moment of a year
		var before Config
		lb := newLab(t, []*fake{always(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); ok(w, r) })}, func(c *Config) {
			c.Clock = drive.WallClock()
			c.Clients = []Client{{Name: "first", Key: "the first one's key"}, {Name: "second", Key: "the second one's key"}, {Name: "free", Key: "the free one's key"}}
			c.Core.Tenants = []core.Tenant{
				{Name: "first", Limits: budget.Limits{TPM: 6_000, RPM: 120, Concurrency: 3, Quota: []budget.Quota{{Tokens: 1_000_000, Period: "month"}}}},
				{Name: "second", Limits: budget.Limits{RPM: 60}},
			}
			before = *c
		})
		body := marked(7) // a prompt of 33 tokens, and 16 at most
		lines := func() (list []string) {
			for line := range strings.Lines(textOf(t, lb.Gateway)) {
				if strings.HasPrefix(line, "foundrylab_gateway_tenant_") {
					list = append(list, strings.TrimPrefix(strings.TrimSpace(line), "foundrylab_gateway_tenant_"))
				}
			}
			return list
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if got := lines(); !slices.Equal(got, want) {
				t.Errorf("%s:\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		done := make(chan struct{})
		go func() { defer close(done); lb.post(classic, body, "api-key", "the first one's key") }()
		time.Sleep(100 * time.Millisecond)
		expect("one is under way",
			`limit{limit="concurrency",pool="",tenant="first"} 3`, `limit{limit="requests",pool="",tenant="first"} 120`, `limit{limit="requests",pool="",tenant="second"} 60`, `limit{limit="tokens",pool="",tenant="first"} 6000`,
			`quota_reset_timestamp_seconds{period="month",pool="",tenant="first"} 9.493632e+08`, // 2000-02-01
			`quota_tokens{period="month",pool="",tenant="first"} 1e+06`, `quota_used_tokens{period="month",pool="",tenant="first"} 49`,
			`used{limit="concurrency",pool="",tenant="first"} 1`, `used{limit="requests",pool="",tenant="first"} 1`, `used{limit="requests",pool="",tenant="second"} 0`, `used{limit="tokens",pool="",tenant="first"} 39`)
		<-done
		next := before
		next.Clients = before.Clients[:1]
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		expect("it is over",
			`limit{limit="concurrency",pool="",tenant="first"} 3`, `limit{limit="requests",pool="",tenant="first"} 120`, `limit{limit="tokens",pool="",tenant="first"} 6000`,
			`quota_reset_timestamp_seconds{period="month",pool="",tenant="first"} 9.493632e+08`, `quota_tokens{period="month",pool="",tenant="first"} 1e+06`,
			`quota_used_tokens{period="month",pool="",tenant="first"} 27`, // the 20 that the backend counted and the 7 of the answer
			`used{limit="concurrency",pool="",tenant="first"} 0`, `used{limit="requests",pool="",tenant="first"} 0`, `used{limit="tokens",pool="",tenant="first"} 0`)
	})
}

// What tokens cost is told in the log and the metrics where there are prices, and a quota in money is one of them.
func TestSpendingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cfg Config
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) {
			c.Clock = drive.WallClock()
			c.Clients = []Client{{Name: "first", Key: "the first one's key"}}
			c.Core.Budget.Prices = budget.Prices{Prompt: 2_000_000, Completion: 8_000_000}
			c.Core.Tenants = []core.Tenant{{Name: "first", Limits: budget.Limits{Quota: []budget.Quota{{Amount: 100, Period: "month"}}}}} // 0.0001
			cfg = *c
		})
		post := func() reply { return lb.post(classic, marked(7), "api-key", "the first one's key") } // 33 prompt tokens, 16 at most: 0.000194
		if r := post(); r.status != 403 || r.header.Get("X-Gateway-Reason") != "tenant-quota" {
			t.Errorf("what may cost more than there is: %+v", r)
		}
		cfg.Core.Tenants = []core.Tenant{{Name: "first", Limits: budget.Limits{Quota: []budget.Quota{{Amount: 250, Period: "month"}}}}}
		if err := lb.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		if r := post(); r.status != 200 { // 20 and 7 tokens, says the backend: 0.000096
			t.Errorf("%+v", r)
		}
		text := textOf(t, lb.Gateway)
		for _, want := range []string{
			`foundrylab_gateway_billed_amount_total{backend="a",pool="",tenant="first"} 9.6e-05`,
			`foundrylab_gateway_billed_tokens_total{backend="a",count="exact",kind="prompt",pool="",tenant="first"} 20`,
			`foundrylab_gateway_billed_tokens_total{backend="a",count="estimated",kind="prompt",pool="",tenant="first"} 0`,
			`foundrylab_gateway_charged_tokens_total{backend="a",pool="",tenant="first"} 33`,
			`foundrylab_gateway_tenant_quota_amount{period="month",pool="",tenant="first"} 0.00025`,
			`foundrylab_gateway_tenant_quota_used_amount{period="month",pool="",tenant="first"} 9.6e-05`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("there is no %s in\n%s", want, text)
			}
		}
		if log := lb.log.String(); !strings.Contains(log, `"billed_amount":0.000096`) {
			t.Error(log)
		}
	})
}

// The gauges of tenants tell of totals, in a gateway of one pool without a name too, beside what that grants.
func TestTotalMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) {
			c.Clock = drive.WallClock()
			c.Clients = []Client{{Name: "team", Key: "k"}, {Name: "free", Key: "f"}}
			c.Core.Budget.Prices = budget.Prices{Prompt: 2_000_000, Completion: 8_000_000}
			c.Core.Tenants = []core.Tenant{{Name: "team", Limits: budget.Limits{RPM: 120}}}
			c.Totals = []Total{{Tenant: "team", Limits: budget.Limits{TPM: 6_000, RPM: 60, Concurrency: 3, Quota: []budget.Quota{{Amount: 250, Period: "month"}, {Tokens: 1_000_000, Period: "day"}}}}}
		})
		lb.ask("gpt-4.1")
		var all bytes.Buffer
		for line := range strings.Lines(textOf(t, lb.Gateway)) {
			if rest, is := strings.CutPrefix(line, "foundrylab_gateway_tenant_"); is {
				all.WriteString(rest)
			}
		}
		want := `limit{limit="concurrency",pool="*",tenant="team"} 3
limit{limit="requests",pool="",tenant="team"} 120
limit{limit="requests",pool="*",tenant="team"} 60
limit{limit="tokens",pool="*",tenant="team"} 6000
quota_amount{period="month",pool="*",tenant="team"} 0.00025
quota_reset_timestamp_seconds{period="day",pool="*",tenant="team"} 9.467712e+08
quota_reset_timestamp_seconds{period="month",pool="*",tenant="team"} 9.493632e+08
quota_tokens{period="day",pool="*",tenant="team"} 1e+06
quota_used_amount{period="month",pool="*",tenant="team"} 9.6e-05
quota_used_tokens{period="day",pool="*",tenant="team"} 27
used{limit="concurrency",pool="*",tenant="team"} 0
used{limit="requests",pool="",tenant="team"} 1
used{limit="requests",pool="*",tenant="team"} 1
used{limit="tokens",pool="*",tenant="team"} 27
`
		if all.String() != want {
			t.Errorf("%s\nwant\n%s", &all, want)
		}
	})
}
