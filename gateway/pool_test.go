package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/tick"
)

// inPools makes pools of a lab's backends, in their order: each has as many as
// it has places for, at least one.
func inPools(c *Config, pools ...Pool) {
	from := 0
	for i, p := range pools {
		n := max(len(p.Backends), 1)
		p.Backends = c.Backends[from : from+n]
		from += n
		var groups [][]string
		for _, b := range p.Backends {
			groups = append(groups, []string{b.Name})
		}
		p.Core = Policy(groups...)
		pools[i] = p
	}
	c.Pools, c.Core, c.Backends = pools, core.Config{}, nil
}

func classicOf(model string) string {
	return "/openai/deployments/" + model + "/chat/completions?api-version=2024-10-21"
}

func bodyOf(model string) string { return strings.Replace(chat, "gpt-4.1", model, 1) }

func (lb *lab) get(path string, header ...string) reply {
	lb.t.Helper()
	req, _ := http.NewRequest(http.MethodGet, "http://gateway.test"+path, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := lb.client.Do(req)
	if err != nil {
		lb.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body), err, time.Since(lb.began)}
}

// The name that a client uses, wherever it stands, chooses the pool; what a
// tenant may ask for is judged before it is told what there is.
func TestPools(t *testing.T) {
	tenants := []Client{
		{Name: "all", Key: "key of all"}, {Name: "mini", Key: "key of mini", Models: []string{"gpt-4o-mini"}},
		{Name: "alias", Key: "key of alias", Models: []string{"gpt-4"}}, {Name: "stars", Key: "key of stars", Models: []string{"x-*"}},
	}
	for _, c := range []struct {
		rest, tenant, model string
		status              int
		want                string // backend, else reason
	}{
		{"", "all", "gpt-4o", 200, "a"}, {"", "all", "gpt-4", 200, "a"}, {"", "all", "gpt-4o-mini", 200, "b"},
		{"", "all", "gpt-5", 404, "unknown-model"}, {"gpt-4o-mini", "all", "gpt-5", 200, "b"},
		{"", "mini", "gpt-4o-mini", 200, "b"}, {"", "mini", "gpt-4o", 403, "model-not-allowed"}, {"", "mini", "gpt-5", 403, "model-not-allowed"},
		{"gpt-4o-mini", "mini", "gpt-5", 200, "b"}, {"gpt-4o", "mini", "gpt-5", 403, "model-not-allowed"},
		{"", "alias", "gpt-4", 200, "a"}, {"", "alias", "gpt-4o", 403, "model-not-allowed"},
		{"", "stars", "x-1", 404, "unknown-model"}, {"gpt-4o", "stars", "x-1", 403, "model-not-allowed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) {
				inPools(cfg, Pool{Name: "gpt-4o", Aliases: []string{"gpt-4"}}, Pool{Name: "gpt-4o-mini"})
				cfg.Clients, cfg.DefaultPool = tenants, c.rest
			})
			for _, got := range []reply{
				lb.post(classicOf(c.model), chat, "api-key", "key of "+c.tenant), // the body's model does not count
				lb.post(v1, bodyOf(c.model), "api-key", "key of "+c.tenant),
			} {
				told := got.header.Get("X-Gateway-Backend")
				if got.status != 200 {
					told = got.header.Get("X-Gateway-Reason")
				}
				if got.status != c.status || told != c.want || got.status == 404 && got.code() != "DeploymentNotFound" {
					t.Errorf("%+v: %d %s %s", c, got.status, told, got.body)
				}
				if pool := got.header.Get("X-Gateway-Pool"); got.status == 200 && pool != map[string]string{"a": "gpt-4o", "b": "gpt-4o-mini"}[told] {
					t.Errorf("%+v: pool %q", c, pool)
				}
			}
			synctest.Wait() // a request's line comes after its answer
			if c.status == 200 && !strings.Contains(lb.log.String(), `"pool":"gpt-4o`) {
				t.Errorf("the log does not tell the pool: %s", &lb.log)
			}
		})
	}
}

