package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/internal/drive"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// hedging has a lab's attempts hedged after so long.
func hedging(after time.Duration) func(*Config) {
	return func(c *Config) { c.Core.Hedge.After = unit.Duration(after) }
}

// later answers like another handler after a while, unless the client leaves before that; of what left it keeps when.
func later(after time.Duration, then http.HandlerFunc) *hung {
	began := time.Now()
	h := new(hung)
	h.fake = always(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(after):
			then(w, r)
		case <-r.Context().Done():
			h.mu.Lock()
			h.letGo = append(h.letGo, time.Since(began))
			h.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
	})
	return h
}

// whole is a stream with all that belongs to one, over seven seconds.
func whole() http.HandlerFunc {
	return stream(time.Second, filterEvent, roleEvent, contentEvent, contentEvent, finishEvent, usageEvent, doneEvent)
}

// Where the first backend does not begin its answer, however far it has come, the second one's comes through as it would alone,
// as soon as it begins, and the first one is let go of at that moment.
func TestHedgeWins(t *testing.T) {
	const after = 2 * time.Second
	for name, first := range noBeginnings() {
		for kind, second := range map[string]http.HandlerFunc{"answer": ok, "stream": whole()} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					alone := newLab(t, []*fake{always(second)}, nil).post(v1, chat)
					began := time.Now()
					a := hangs(first)
					lb := newLab(t, []*fake{a.fake, always(second)}, hedging(after))
					resp, err := lb.request(t.Context(), v1, chat)
					if err != nil {
						t.Fatal(err)
					}
					begins := time.Since(began)
					want := after + half
					if kind == "stream" { // with its content
						want += 3 * time.Second
					}
					got := answerOf(resp)
					synctest.Wait()
					if got.status != 200 || got.err != nil || got.body != alone.body || begins != want {
						t.Errorf("%d %v begins after %v, want %v: %s", got.status, got.err, begins, want, got.body)
					}
					if h := got.header; h.Get("X-Gateway-Backend") != "b" || h.Get("X-Gateway-Attempts") != "2" {
						t.Errorf("%v", h)
					}
					if name == "in the middle of an error" {
						want = min(want, errorBodyTime)
					}
					if len(a.letGo) != 1 || a.letGo[0] != want {
						t.Errorf("the first backend was let go of after %v, want %v", a.letGo, want)
					}
					if log := lb.log.String(); !strings.Contains(log, `"backend":"b","hedged":true,"attempts":2,"status":200`) {
						t.Errorf("log: %s", log)
					}
					lb.idle()
				})
			})
		}
	}
}

// What else may become of two attempts: who answers, when, with what, and when the other backend is let go of.
func TestHedges(t *testing.T) {
	const s = time.Second
	slow := func(d time.Duration, then http.HandlerFunc) func() *hung {
		return func() *hung { return later(d, then) }
	}
	for _, c := range []struct {
		name     string
		backends []func() *hung
		from     string // "": the gateway
		status   int
		attempts string
		at       time.Duration
		letGo    []time.Duration // by backend; 0: it was not
	}{
		{"the first begins after all", []func() *hung{slow(3*s, ok), slow(9*s, ok)}, "a", 200, "2", 3 * s, []time.Duration{0, 3 * s}},
		{"the first begins in time", []func() *hung{slow(s, ok), slow(0, ok)}, "a", 200, "1", s, []time.Duration{0, 0}},
		{"the first fails, and nothing is sent again", []func() *hung{slow(3*s, status(503)), slow(3*s, ok), slow(0, ok)}, "b", 200, "2", 5*s + half, []time.Duration{0, 0, 0}},
		{"the second fails, and nothing is sent again", []func() *hung{slow(9*s, ok), slow(s, status(503)), slow(0, ok)}, "a", 200, "2", 9 * s, []time.Duration{0, 0, 0}},
		{"both fail, the first last", []func() *hung{slow(5*s, status(503)), slow(s, reset), slow(0, ok)}, "c", 200, "3", 5 * s, []time.Duration{0, 0, 0}},
		{"both fail, the second last", []func() *hung{slow(3*s, reset), slow(3*s, status(503)), slow(0, ok)}, "c", 200, "3", 5*s + half, []time.Duration{0, 0, 0}},
		{"all fail, the first last", []func() *hung{slow(5*s, status(503)), slow(s, status(500))}, "a", 503, "2", 5 * s, []time.Duration{0, 0}},
		{"all fail, the second last", []func() *hung{slow(3*s, status(500)), slow(3*s, status(503))}, "b", 503, "2", 5*s + half, []time.Duration{0, 0}},
		{"all fail, the second without an answer", []func() *hung{slow(3*s, status(500)), slow(3*s, reset)}, "", 502, "2", 5*s + half, []time.Duration{0, 0}},
		{"the retry is hedged too", []func() *hung{slow(3*s, status(500)), slow(2*s, status(500)), slow(9*s, ok), slow(s, ok)}, "d", 200, "4", 7*s + 2*half, []time.Duration{0, 0, 7*s + 2*half, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all []*hung
				var fakes []*fake
				for _, make := range c.backends {
					all = append(all, make())
					fakes = append(fakes, all[len(all)-1].fake)
				}
				lb := newLab(t, fakes, func(cfg *Config) {
					hedging(2 * s)(cfg)
					cfg.Core.Retry.Attempts = 4
				})
				got := lb.post(v1, chat)
				synctest.Wait()
				if got.status != c.status || got.at != c.at || got.header.Get("X-Gateway-Attempts") != c.attempts {
					t.Errorf("%d after %v and %s attempts, want %d after %v and %s", got.status, got.at, got.header.Get("X-Gateway-Attempts"), c.status, c.at, c.attempts)
				}
				if made := got.header.Get("X-Gateway-Reason") != ""; made != (c.from == "") || !made && got.header.Get("X-Gateway-Backend") != c.from ||
					c.status == 503 && !strings.Contains(got.body, `"503"`) {
					t.Errorf("%v: %s", got.header, got.body)
				}
				for i, h := range all {
					if want := c.letGo[i]; want == 0 && len(h.letGo) > 0 || want > 0 && !slices.Equal(h.letGo, []time.Duration{want}) {
						t.Errorf("backend %d was let go of after %v, want %v", i, h.letGo, want)
					}
				}
				lb.idle()
			})
		})
	}
}

