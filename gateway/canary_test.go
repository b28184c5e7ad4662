package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/canary"
	"foundrylab/internal/unit"
)

// canaryOf is a canary of backend b for those that ask for it, over with half of four attempts.
func canaryOf(share unit.Ratio) *canary.Config {
	return &canary.Config{Backends: []string{"b"}, Share: share, By: "request", Header: "x-canary: yes",
		Rollback: canary.Rollback{Failures: 500_000, Over: unit.Duration(time.Minute), Min: 4}}
}

// Whoever asks for the canary by its header gets it, until it is rolled back: health, metrics and log tell so, and clients
// see none of it. A reload of something else does not bring it back; one of the canary does.
func TestCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &fake{}
		broken.answer = always(ok).answer
		var cfg Config
		lb := newLab(t, []*fake{always(ok), broken}, func(c *Config) {
			c.Core = Policy([]string{"a", "b"})
			c.Core.Breaker.Failures = 100
			c.Core.Canary = canaryOf(0)
			cfg = *c
		})
		ask := func(want string, header ...string) {
			t.Helper()
			got := lb.post(classic, chat, header...)
			if got.status != 200 || got.header.Get("X-Gateway-Backend") != want {
				t.Errorf("%v: %d from %q, want %q", header, got.status, got.header.Get("X-Gateway-Backend"), want)
			}
		}
		health := func(status int, parts ...string) {
			t.Helper()
			got := lb.get("/healthz")
			for _, part := range parts {
				if got.status != status || !strings.Contains(got.body, part) {
					t.Errorf("health is %d %s, want %d and %s", got.status, got.body, status, part)
				}
			}
		}
		for range 3 {
			ask("a")
			ask("a", "x-canary", "no")
		}
		ask("b", "x-canary", "yes")
		health(200, `"canary":{"state":"trying","backends":["b"],"attempts":1,"failed":0,"others_attempts":6,"others_failed":0}`)
		broken.answer = always(status(503)).answer
		for range 2 {
			ask("a", "x-canary", "yes")
		}
		asked := len(broken.requests())
		ask("a", "x-canary", "yes") // the fourth attempt, the third that fails
		ask("a", "x-canary", "yes")
		if n := len(broken.requests()); asked != 3 || n != 4 {
			t.Errorf("the canary was asked %d times, and then %d", asked, n)
		}
		synctest.Wait() // a request's line comes after its answer
		health(200, `"canary":{"state":"rolled-back","since":"1970-01-01T00:00:00.000Z","backends":["b"],"attempts":4,"failed":3,"others_attempts":8,"others_failed":0}`)
		if text := lb.log.String(); strings.Count(text, "the canary is rolled back") != 1 || !strings.Contains(text, `"level":"warn","canary":["b"],"attempts":4,"failed":3`) {
			t.Errorf("the log: %s", text)
		}
		metrics := textOf(t, lb.Gateway)
		for _, want := range []string{`foundrylab_gateway_canary_rolled_back{pool=""} 1`, `foundrylab_gateway_canary_failed_ratio{at="canary",pool=""} 0.75`, `foundrylab_gateway_canary_failed_ratio{at="others",pool=""} 0`} {
			if !strings.Contains(metrics, want+"\n") {
				t.Errorf("there is no %s in\n%s", want, metrics)
			}
		}
		broken.answer = always(ok).answer
		next := cfg
		next.MaxBody = 1 << 20
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		ask("a", "x-canary", "yes")
		next.Core.Canary = canaryOf(unit.One)
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		ask("b")
		health(200, `"state":"trying"`)
		next.Core.Canary = nil
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		if got := lb.get("/healthz").body; strings.Contains(got, "canary") || strings.Contains(textOf(t, lb.Gateway), "canary") {
			t.Errorf("health or metrics tell of no canary: %s", got)
		}
	})
}

// A canary that takes a part only does not make a gateway ready whose other backends are out.
func TestReadyBesideACanary(t *testing.T) {
	for share, want := range map[unit.Ratio]int{500_000: 503, unit.One: 200} {
		synctest.Test(t, func(t *testing.T) {
			once := &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 0 {
					status(503)(w, r)
				} else {
					ok(w, r)
				}
			}}
			lb := newLab(t, []*fake{always(status(429, "Retry-After", "5")), once}, func(c *Config) {
				c.Core = Policy([]string{"a", "b"})
				c.Core.Canary = canaryOf(share)
			})
			if got := lb.get("/readyz"); got.status != 200 {
				t.Errorf("at %v it is not ready at first: %s", share, got.body)
			}
			lb.post(classic, chat, "x-canary", "yes") // fails at b, and then at a, which is out
			if got := lb.get("/readyz"); got.status != want {
				t.Errorf("at %v it is %d: %s", share, got.status, got.body)
			}
			time.Sleep(5 * time.Second) // the breaker's timer ends before the bubble
		})
	}
}

// A canary that the file or a program describes wrongly is an error.
func TestNewTellsOfCanaries(t *testing.T) {
	policy := Policy([]string{"a", "b"})
	policy.Canary = canaryOf(unit.One)
	policy.Canary.Backends = []string{"a", "b", "c"}
	policy.Canary.Header = "x"
	_, err := New(Config{Core: policy, Backends: []Backend{{Name: "a", URL: "http://a.test"}, {Name: "b", URL: "http://b.test"}}})
	for _, want := range []string{`canary.backends[2]: "c" is in no group`, "canary.backends: are all", "canary.header: write a name"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("not told: %s in\n%v", want, err)
		}
	}
}

// A canary that another has replaced may fail yet with the requests that it had: nothing is told of the other one then.
func TestCanaryThatWasReplacedFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cfg Config
		slow := always(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			status(503)(w, r)
		})
		lb := newLab(t, []*fake{always(ok), slow}, func(c *Config) {
			c.Core = Policy([]string{"a", "b"})
			c.Core.Breaker.Failures = 100
			c.Core.Canary = canaryOf(0)
			cfg = *c
		})
		for range 6 {
			go func() {
				if resp, err := lb.request(t.Context(), classic, chat, "x-canary", "yes"); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}()
		}
		time.Sleep(100 * time.Millisecond)
		cfg.Core.Canary = canaryOf(10_000)
		if err := lb.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n, log := len(slow.requests()), lb.log.String(); n != 6 || strings.Contains(log, "rolled back") || strings.Count(log, `"status":200`) != 6 {
			t.Errorf("%d attempts at the canary\n%s", n, log)
		}
	})
}
