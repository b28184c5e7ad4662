package gateway

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/gateway/identity"
	"foundrylab/gateway/queue"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

func TestAnswerPassesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Ratelimit-Remaining-Tokens", "-1")
			w.Header().Set("Connection", "X-Hop, keep-alive")
			w.Header().Set("X-Hop", "one connection only")
			ok(w, r)
		})
		lb := newLab(t, []*fake{a}, nil)
		got := lb.post(classic, chat)
		if got.status != 200 || !strings.Contains(got.body, "Hello.") || got.err != nil {
			t.Fatalf("%+v", got)
		}
		for name, want := range map[string]string{
			"X-Ratelimit-Remaining-Tokens": "-1", "X-Gateway-Backend": "a", "X-Gateway-Attempts": "1", "X-Hop": "",
			"X-Gateway-Reason": "", "Content-Type": "application/json",
		} {
			if v := got.header.Get(name); v != want {
				t.Errorf("%s is %q, want %q", name, v, want)
			}
		}
		want := core.Effect{Kind: core.Respond, Status: 200, Attempts: 1, Completion: 7, Outcome: record.Succeeded}
		if r := lb.responds(); len(r) != 1 || r[0] != want {
			t.Errorf("the core responded %+v", r)
		}
		lb.idle()
	})
}

func TestUpstreamRequest(t *testing.T) {
	in := []string{
		"Api-Key", "the client's secret", "Authorization", "Bearer the client's secret", "Cookie", "s=secret",
		"X-Api-Key", "the client's secret", "Ocp-Apim-Subscription-Key", "the client's secret",
		"X-Ms-Client-Request-Id", "guid", "X-Stainless-Retry-Count", "1", "Te", "trailers", "Connection", "X-Hop",
		"X-Hop", "1", "Accept-Encoding", "gzip", "Expect", "100-continue", "Content-Type", "application/json",
		"User-Agent", "sdk/1",
	}
	for _, c := range []struct{ name, path, body, wantPath, wantQuery, wantBody string }{
		{"classic", classic, chat, "/base/openai/deployments/dep%2Fa/chat/completions", "api-version=2024-10-21", chat},
		{"v1", v1 + "?api-version=preview", chat, "/base/openai/v1/chat/completions", "api-version=preview", strings.Replace(chat, "gpt-4.1", "dep/a", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := always(ok)
				lb := newLab(t, []*fake{a}, func(cfg *Config) {
					cfg.Backends[0].Deployment = "dep/a"
					cfg.Backends[0].URL = "http://a.test/base/"
				})
				lb.post(c.path, c.body, in...)
				got := a.requests()[0]
				if got.path != c.wantPath || got.query != c.wantQuery || got.body != c.wantBody {
					t.Errorf("got %s ? %s\n%s", got.path, got.query, got.body)
				}
				want := http.Header{
					"Api-Key": {"key-of-a"}, "X-Ms-Client-Request-Id": {"guid"}, "X-Stainless-Retry-Count": {"1"},
					"Content-Type": {"application/json"}, "User-Agent": {"sdk/1"}, "Content-Length": {fmt.Sprint(len(c.wantBody))},
				}
				if g, w := fmt.Sprint(got.header), fmt.Sprint(want); g != w {
					t.Errorf("headers\ngot  %s\nwant %s", g, w)
				}
			})
		})
	}
}

// A request that fails on one backend is sent to the next in the same instant.
func TestRetryOnAnotherBackend(t *testing.T) {
	for _, c := range []struct {
		name  string
		first *fake // nil: refuses connections
	}{
		{"429", always(status(429, "Retry-After-Ms", "1500"))},
		{"429 without a wait", always(status(429))},
		{"408", always(status(408))},
		{"500", always(status(500))},
		{"503", always(status(503, "Retry-After", "2"))},
		{"reset", always(reset)},
		{"refused", nil},
		{"endless error body", always(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			w.Write(make([]byte, 3*maxErrorBody))
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := c.first
				if first != nil {
					first = &fake{answer: c.first.answer}
				}
				lb := newLab(t, []*fake{first, always(ok)}, nil)
				got := lb.post(classic, chat)
				if got.status != 200 || got.header.Get("X-Gateway-Backend") != "b" || got.header.Get("X-Gateway-Attempts") != "2" {
					t.Fatalf("%+v", got)
				}
				if got.at != 0 {
					t.Errorf("took %v, want the same instant", got.at)
				}
				lb.idle()
			})
		})
	}
}

// A backend that begins an error answer and then says nothing more does not
// hold up the failover for long.
func TestHungErrorBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := always(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		lb := newLab(t, []*fake{hung, always(ok)}, nil)
		if got := lb.post(classic, chat); got.status != 200 || got.at != errorBodyTime {
			t.Fatalf("%+v", got)
		}
	})
}