// A tenant is shown the names that it may use, and no others.
func TestListModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) {
			inPools(cfg, Pool{Name: "gpt-4o", Aliases: []string{"gpt-4"}}, Pool{Name: "gpt-4o-mini"})
			cfg.Clients = []Client{{Name: "all", Key: "key of all"}, {Name: "mini", Key: "key of mini", Models: []string{"gpt-4o-mini", "gpt-4"}}}
		})
		for who, want := range map[string]string{"all": "[gpt-4o gpt-4 gpt-4o-mini]", "mini": "[gpt-4 gpt-4o-mini]"} {
			for _, path := range []string{"/openai/models?api-version=2024-10-21", "/openai/v1/models"} {
				got := lb.get(path, "api-key", "key of "+who)
				var list modelList
				var names []string
				err := json.Unmarshal([]byte(got.body), &list)
				for _, m := range list.Data {
					names = append(names, m.ID)
				}
				if got.status != 200 || err != nil || list.Object != "list" || fmt.Sprint(names) != want {
					t.Errorf("%s: %d %s %v", who, got.status, got.body, err)
				}
			}
		}
		for path, want := range map[string]string{"/openai/v1/models/gpt%2D4": `200 {"id":"gpt-4"`, "/openai/models/gpt-4o-mini": `200 {"id":"gpt-4o-mini"`,
			"/openai/v1/models/gpt-4o": `403 {"error":{"code":"403"`, "/openai/v1/models/none": `403 {"error":{"code":"403"`} {
			if got := lb.get(path, "api-key", "key of mini"); !strings.HasPrefix(fmt.Sprint(got.status, " ", got.body), want) {
				t.Errorf("%s: %d %s, want %s", path, got.status, got.body, want)
			}
		}
		if got := lb.get("/openai/v1/models/none", "api-key", "key of all"); got.status != 404 || got.code() != "DeploymentNotFound" || got.header.Get("X-Gateway-Reason") != "unknown-model" {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := lb.get("/openai/v1/models"); got.status != 401 {
			t.Errorf("anybody is told: %d %s", got.status, got.body)
		}
		rest := newLab(t, []*fake{always(ok)}, func(cfg *Config) {
			inPools(cfg, Pool{Name: "gpt-4o"})
			cfg.DefaultPool = "gpt-4o"
		})
		if got := rest.get("/openai/v1/models/none"); got.status != 404 || got.code() != "DeploymentNotFound" {
			t.Errorf("what the default pool takes is told to be a model: %d %s", got.status, got.body)
		}
		only := newLab(t, []*fake{always(ok)}, nil)
		if got := only.get("/openai/v1/models"); got.status != 404 {
			t.Errorf("a gateway without names for models tells some: %s", got.body)
		}
	})
}

// What fails in one pool is nothing to another; the gateway is ready while all
// those are that it needs.
func TestPoolsFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := always(status(429, "Retry-After", "5"))
		for _, optional := range []bool{false, true} {
			lb := newLab(t, []*fake{broken, always(ok), always(ok)}, func(cfg *Config) {
				inPools(cfg, Pool{Name: "large", Optional: optional}, Pool{Name: "small", Backends: make([]Backend, 2)})
			})
			if got := lb.get("/readyz"); got.status != 200 {
				t.Errorf("not ready at first: %s", got.body)
			}
			lb.post(classicOf("large"), chat)
			if got := lb.post(classicOf("large"), chat); got.status != 429 || got.header.Get("X-Gateway-Pool") != "large" {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got := lb.post(classicOf("small"), chat); got.status != 200 || got.header.Get("X-Gateway-Backend") != "b" {
				t.Errorf("%d %s", got.status, got.body)
			}
			want := map[string]int{"/readyz": 503, "/healthz": 503, "/readyz/large": 503, "/readyz/small": 200, "/readyz/nobody": 404}
			if optional {
				want["/readyz"], want["/healthz"] = 200, 200
			}
			text := textOf(t, lb.Gateway)
			for _, line := range []string{`foundrylab_gateway_backend_state{backend="a",pool="large",state="open"} 1`, `foundrylab_gateway_requests_total{backend="b",pool="small",reason="none",status="200",tenant="none"} 1`} {
				if !strings.Contains(text, line) {
					t.Errorf("there is no %s in\n%s", line, text)
				}
			}
			for path, code := range want {
				if got := lb.get(path); got.status != code {
					t.Errorf("optional %v: %s is %d: %s", optional, path, got.status, got.body)
				}
			}
			got := lb.get("/healthz").body
			for _, part := range []string{`{"name":"large","status":"unavailable"`, `{"name":"small","status":"ok","backends":[{"name":"b","state":"closed"},{"name":"c","state":"closed"}]}`, `"state":"open"`} {
				if !strings.Contains(got, part) {
					t.Errorf("health does not tell %s: %s", part, got)
				}
			}
			time.Sleep(5 * time.Second) // the breaker's timer ends before the bubble
		}
	})
}

