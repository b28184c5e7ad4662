package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/gateway/queue"
	"foundrylab/internal/unit"
)

// inTotal makes the pools large and small of a lab's two backends, and gives the client team a total. A token costs ten times
// as much in small.
func inTotal(c *Config, limits budget.Limits) {
	c.Clients = []Client{{Name: "nobody", Key: "n"}, {Name: "team", Key: "k"}}
	inPools(c, Pool{Name: "large"}, Pool{Name: "small"})
	c.Pools[0].Core.Budget.Prices = budget.Prices{Prompt: 2_000_000, Cached: 1_000_000, Completion: 8_000_000}
	c.Pools[1].Core.Budget.Prices = budget.Prices{Prompt: 20_000_000, Cached: 10_000_000, Completion: 80_000_000}
	c.Totals = []Total{{Tenant: "team", Limits: limits}}
}

// ofTotal is what the client team has of its total.
func (lb *lab) ofTotal() budget.Use {
	t := lb.present.Load().totals[1]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.allowance.Use(lb.cfg.Clock.Now())
}

// ask sends a request with a prompt of 33 tokens and 16 of answer at most, which used 20 and 7, says the backend.
func (lb *lab) ask(model string) reply { return lb.post(classicOf(model), marked(7), "api-key", "k") }

func (r reply) told() string {
	return strings.TrimSpace(fmt.Sprint(r.status, " ", r.header.Get("X-Gateway-Reason"), " ", r.header.Get("Retry-After-Ms")))
}

// What is used in one pool counts in the other, whatever is limited; a refusal is that of a pool's own limits, and says more.
func TestTotals(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits budget.Limits
		first  string
		second string
		later  time.Duration // when the second comes through, to the millisecond; 0: never
	}{
		{"tokens of a minute", budget.Limits{TPM: 60}, "200", "429 tenant-tokens 16000", 16 * time.Second},
		{"requests of a minute", budget.Limits{RPM: 1}, "200", "429 tenant-requests 60000", time.Minute},
		{"more than there ever is", budget.Limits{TPM: 48}, "429 too-large", "429 too-large", 0},
		{"a quota of tokens", budget.Limits{Quota: []budget.Quota{{Tokens: 75, Period: "hour"}}}, "200", "403 tenant-quota 3600000", time.Hour},
		{"a quota of money", budget.Limits{Quota: []budget.Quota{{Amount: 2_035, Period: "hour"}}}, "200", "403 tenant-quota 3600000", time.Hour}, // 96 are used, and small wants 1,940
		{"more than the quota", budget.Limits{Quota: []budget.Quota{{Amount: 194, Period: "hour"}}}, "200", "403 tenant-quota", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			small := always(ok)
			lb := newLab(t, []*fake{always(ok), small}, func(cfg *Config) { inTotal(cfg, c.limits) })
			if got := lb.ask("large"); got.told() != c.first {
				t.Errorf("%s: at first %s", c.name, got.told())
			}
			got := lb.ask("small")
			if got.told() != c.second || !strings.Contains(got.body, "of all models together") || got.header.Get("X-Gateway-Pool") != "small" || got.header.Get("X-Gateway-Attempts") != "0" {
				t.Errorf("%s: then %s %v %s", c.name, got.told(), got.header, got.body)
			}
			if len(small.requests()) > 0 || lb.present.Load().pools[1].core.Active() > 0 {
				t.Errorf("%s: the pool has heard of it", c.name)
			}
			synctest.Wait()
			reason := strings.Fields(c.second)[1]
			if log := lb.log.String(); !strings.Contains(log, `"pool":"small","attempts":0,"status":`+c.second[:3]+`,"reason":"`+reason+`"`) {
				t.Errorf("%s: %s", c.name, log)
			}
			if text := textOf(t, lb.Gateway); !strings.Contains(text, fmt.Sprintf(`requests_total{backend="none",pool="small",reason=%q,status=%q,tenant="team"} 1`, reason, c.second[:3])) {
				t.Errorf("%s: it is not counted:\n%s", c.name, text)
			}
			if got := lb.post(classicOf("small"), marked(7), "api-key", "n"); got.status != 200 {
				t.Errorf("%s: another tenant is told %s", c.name, got.told())
			}
			if c.later == 0 {
				return
			}
			time.Sleep(c.later - time.Millisecond)
			if got := lb.ask("small"); got.told() != strings.Join(append(strings.Fields(c.second)[:2], "1"), " ") {
				t.Errorf("%s: just before %v: %s", c.name, c.later, got.told())
			}
			time.Sleep(time.Millisecond)
			if got := lb.ask("small"); got.told() != "200" {
				t.Errorf("%s: after %v: %s", c.name, c.later, got.told())
			}
		})
	}
}