// A backend that names a wait is left alone exactly that long.
func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				status(429, "Retry-After-Ms", "1500", "Retry-After", "60")(w, r)
				return
			}
			ok(w, r)
		}}
		lb := newLab(t, []*fake{a, always(ok)}, nil)
		ask := func(want string) {
			t.Helper()
			if got := lb.post(classic, chat); got.header.Get("X-Gateway-Backend") != want {
				t.Fatalf("at %v backend %s answered, want %s", got.at, got.header.Get("X-Gateway-Backend"), want)
			}
		}
		ask("b")
		time.Sleep(1500*time.Millisecond - 1)
		ask("b")
		time.Sleep(time.Nanosecond)
		ask("a")
	})
}

func noJitter(c *Config) { c.Core.Retry.Jitter = 0 }

// Of many that are turned away together each is told another wait: from what is true, to a fifth more.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(429, "Retry-After", "100"))}, nil)
		told := map[int]bool{}
		low, high := math.MaxInt, 0
		for range 200 {
			ms, err := strconv.Atoi(lb.post(classic, chat).header.Get("Retry-After-Ms"))
			if err != nil || ms < 100_000 || ms > 120_000 {
				t.Fatalf("told to wait %d ms, %v", ms, err)
			}
			told[ms] = true
			low, high = min(low, ms), max(high, ms)
		}
		if len(told) < 190 || low > 101_000 || high < 119_000 {
			t.Errorf("%d different waits from %d to %d", len(told), low, high)
		}
	})
}

// When nobody is left, the client is told when the first backend is back.
func TestAllThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(429, "Retry-After", "7")), always(status(429, "Retry-After-Ms", "20000", "X-Mine", "b"))}, noJitter)
		kept := lb.post(classic, chat)
		if kept.status != 429 || !strings.Contains(kept.body, "says the backend") || kept.header.Get("X-Mine") != "b" ||
			kept.header.Get("Retry-After-Ms") != "7000" || kept.header.Get("Retry-After") != "7" ||
			kept.header.Get("X-Gateway-Reason") != "" || kept.header.Get("X-Gateway-Attempts") != "2" {
			t.Errorf("the last backend's answer: %+v", kept)
		}
		time.Sleep(500 * time.Millisecond)
		made := lb.post(classic, chat)
		if made.status != 429 || made.header.Get("X-Gateway-Reason") != "no-backend" || made.code() != "429" ||
			made.header.Get("Retry-After-Ms") != "6500" || made.header.Get("Retry-After") != "7" ||
			made.header.Get("X-Gateway-Attempts") != "0" || made.header.Get("X-Gateway-Backend") != "" ||
			!strings.Contains(made.body, "Retry after 7 seconds.") {
			t.Errorf("the gateway's own answer: %+v", made)
		}
	})
}

// An answer that is the client's own fault is passed on as it is.
func TestClientErrorPassesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", maxErrorBody+1)
		a := &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				status(400, "Apim-Request-Id", "guid")(w, r)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(long)))
			w.WriteHeader(404)
			io.WriteString(w, long)
		}}
		lb := newLab(t, []*fake{a, always(ok)}, nil)
		got := lb.post(classic, chat)
		if got.status != 400 || got.header.Get("Apim-Request-Id") != "guid" || got.header.Get("X-Gateway-Reason") != "" {
			t.Errorf("%+v", got)
		}
		if got = lb.post(classic, chat); got.status != 404 || got.body != long[:maxErrorBody] || got.err != nil {
			t.Errorf("%d with %d bytes, %v", got.status, len(got.body), got.err)
		}
	})
}

func TestOwnAnswers(t *testing.T) {
	for _, c := range []struct {
		name         string
		change       func(*Config)
		first        *fake
		status       int
		code, reason string
	}{
		{"no connection", nil, nil, 502, "BackendUnreachable", "connect-error"},
		{"connection failed", nil, always(reset), 502, "BackendUnreachable", "upstream-error"},
		{"connection failed, no second attempt", func(c *Config) { c.Core.Retry.Attempts = 1 }, always(reset), 502, "BackendUnreachable", "upstream-error"},
		{"bound", func(c *Config) { c.Core.MaxInFlight = 1 }, always(ok), 503, "TooManyRequestsInFlight", "in-flight-bound"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lb := newLab(t, []*fake{c.first}, c.change)
				if c.reason == "in-flight-bound" {
					b := lb.driver.Open()
					lb.driver.Do(core.Event{Kind: core.Request, Ref: b.Ref})
				}
				got := lb.post(classic, chat)
				if got.status != c.status || got.code() != c.code || got.header.Get("X-Gateway-Reason") != c.reason {
					t.Fatalf("%+v", got)
				}
			})
		})
	}
}