// A tenant's limits are those of each pool.
func TestLimitsArePerPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) {
			cfg.Clients = []Client{{Name: "team", Key: "k"}}
			inPools(cfg, Pool{Name: "large"}, Pool{Name: "small"})
			for i := range cfg.Pools {
				cfg.Pools[i].Core.Tenants = []core.Tenant{{Name: "team"}}
				cfg.Pools[i].Core.Tenants[0].Limits.RPM = 1
			}
		})
		for _, want := range []int{200, 429} {
			for _, model := range []string{"large", "small"} {
				if got := lb.post(classicOf(model), chat, "api-key", "k"); got.status != want {
					t.Errorf("%s: %d, want %d: %s", model, got.status, want, got.body)
				}
			}
		}
	})
}

// Streams go on over a change that takes their pool away; a new pool is there at
// once, and one that comes back knows its old requests.
func TestReconfigureOfPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := always(stream(time.Second, roleEvent, contentEvent, contentEvent, contentEvent, finishEvent, doneEvent))
		var before Config
		lb := newLab(t, []*fake{slow, always(ok)}, func(c *Config) {
			before = *c
			inPools(c, Pool{Name: "old"})
		})
		const streams = 200
		var whole sync.WaitGroup
		bodies := make([]string, streams)
		for i := range streams {
			whole.Go(func() {
				resp, err := lb.request(t.Context(), v1, bodyOf("old"))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				bodies[i] = fmt.Sprint(string(body), err)
			})
		}
		time.Sleep(2500 * time.Millisecond)
		next := before
		next.Backends = slices.Clone(before.Backends[1:])
		inPools(&next, Pool{Name: "new"})
		for _, c := range []struct{ old, new int }{{404, 200}, {200, 404}, {404, 200}} {
			cfg := next
			if c.old == 200 {
				cfg = before
				inPools(&cfg, Pool{Name: "old"})
			}
			if err := lb.Reconfigure(cfg); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if resp, err := lb.request(ctx, v1, bodyOf("old")); err != nil || resp.StatusCode != c.old {
				t.Errorf("%v %v", resp, err)
			}
			cancel()
			if got := lb.post(v1, bodyOf("new")); got.status != c.new {
				t.Errorf("new: %d %s, want %d", got.status, got.body, c.new)
			}
			if health := lb.get("/healthz").body; strings.Contains(health, `"old"`) != (c.old == 200) || strings.Contains(health, `"new"`) != (c.new == 200) {
				t.Errorf("health is about pools that are gone: %s", health)
			}
		}
		whole.Wait()
		for _, body := range bodies {
			if !strings.HasSuffix(body, "data: [DONE]\n\n<nil>") {
				t.Fatalf("a stream was cut: %q", body)
			}
		}
		synctest.Wait()
		lb.idle()
	})
}