// Requests at a time are those of all pools, whatever they wait for.
func TestTotalOfRequestsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := always(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); ok(w, r) })
		lb := newLab(t, []*fake{slow, always(ok)}, func(cfg *Config) { inTotal(cfg, budget.Limits{Concurrency: 1}) })
		var all sync.WaitGroup
		all.Go(func() { lb.ask("large") })
		time.Sleep(500 * time.Millisecond)
		for _, model := range []string{"small", "large"} {
			if got := lb.ask(model); got.told() != "429 tenant-concurrency" {
				t.Errorf("%s: %s", model, got.told())
			}
		}
		all.Wait()
		if got := lb.ask("small"); got.told() != "200" {
			t.Errorf("when it is over: %s", got.told())
		}
	})
}

// Anthropic's clients are told in their envelope.
func TestTotalOfAnthropicsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) { inTotal(cfg, budget.Limits{RPM: 1}) })
		lb.ask("large")
		got := lb.post("/anthropic/v1/messages", `{"model":"small","max_tokens":5,"messages":[{"role":"user","content":"Hi"}]}`, "x-api-key", "k")
		if got.told() != "429 tenant-requests 60000" || !strings.Contains(got.body, "rate_limit_error") || !strings.Contains(got.body, "of all models together") {
			t.Errorf("%s %s", got.told(), got.body)
		}
	})
}

// A request that does not say how much it wants is taken for as long as the tenant's answers from that pool are; the prompt
// is corrected as soon as an answer begins.
func TestTotalOfWhoDoesNotSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := always(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); ok(w, r) })
		paced := always(stream(time.Second, contentEvent, finishEvent, doneEvent))
		lb := newLab(t, []*fake{slow, paced}, func(cfg *Config) {
			inTotal(cfg, budget.Limits{Quota: []budget.Quota{{Tokens: 1000, Period: "day"}}})
		})
		held := func(model, body string, at time.Duration) int64 {
			t.Helper()
			before := lb.ofTotal().Quotas[0].Used
			done := make(chan struct{})
			go func() { defer close(done); lb.post(classicOf(model), body, "api-key", "k") }()
			time.Sleep(at)
			held := lb.ofTotal().Quotas[0].Used - before
			<-done
			synctest.Wait()
			return held
		}
		unsaid := strings.Replace(marked(7), `,"max_tokens":16`, "", 1)
		if n := held("large", unsaid, time.Millisecond); n != 33 {
			t.Errorf("no answer is known yet, and %d are held", n)
		}
		if n := held("large", unsaid, time.Millisecond); n != 33+7 {
			t.Errorf("answers have 7 tokens, and %d are held", n)
		}
		if n := held("small", unsaid, time.Millisecond); n != 33 {
			t.Errorf("answers of another pool count: %d are held", n)
		}
		counted := strings.Replace(chat, "Say hello.", strings.Repeat("hello ", 100), 1)
		counted = strings.Replace(counted, "}]", `}],"stream":true,"max_tokens":100`, 1)
		if first, then := held("small", counted, time.Millisecond), held("small", counted, 1500*time.Millisecond); first == then || then != 100+108 {
			t.Errorf("%d are held at first, and %d once the prompt is counted", first, then)
		}
	})
}