// What a client cannot change by waiting it is not told to try again.
func TestOwnAnswersSayWhatToDo(t *testing.T) {
	x := new(exchange)
	for _, c := range []struct {
		effect     core.Effect
		want, none string
	}{
		{core.Effect{Status: 403, Reason: record.TenantQuota}, "more than your tenant's whole quota", "etry"},
		{core.Effect{Status: 403, Reason: record.TenantQuota, HasRetry: true, RetryMs: 59_001}, "wait for the next period. Retry after 60 seconds.", "backoff"},
		{core.Effect{Status: 403, Reason: record.ZoneRefused}, "No backend of the gateway is in a zone", "etry"},
		{core.Effect{Status: 429, Reason: record.TooLarge}, "Ask for fewer max_tokens", "etry"},
		{core.Effect{Status: 429, Reason: record.TenantTokens, HasRetry: true, RetryMs: 1}, "tokens per minute is reached. Retry after 1 seconds.", "backoff"},
		{core.Effect{Status: 429, Reason: record.QueueTooLong, HasRetry: true, RetryMs: 9000}, "longer than it may. Retry after 9 seconds.", "backoff"},
		{core.Effect{Status: 429, Reason: record.QueueTimeout}, "no backend could take it. Retry with backoff.", "seconds"},
	} {
		if got := x.explain(c.effect).Message; !strings.Contains(got, c.want) || strings.Contains(got, c.none) {
			t.Errorf("%v: %s", c.effect.Reason, got)
		}
	}
}

// Who waits in vain has waited too.
func TestWaitInVainIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(429, "Retry-After", "20"))}, func(c *Config) {
			c.Core.Queue = &queue.Config{Discipline: "vtc", Quantum: 1000, MaxRequests: 9, MaxBytes: 1e6, TTL: unit.Duration(30 * time.Second)}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "POST", "http://gateway.test"+classic, strings.NewReader(chat))
		if _, err := lb.client.Do(r); err == nil {
			t.Fatal("there is an answer")
		}
		synctest.Wait()
		if want := `"status":499,"reason":"client-gone"`; !strings.Contains(lb.log.String(), want) || !strings.Contains(lb.log.String(), `"queue_wait_ms":3000,"duration_ms":3000`) {
			t.Error(lb.log.String())
		}
	})
}

func TestOpenBreakerIs503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(500))}, func(c *Config) { c.Core.Breaker.Failures, c.Core.Retry.Jitter = 1, 0 })
		lb.post(classic, chat)
		time.Sleep(time.Second)
		got := lb.post(classic, chat)
		if got.status != 503 || got.code() != "NoBackendAvailable" || got.header.Get("Retry-After") != "9" || got.header.Get("X-Gateway-Reason") != "no-backend" {
			t.Fatalf("%+v", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	clients := func(c *Config) {
		c.Clients = []Client{{Name: "first", Key: "k1"}, {Name: "second", Key: "k2"}}
		c.MaxBody = 100
	}
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code, reason             string
	}{
		{"no key", "POST", classic, chat, nil, 401, "401", "unauthorized"},
		{"wrong key", "POST", v1, chat, []string{"Api-Key", "k3"}, 401, "401", "unauthorized"},
		{"wrong scheme", "POST", v1, chat, []string{"Authorization", "Basic k1"}, 401, "401", "unauthorized"},
		{"api-key", "POST", classic, chat, []string{"Api-Key", "k1"}, 200, "", ""},
		{"bearer", "POST", classic, chat, []string{"Authorization", "bearer k2"}, 200, "", ""},
		{"unknown route", "POST", "/openai/deployments/x/translations", chat, []string{"Api-Key", "k1"}, 404, "404", "unknown-route"},
		{"escaped deployment", "POST", "/openai/deployments/a%2Fb/chat/completions", chat, []string{"Api-Key", "k1"}, 200, "", ""},
		{"double slash", "POST", "//openai/v1/chat/completions", chat, []string{"Api-Key", "k1"}, 404, "404", "unknown-route"},
		{"wrong method", "GET", v1, "", []string{"Api-Key", "k1"}, 404, "404", "unknown-route"},
		{"body at the bound", "POST", classic, chat + strings.Repeat(" ", 100-len(chat)), []string{"Api-Key", "k1"}, 200, "", ""},
		{"body over the bound", "POST", classic, chat + strings.Repeat(" ", 101-len(chat)), []string{"Api-Key", "k1"}, 413, "RequestEntityTooLarge", "body-too-large"},
		{"v1 body is no object", "POST", v1, `[` + chat + `]`, []string{"Api-Key", "k1"}, 400, "BadRequest", "body-not-json"},
		{"classic body is the backend's to judge", "POST", classic, `[]`, []string{"Api-Key", "k1"}, 200, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lb := newLab(t, []*fake{always(ok)}, clients)
				w := httptest.NewRecorder()
				r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
				if len(c.header) > 0 {
					r.Header.Set(c.header[0], c.header[1])
				}
				lb.ServeHTTP(w, r)
				got := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
				if got.status != c.status || got.code() != c.code || got.header.Get("X-Gateway-Reason") != c.reason {
					t.Fatalf("%+v", got)
				}
			})
		})
	}
}

