package gateway

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/gateway/identity"
	"foundrylab/internal/tick"
)

// Five hundred streams go on over a change of everything: their backend goes,
// and their tenant's key. What comes after it meets the new configuration alone.
func TestReconfigureDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := always(stream(time.Second, roleEvent, contentEvent, contentEvent, contentEvent, finishEvent, doneEvent))
		fresh := always(ok)
		var before Config
		lb := newLab(t, []*fake{old, fresh}, func(c *Config) {
			c.Clients = []Client{{Name: "first", Key: "the first one's key"}, {Name: "second", Key: "the second one's key"}}
			before = *c
			c.Backends = c.Backends[:1]
			c.Core = Policy([]string{"a"})
		})
		const streams = 500
		var whole sync.WaitGroup
		bodies := make([]string, streams)
		for i := range streams {
			whole.Go(func() {
				resp, err := lb.request(t.Context(), classic, chat, "api-key", "the first one's key")
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				bodies[i] = fmt.Sprint(string(body), err)
			})
		}
		time.Sleep(2500 * time.Millisecond)
		lb.driver.Locked(func(tick.Instant) {
			if n := lb.core.Active(); n != streams {
				t.Errorf("%d streams are open", n)
			}
		})
		next := before
		next.Backends = before.Backends[1:]
		next.Clients = []Client{{Name: "third", Key: "the third one's key"}, {Name: "second", Key: "the second one's new key", Models: []string{"gpt-4.1"}}}
		next.Core = Policy([]string{"b"})
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]int{"the first one's key": 401, "the second one's key": 401, "the second one's new key": 200, "the third one's key": 200} {
			if got := lb.post(classic, chat, "api-key", key); got.status != want || want == 200 && got.header.Get("X-Gateway-Backend") != "b" {
				t.Errorf("%s: %d from %q", key, got.status, got.header.Get("X-Gateway-Backend"))
			}
		}
		whole.Wait()
		for _, body := range bodies {
			if !strings.HasSuffix(body, "data: [DONE]\n\n<nil>") {
				t.Fatalf("a stream was cut: %q", body)
			}
		}
		synctest.Wait() // a line comes after its answer
		if !strings.Contains(lb.log.String(), `"tenant":"first"`) || !strings.Contains(lb.log.String(), `"tenant":"third"`) {
			t.Errorf("the log has other names:\n%.600s", &lb.log)
		}
		resp, err := lb.client.Get("http://gateway.test/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		told, _ := io.ReadAll(resp.Body)
		health := string(told)
		if !strings.Contains(health, `"b"`) || strings.Contains(health, `"a"`) {
			t.Errorf("health is about backends that are gone: %s", health)
		}
	})
}

// An invalid configuration changes nothing, and every mistake is told.
func TestReconfigureIsWholeOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(ok)
		var before Config
		lb := newLab(t, []*fake{a}, func(c *Config) {
			c.Clients = []Client{{Name: "first", Key: "the first one's key"}}
			before = *c
		})
		bad := before
		bad.Backends = []Backend{{Name: "b", URL: "nowhere"}}
		bad.Clients = []Client{{Name: "first", Key: "another key of it"}}
		bad.Core.Route.Groups = [][]string{{"a"}}
		err := lb.Reconfigure(bad)
		if err == nil || !strings.Contains(err.Error(), "neither http nor https") || !strings.Contains(err.Error(), `no backend "a"`) {
			t.Errorf("%v", err)
		}
		for i := range 2 * core.MaxBackends { // each with another backend
			next := before
			next.Backends = []Backend{before.Backends[0], {Name: fmt.Sprint("b", i), URL: "http://b.test"}}
			next.Core = Policy([]string{"a"}, []string{fmt.Sprint("b", i)})
			if err = lb.Reconfigure(next); err != nil {
				if i != core.MaxBackends-1 || !strings.Contains(err.Error(), "restart it") {
					t.Errorf("after %d: %v", i, err)
				}
				break
			}
		}
		if err == nil {
			t.Error("places of backends have no bound")
		}
		if got := lb.post(classic, chat, "api-key", "the first one's key"); got.status != 200 {
			t.Errorf("what was in force does not answer any more: %d %s", got.status, got.body)
		}
	})
}

// A key that is revoked opens nothing from the reload on, and the log names who still comes with it; the tenant's other key
// goes on.
func TestRevokedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before Config
		lost, kept := identity.KeyOf("team", "the key that was lost"), identity.KeyOf("team", "the key that was kept")
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) {
			c.Clients = []Client{{Name: "team"}}
			c.Identity.Keys = []identity.Key{lost, kept}
			before = *c
		})
		for name, want := range map[string]int{"the key that was lost": 200, "the key that was kept": 200} {
			if got := lb.post(classic, chat, "api-key", name); got.status != want {
				t.Errorf("before: %s: %d", name, got.status)
			}
		}
		lost.Revoked = true
		next := before
		next.Identity.Keys = []identity.Key{lost, kept}
		if err := lb.Reconfigure(next); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int{"the key that was lost": 401, "the key that was kept": 200} {
			if got := lb.post(classic, chat, "api-key", name); got.status != want {
				t.Errorf("after: %s: %d", name, got.status)
			}
		}
		synctest.Wait() // the last line comes after its answer
		if log := lb.log.String(); !strings.Contains(log, `"credential":"key:`+lost.ID+`","status":401,"reason":"unauthorized","why":"key-revoked"`) {
			t.Errorf("log:\n%s", log)
		}
	})
}

// A core that keeps as many configurations as it can gets no other one, and what is in force stays.
func TestReconfigurationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cfg Config
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) { cfg = *c })
		lb.driver.Locked(func(tick.Instant) {
			for lb.core.Configurations() < core.MaxConfigurations { // in place of requests that began under each
				lb.core.Install(&cfg.Core, []string{"a"}, nil)
			}
		})
		next := cfg
		next.FrontDoor = "another"
		if err := lb.Reconfigure(next); err == nil || !strings.Contains(err.Error(), "wait until some have ended") {
			t.Errorf("%v", err)
		}
		if got := lb.post(classic, chat); got.status != 200 {
			t.Errorf("what was in force does not answer any more: %d %s", got.status, got.body)
		}
	})
}

// Tenants by name are bounded, those that are gone included.
func TestTenantsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		named := func(prefix string) []Client {
			list := make([]Client, 40_000)
			for i := range list {
				list[i] = Client{Name: fmt.Sprint(prefix, i), Key: fmt.Sprint("the key of ", prefix, i)}
			}
			return list
		}
		var cfg Config
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) { c.Clients = named("a"); cfg = *c })
		cfg.Clients = named("b")
		if err := lb.Reconfigure(cfg); err == nil || !strings.Contains(err.Error(), "80000 tenants by name") {
			t.Errorf("%v", err)
		}
		if got := lb.post(classic, chat, "api-key", "the key of a39999"); got.status != 200 {
			t.Errorf("what was in force does not answer any more: %d %s", got.status, got.body)
		}
	})
}