// Every attempt is accounted, once: the one that was outrun as one whose client left, and each with the time that it had.
func TestHedgesAreAccounted(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name          string
		first, second *hung
		leaves        time.Duration // the client; 0: it does not
		want          []string      // backend, number, hedge, status, reason, whether the bill is exact and has a prompt
		won, lost     int
	}{
		{"the second wins", hangs(nil), later(s, ok), 0, []string{"a 1 false 0 outrun false true", "b 2 true 200 none true true"}, 1, 0},
		{"the second wins, while the first has begun with a stream", hangs(stream(0, roleEvent)), later(s, ok), 0, []string{"a 1 false 200 outrun false true", "b 2 true 200 none true true"}, 1, 0},
		{"the first wins", later(3*s, ok), hangs(nil), 0, []string{"b 2 true 0 outrun false true", "a 1 false 200 none true true"}, 0, 1},
		{"the second fails", later(4*s, ok), later(s, status(500)), 0, []string{"b 2 true 500 backend-status true false", "a 1 false 200 none true true"}, 0, 1},
		{"the client leaves both", hangs(nil), hangs(nil), 5 * s, []string{"a 1 false 0 client-gone false true", "b 2 true 0 client-gone false true"}, 0, 1},
		{"the client leaves the second, whose stream has begun", hangs(nil), hangs(stream(0, contentEvent)), 5 * s, []string{"a 1 false 0 outrun false true", "b 2 true 200 client-gone false true"}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.first.fake == nil || c.second.fake == nil {
					t.Fatal("no backend")
				}
				var told []string
				lb := newLab(t, []*fake{c.first.fake, c.second.fake}, func(cfg *Config) {
					hedging(2 * s)(cfg)
					cfg.Account = func(a Spent) {
						told = append(told, fmt.Sprintf("%s %d %v %d %v %v %v", a.Backend, a.Attempt, a.Hedge, a.Status, a.Reason, a.Bill.Exact, a.Bill.Prompt > 0))
					}
				})
				ctx := t.Context()
				if c.leaves > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.leaves)
					defer cancel()
				}
				if resp, err := lb.request(ctx, v1, chat); err == nil {
					answerOf(resp)
				}
				synctest.Wait()
				if !slices.Equal(told, c.want) {
					t.Errorf("%q, want %q", told, c.want)
				}
				text := textOf(t, lb.Gateway)
				for outcome, n := range map[string]int{"won": c.won, "lost": c.lost} {
					if want := fmt.Sprintf(`foundrylab_gateway_hedges_total{outcome="%s",pool=""} %d`, outcome, n); !strings.Contains(text, want+"\n") {
						t.Errorf("no %s", want)
					}
				}
				lb.idle()
			})
		})
	}
}