// way is how a request ends.
type way struct {
	name     string
	answer   http.HandlerFunc
	change   func(*Config)
	before   func(lb *lab) // what happens first, not by team
	body     string        // "": marked(7)
	leave    time.Duration // when its client leaves; 0: never
	want     string        // the answer
	tokens   int64         // that are billed
	requests int64         // that count
}

func endings() []way {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	waits := func(c *Config) {
		c.Pools[0].Core.Queue = &queue.Config{Discipline: "vtc", Quantum: 1000, MaxRequests: 1, MaxBytes: 1 << 20, TTL: unit.Duration(2 * time.Second)}
		c.Pools[0].Core.Breaker.Ramp = unit.Duration(time.Minute)
	}
	another := func(lb *lab) {
		ctx, cancel := context.WithTimeout(lb.t.Context(), time.Minute)
		lb.t.Cleanup(cancel)
		go func() { lb.request(ctx, classicOf("large"), marked(7), "api-key", "n") }()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
	}
	probed := func() http.HandlerFunc { // a backend that was full gets another's request, and no more for a while
		var n atomic.Int32
		return func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) > 1 {
				hang(w, r)
			}
			status(429, "Retry-After", "1")(w, r)
		}
	}
	own := func(l budget.Limits) func(*Config) {
		return func(c *Config) { c.Pools[0].Core.Tenants = []core.Tenant{{Name: "team", Limits: l}} }
	}
	streamed := strings.Replace(marked(7), "}]", `}],"stream":true`, 1)
	events := []string{roleEvent, contentEvent, contentEvent, finishEvent}
	return []way{
		{name: "a whole answer", answer: ok, want: "200", tokens: 27, requests: 1},
		{name: "a stream that tells its usage", answer: stream(0, append(events, usageEvent, doneEvent)...), body: streamed, want: "200", tokens: 62, requests: 1},
		{name: "a stream that does not", answer: stream(0, append(events, doneEvent)...), body: streamed, want: "200", tokens: 35, requests: 1},
		{name: "a stream that breaks off", answer: stream(0, append(events[:3:3], "cut")...), body: streamed, want: "200", tokens: 35, requests: 1},
		{name: "a stream whose client leaves", answer: stream(time.Second, append(events, doneEvent)...), body: streamed, leave: 3500 * time.Millisecond, tokens: 35, requests: 1},
		{name: "its client leaves before it begins", answer: hang, leave: time.Second, tokens: 33, requests: 1},
		{name: "a backend's 400", answer: status(400), want: "400", requests: 1},
		{name: "a backend's 429", answer: status(429, "Retry-After", "1"), want: "429  1000", requests: 1},
		{name: "a backend's 500", answer: status(500), want: "500", requests: 1},
		{name: "a prompt that the filter stops", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":{"code":"content_filter"}}`)
		}, want: "400", tokens: 33, requests: 1},
		{name: "a connection that breaks", answer: reset, want: "502 upstream-error", requests: 1},
		{name: "no answer in time", answer: hang, change: func(c *Config) { c.Pools[0].Core.Timeouts.Head = unit.Duration(time.Second) }, want: "504 attempt-timeout", tokens: 0, requests: 1},
		{name: "the pool's requests of a minute", change: own(budget.Limits{RPM: 1, TPM: 1000}), answer: ok, want: "429 tenant-requests 60000", before: func(lb *lab) { lb.ask("large") }, tokens: 27, requests: 1},
		{name: "the pool's tokens of a minute", change: own(budget.Limits{TPM: 48}), answer: ok, want: "429 too-large"},
		{name: "the pool's quota", change: own(budget.Limits{Quota: []budget.Quota{{Tokens: 48, Period: "day"}}}), answer: ok, want: "403 tenant-quota"},
		{name: "no backend in its zone", change: func(c *Config) { c.Pools[0].Core.Tenants = []core.Tenant{{Name: "team", Zones: []string{"eu"}}} }, answer: ok, want: "403 zone-refused"},
		{name: "the pool is at its bound", change: func(c *Config) { c.Pools[0].Core.MaxInFlight = 1 }, answer: hang, before: another, want: "503 in-flight-bound"},
		{name: "it waits in vain", change: waits, answer: probed(), before: another, want: "429 queue-timeout", requests: 1},
		{name: "its client leaves while it waits", change: waits, answer: probed(), before: another, leave: time.Second, requests: 1},
		{name: "there is no room to wait", change: waits, answer: probed(), before: func(lb *lab) { another(lb); another(lb) }, want: "429 queue-full", requests: 1},
		{name: "a panic", answer: ok, change: func(c *Config) {
			account := c.Account
			c.Account = func(s Spent) { account(s); panic(http.ErrAbortHandler) }
		}, want: "cut", tokens: 27, requests: 1},
	}
}