// A body without a length is bounded too.
func TestChunkedBodyOverTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) { c.MaxBody = 1000 })
		for n, want := range map[int]int{1000: 200, 1001: 413} {
			body := struct{ io.Reader }{strings.NewReader(chat + strings.Repeat(" ", n-len(chat)))}
			resp, err := lb.client.Post("http://gateway.test"+classic, "application/json", body)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%d bytes: %d, want %d", n, resp.StatusCode, want)
			}
		}
		time.Sleep(time.Second) // net/http lingers on a connection whose body it did not read
	})
}

func TestLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(500)), always(stream(10*time.Millisecond, contentEvent, usageEvent, doneEvent))},
			func(c *Config) { c.Clients = []Client{{Name: "acme", Key: "the client's secret"}} })
		lb.post(classic, chat, "Api-Key", "the client's secret")
		lb.post(classic, chat, "Api-Key", "a wrong secret")
		want := `{"level":"info","route":"ChatCompletions_Create/classic","tenant":"acme","credential":"key:` + identity.KeyOf("", "the client's secret").ID + `","backend":"b","attempts":2,"status":200,"reason":"none","prompt_tokens":20,"cached_tokens":0,"completion_tokens":42,"estimated":false,"charged_tokens":6,"queue_wait_ms":0,"duration_ms":30,"message":"request"}
{"level":"info","route":"ChatCompletions_Create/classic","status":401,"reason":"unauthorized","why":"unknown-key","message":"refused"}
`
		synctest.Wait() // a line comes after its answer
		if lb.log.String() != want {
			t.Errorf("got\n%swant\n%s", lb.log.String(), want)
		}
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(429, "Retry-After", "5")), always(status(429, "Retry-After", "9"))}, func(c *Config) {
			c.Core.Retry.Attempts = 1
		})
		check := func(wantStatus int, want string) {
			t.Helper()
			w := httptest.NewRecorder()
			lb.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
			if w.Code != wantStatus || w.Body.String() != want {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, wantStatus, want)
			}
		}
		check(200, `{"status":"ok","backends":[{"name":"a","state":"closed"},{"name":"b","state":"closed"}]}`)
		lb.post(classic, chat)
		check(200, `{"status":"ok","backends":[{"name":"a","state":"open","until":"1970-01-01T00:00:05.000Z"},{"name":"b","state":"closed"}]}`)
		lb.post(classic, chat)
		check(503, `{"status":"unavailable","backends":[{"name":"a","state":"open","until":"1970-01-01T00:00:05.000Z"},{"name":"b","state":"open","until":"1970-01-01T00:00:09.000Z"}]}`)
		lb.driver.Stop() // health does not depend on the timer having fired
		time.Sleep(5 * time.Second)
		check(200, `{"status":"ok","backends":[{"name":"a","state":"closed"},{"name":"b","state":"open","until":"1970-01-01T00:00:09.000Z"}]}`)
	})
}

// A backend that is about to be probed may take a request.
func TestHealthOfAHalfOpenBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(500))}, func(c *Config) { c.Core.Breaker.Failures = 1 })
		lb.post(classic, chat)
		time.Sleep(10 * time.Second)
		w := httptest.NewRecorder()
		lb.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
		if want := `{"status":"ok","backends":[{"name":"a","state":"half-open"}]}`; w.Code != 200 || w.Body.String() != want {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// What the core is told of a 429 that is not tried elsewhere.
func TestThrottledOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(status(429, "Retry-After", "3"))}, func(c *Config) { c.Core.Retry.Attempts = 1 })
		lb.post(classic, chat)
		r := lb.responds()[0]
		if r.Outcome != record.Throttled || r.Reason != record.RateLimited || !r.HasRetry || r.RetryMs != 3000 || r.Made {
			t.Errorf("the core responded %+v", r)
		}
	})
}