// A tenant's total of all models pays for both attempts, as its bill does; what the pool grants it pays for the answer alone.
func TestHedgesInTotals(t *testing.T) {
	for name, c := range map[string]struct {
		first, second func() *hung
		used          int64 // of the total: the prompt's 33 tokens of who was outrun, 27 of who answered
	}{
		"the second wins":  {func() *hung { return hangs(nil) }, func() *hung { return later(time.Second, ok) }, 60},
		"the first wins":   {func() *hung { return later(3*time.Second, ok) }, func() *hung { return hangs(nil) }, 60},
		"the second fails": {func() *hung { return later(4*time.Second, ok) }, func() *hung { return later(time.Second, stream(0, "cut")) }, 60},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				quota := budget.Limits{Quota: []budget.Quota{{Tokens: 1000, Period: "day"}}}
				lb := newLab(t, []*fake{c.first().fake, c.second().fake}, func(cfg *Config) {
					hedging(2 * time.Second)(cfg)
					cfg.Clients = []Client{{Name: "nobody", Key: "n"}, {Name: "team", Key: "k"}}
					cfg.Core.Tenants = []core.Tenant{{Name: "team", Limits: quota}}
					cfg.Totals = []Total{{Tenant: "team", Limits: quota}}
				})
				if got := lb.ask("gpt-4.1"); got.status != 200 {
					t.Errorf("%d %s", got.status, got.body)
				}
				synctest.Wait()
				var ofPool budget.Use
				lb.driver.Locked(func(now tick.Instant) { ofPool = lb.core.Use(now, 1) })
				if total := lb.ofTotal(); total.Quotas[0].Used != c.used || total.Active != 0 || ofPool.Quotas[0].Used != 27 || ofPool.Active != 0 {
					t.Errorf("%d of the total are used, want %d; %d of the pool's", total.Quotas[0].Used, c.used, ofPool.Quotas[0].Used)
				}
			})
		})
	}
}

// Whoever leaves, leaves both backends at once, and only what one of them had begun to say was for its client.
func TestClientLeavesTwoAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := hangs(nil), hangs(stream(0, roleEvent))
		lb := newLab(t, []*fake{a.fake, b.fake}, hedging(time.Second))
		ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
		defer leave()
		if _, err := lb.request(ctx, v1, chat); err == nil {
			t.Error("somebody answered")
		}
		synctest.Wait()
		if len(a.letGo) != 1 || a.letGo[0] != 3*time.Second || len(b.letGo) != 1 || b.letGo[0] != 3*time.Second {
			t.Errorf("let go of after %v and %v", a.letGo, b.letGo)
		}
		if e := lb.responds(); len(e) != 1 || e[0].Reason != record.ClientGone || !e[0].Hedge || e[0].Attempts != 2 {
			t.Errorf("%+v", e)
		}
		for _, s := range lb.Tape().Steps {
			if s.Event.Kind == core.End { // it would count against the backend
				t.Errorf("an attempt failed: %+v", s.Event)
			}
		}
		lb.idle()
	})
}

// Each of two attempts has its own time to begin, and the answer of the second its pauses.
func TestTimeoutsOfHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const head, idle, after = 4 * time.Second, 3 * time.Second, time.Second
		a, b := hangs(nil), hangs(nil)
		both := func(c *Config) {
			within(head, idle, "content")(c)
			hedging(after)(c)
		}
		lb := newLab(t, []*fake{a.fake, b.fake}, both)
		got := lb.post(v1, chat)
		synctest.Wait()
		if got.status != 504 || got.at != after+head+2*half || !slices.Equal(a.letGo, []time.Duration{head + half}) || !slices.Equal(b.letGo, []time.Duration{got.at}) {
			t.Errorf("%d after %v; let go of %v and %v", got.status, got.at, a.letGo, b.letGo)
		}
		lb.idle()
		began := time.Now()
		lb = newLab(t, []*fake{hangs(nil).fake, hangs(stream(0, contentEvent, contentEvent)).fake}, both)
		got = lb.post(v1, chat)
		if took := time.Since(began); got.status != 200 || got.err == nil || took != after+half+idle+half {
			t.Errorf("%d %v after %v: %s", got.status, got.err, took, got.body)
		}
		if e := lb.responds(); len(e) != 1 || e[0].Reason != record.AttemptTimeout || e[0].Completion != 2 {
			t.Errorf("%+v", e)
		}
		lb.idle()
	})
}

// The two attempts are beside one another below their request, and who is outrun has not failed.
func TestSpansOfHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer, change := traced("")
		lb := newLab(t, []*fake{hangs(nil).fake, later(time.Second, ok).fake}, func(c *Config) {
			change(c)
			hedging(2 * time.Second)(c)
		})
		lb.post(v1, chat)
		synctest.Wait()
		got := told(tracer.Take())
		for _, want := range []string{
			`0 below 2: 0s to 3.00005s "chat dep-a" failed=false`, "foundrylab.backend=a foundrylab.reason=outrun\n",
			`1 below 2: 2.00005s to 3.00005s "chat dep-b" failed=false`, "foundrylab.backend=b http.request.resend_count=1 foundrylab.hedge=true http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=7\n",
			`2 below -: 0s to 3.00005s "POST /openai/v1/chat/completions" failed=false`, "foundrylab.hedged=true",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	})
}