// Whichever way a request ends, of its total that stays counted which its attempts are billed, and nothing else; one that its
// pool's own limits refuse is as if it had not come.
func TestTotalsAreGivenBack(t *testing.T) {
	for _, c := range endings() {
		synctest.Test(t, func(t *testing.T) {
			var bills sum
			lb := newLab(t, []*fake{always(c.answer), always(ok)}, func(cfg *Config) {
				inTotal(cfg, budget.Limits{RPM: 2, Concurrency: 9, Quota: []budget.Quota{{Tokens: 1000, Period: "day"}, {Amount: 1_000_000, Period: "day"}}})
				cfg.Account, cfg.Pools[0].Core.Retry.Jitter = bills.add(cfg), 0
				if c.change != nil {
					c.change(cfg)
				}
			})
			if c.before != nil {
				c.before(lb)
			}
			body := c.body
			if body == "" {
				body = marked(7)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.leave > 0 {
				time.AfterFunc(c.leave, cancel)
			}
			resp, err := lb.request(ctx, classicOf("large"), body, "api-key", "k")
			got := "cut"
			if err == nil {
				io.ReadAll(resp.Body)
				resp.Body.Close()
				got = reply{status: resp.StatusCode, header: resp.Header}.told()
			}
			if c.leave == 0 && got != c.want && !strings.HasPrefix(got, c.want+" ") {
				t.Errorf("%s: it is answered %s, want %s", c.name, got, c.want)
			}
			synctest.Wait()
			use := lb.ofTotal()
			if use.Active != 0 || use.Quotas[0].Used != c.tokens || use.Quotas[0].Used != bills.tokens || use.Quotas[1].Used != bills.money || (bills.money > 0) != (c.tokens > 0) || use.Requests != c.requests {
				t.Errorf("%s: %+v are used, want %d tokens and %d requests; the bills come to %d, %d of money", c.name, use, c.tokens, c.requests, bills.tokens, bills.money)
			}
			time.Sleep(2 * time.Minute) // what else waits is over
		})
	}
}

// sum is what the bills of team come to.
type sum struct {
	mu            sync.Mutex
	tokens, money int64
}

func (s *sum) add(cfg *Config) func(Spent) {
	pools := cfg.Pools
	return func(spent Spent) {
		if spent.Tenant != 1 {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tokens += spent.Bill.Total()
		for i := range pools {
			if pools[i].Name == spent.Pool {
				s.money += pools[i].Core.Budget.Prices.Of(int64(spent.Bill.Prompt), int64(spent.Bill.Cached), int64(spent.Bill.Completion))
			}
		}
	}
}

// What is refused by its total takes nothing of what its pool grants.
func TestTotalsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) {
			inTotal(cfg, budget.Limits{TPM: 60})
			cfg.Pools[0].Core.Tenants = []core.Tenant{{Name: "team", Limits: budget.Limits{RPM: 2}}}
		})
		for i, want := range []string{"200", "429 tenant-tokens 16000", "429 tenant-tokens 16000"} {
			if got := lb.ask("large"); got.told() != want {
				t.Errorf("request %d: %s", i, got.told())
			}
		}
		time.Sleep(16 * time.Second)
		if got := lb.ask("large"); got.told() != "200" {
			t.Errorf("after its total's wait: %s", got.told())
		}
	})
}