// No pool changes before the last of them can.
func TestReconfigureWaitsForEveryPool(t *testing.T) {
	var next Config
	lb := newLab(t, []*fake{always(ok), always(ok), always(ok)}, func(c *Config) {
		next = *c
		inPools(c, Pool{Name: "x"}, Pool{Name: "y"})
	})
	next.Backends = slices.Clone(next.Backends[1:])
	inPools(&next, Pool{Name: "x"}, Pool{Name: "y"})
	held, release, changed := make(chan bool), make(chan bool), make(chan error)
	go lb.present.Load().names["y"].driver.Locked(func(tick.Instant) { held <- true; <-release })
	<-held
	go func() { changed <- lb.Reconfigure(next) }()
	var free atomic.Bool
	time.AfterFunc(50*time.Millisecond, func() { free.Store(true); close(release) })
	for backend := "a"; backend == "a"; { // until it is stopped by the change, and is the new one's
		if backend = lb.post(classicOf("x"), chat).header.Get("X-Gateway-Backend"); backend == "b" && !free.Load() {
			t.Fatal("x has changed, and y has not")
		}
	}
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	if got := lb.post(classicOf("y"), chat); got.header.Get("X-Gateway-Backend") != "c" {
		t.Errorf("%+v", got)
	}
}

// Whoever has seen a configuration in force in one pool finds no older one in another.
func TestReconfigureIsOneStepOverPools(t *testing.T) {
	const versions = 25 // a to z
	var fakes []*fake
	for range versions + 1 {
		fakes = append(fakes, always(ok))
	}
	var cfg Config
	lb := newLab(t, fakes, func(c *Config) { cfg = *c; inPools(c, Pool{Name: "x"}, Pool{Name: "y"}) })
	at := func(version int) Config {
		c := cfg
		b := cfg.Backends[version : version+1]
		c.Core, c.Backends = core.Config{}, nil
		c.Pools = []Pool{{Name: "x", Backends: b, Core: Policy([]string{b[0].Name})}, {Name: "y", Backends: b, Core: Policy([]string{b[0].Name})}}
		return c
	}
	if err := lb.Reconfigure(at(0)); err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			seen := ""
			for n := i; seen != lb.last(versions); n++ {
				got := lb.post(classicOf([]string{"x", "y"}[n%2]), chat)
				now := got.header.Get("X-Gateway-Backend")
				if got.status != 200 || now < seen {
					t.Errorf("%d: after %q came %q", got.status, seen, now)
					return
				}
				seen = now
			}
		})
	}
	for v := range versions + 1 {
		if err := lb.Reconfigure(at(v)); err != nil {
			t.Fatal(err)
		}
	}
	clients.Wait()
}

// last is the name of the lab's backend n.
func (lb *lab) last(n int) string { return string(rune('a' + n)) }

// Pools that an attacker or a mistake makes up are bounded.
func TestPoolsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before Config
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) { before = *c })
		var err error
		n := 0
		for ; err == nil && n < 2*MaxPools; n++ {
			next := before
			inPools(&next, Pool{Name: fmt.Sprint("p", n)})
			err = lb.Reconfigure(next)
		}
		if n != MaxPools || err == nil || !strings.Contains(err.Error(), "restart it") { // the one without a name has a place too
			t.Errorf("after %d: %v", n, err)
		}
		if got := lb.post(classicOf(fmt.Sprint("p", n-2)), chat); got.status != 200 {
			t.Errorf("what was in force does not answer any more: %d %s", got.status, got.body)
		}
	})
}

// Every mistake in pools is told.
func TestNewTellsOfPools(t *testing.T) {
	good := []Backend{{Name: "a", URL: "http://a.test"}}
	_, err := New(Config{Core: Policy([]string{"a"}), Backends: good, DefaultPool: "nobody",
		Pools: []Pool{{Name: "x", Core: Policy([]string{"a"}), Backends: good, Aliases: []string{"y"}}, {Name: "y", Core: Policy([]string{"b"}), Backends: good}, {Name: "", Core: Policy([]string{"a"})}}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"give the one or the other", `pools[1]: name "y" is taken`, `pools[2]: name ""`, `no pool "nobody"`, `there is no backend "b" in pool "y"`, "0 backends"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s in\n%v", want, err)
		}
	}
}