// A second attempt that fails long before the answer has a span of its own length.
func TestSpanOfAFailedHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer, change := traced("")
		lb := newLab(t, []*fake{later(9*time.Second, ok).fake, later(time.Second, status(500)).fake}, func(c *Config) {
			change(c)
			hedging(2 * time.Second)(c)
		})
		lb.post(v1, chat)
		synctest.Wait()
		if got, want := told(tracer.Take()), `2.00005s to 3.00005s "chat dep-b" failed=true`; !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	})
}

// breaks is a transport with a bug.
type breaks struct{}

func (breaks) RoundTrip(*http.Request) (*http.Response, error) { panic("a bug") }

// A panic in the second attempt's goroutine is that attempt's failure.
func TestHedgePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{later(3*time.Second, ok).fake, always(ok)}, func(c *Config) {
			hedging(time.Second)(c)
			c.Backends[1].Transport = breaks{}
		})
		if got := lb.post(v1, chat); got.status != 200 || got.at != 3*time.Second || got.header.Get("X-Gateway-Attempts") != "2" {
			t.Errorf("%d after %v: %s", got.status, got.at, got.body)
		}
		synctest.Wait()
		if log := lb.log.String(); !strings.Contains(log, `"panic":"a bug"`) {
			t.Errorf("log: %s", log)
		}
		lb.idle()
	})
}

// A panic of the exchange itself ends both attempts in the core, and their backends are let go of.
func TestExchangePanicsWithAHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := hangs(nil)
		var accounted []string
		lb := newLab(t, []*fake{always(ok), b.fake}, func(c *Config) {
			hedging(time.Second)(c)
			c.Backends[0].Transport = breaksLater{}
			c.Account = func(a Spent) { accounted = append(accounted, fmt.Sprint(a.Backend, " ", a.Reason)) }
		})
		if resp, err := lb.request(t.Context(), v1, chat); err == nil {
			resp.Body.Close()
			t.Errorf("status %d", resp.StatusCode)
		}
		synctest.Wait()
		if len(b.letGo) != 1 || b.letGo[0] != 3*time.Second {
			t.Errorf("the second backend was let go of after %v", b.letGo)
		}
		if want := []string{"a client-gone", "b interrupted"}; !slices.Equal(accounted, want) {
			t.Errorf("accounted for %q", accounted)
		}
		lb.idle()
	})
}

type breaksLater struct{}

func (breaksLater) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(3 * time.Second)
	panic(http.ErrAbortHandler)
}

// An answer that begins in time is not asked for twice, whatever the policy would let it have.
func TestNoHedgeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{later(time.Second, ok).fake, always(ok)}, hedging(2*time.Second))
		if got := lb.post(v1, chat); got.status != 200 || got.header.Get("X-Gateway-Attempts") != "1" {
			t.Errorf("%d %v", got.status, got.header)
		}
		synctest.Wait()
		if log := lb.log.String(); strings.Contains(log, "hedged") {
			t.Errorf("log: %s", log)
		}
		lb.idle()
	})
}

// Over real connections, with clients that leave, whatever comes at once: a fresh core decides the same, every request has one
// end, and nothing is left.
func TestReplayOfHedges(t *testing.T) {
	cfg := Config{Seed: 5, Record: true}
	cfg.Backends, cfg.Core = unrulyBackends(t), Policy([]string{"a", "b"}, []string{"c"})
	cfg.Core.Breaker.Failures, cfg.Core.Breaker.Open = 1000, 2_000_000
	cfg.Core.Hedge = core.Hedge{After: unit.Duration(time.Millisecond), Budget: core.Hedges{Share: unit.One, Burst: 1000}}
	gw, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	storm(t, gw, 300, 4*time.Millisecond, func(int) string { return chat })
	tape := gw.Tape()
	if i, got := drive.Replay(tape, newCore(&cfg.pools()[0], cfg.Clients, cfg.Seed)); i >= 0 {
		t.Fatalf("step %d: %+v\nlive   %+v\nreplay %+v", i, tape.Steps[i].Event, tape.Steps[i].Effects, got)
	}
	requests, responds, hedges := 0, 0, 0
	for _, s := range tape.Steps {
		if s.Event.Kind == core.Request {
			requests++
		}
		for _, e := range s.Effects {
			if e.Kind == core.Respond {
				responds++
			} else if e.Kind == core.Send && e.Hedge {
				hedges++
			}
		}
	}
	inside := -1
	first := gw.present.Load().pools[0].pool
	first.driver.Locked(func(tick.Instant) { inside = first.core.Active() })
	if inside != 0 || responds != requests || hedges < 20 || first.won.Load()+first.lost.Load() != uint64(hedges) {
		t.Errorf("%d requests, %d responds, %d still in the core; %d hedges, %d won and %d lost", requests, responds, inside, hedges, first.won.Load(), first.lost.Load())
	}
}
