package gateway

import (
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/gateway/identity"
	"foundrylab/internal/unit"
)

const poolsFile = `version: 1
pools:
- name: gpt-4o
  aliases: [gpt-4]
  model: gpt-4o@2024-11-20
  backends: [{name: east, url: http://a.test, key: {env: A}}, {name: west, url: http://b.test}]
  gateway: {route: {groups: [[east], [west]]}, retry: {attempts: 2}}
- name: small
  optional: true
  backends: [{name: east, url: http://a.test, model: gpt-4o-mini@1}]
default_pool: small
gateway:
  retry: {attempts: 5, jitter: 0%}
  queue: {bands: [{name: now}, {name: later}]}
  tenants: [{name: team, priority: later}]
  max_in_flight: 7
tenants: [{name: team}]
identity: {anonymous: team}
`

// A pool's policy is made of what it says, what the file says for all, and the defaults.
func TestFileOfPools(t *testing.T) {
	f, err := ReadFile("g.yaml", []byte(poolsFile))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := f.Config(identity.Source{Env: func(string) (string, bool) { return "a-key", true }})
	if err != nil {
		t.Fatal(err)
	}
	large, small := cfg.Pools[0], cfg.Pools[1]
	if large.Model != "gpt-4o@2024-11-20" || small.Model != "gpt-4o-mini@1" || cfg.DefaultPool != "small" || !small.Optional || large.Aliases[0] != "gpt-4" || large.Backends[0].Key != "a-key" {
		t.Errorf("%+v", cfg.Pools)
	}
	if len(large.Core.Route.Groups) != 2 || len(small.Core.Route.Groups) != 1 || small.Core.Route.Policy != "weighted" {
		t.Errorf("routes %+v, %+v", large.Core.Route, small.Core.Route)
	}
	// A part is taken as a whole: the jitter is the default again.
	if large.Core.Retry.Attempts != 2 || large.Core.Retry.Jitter == 0 || small.Core.Retry.Attempts != 5 || small.Core.Retry.Jitter != 0 {
		t.Errorf("retries %+v, %+v", large.Core.Retry, small.Core.Retry)
	}
	for _, p := range cfg.Pools {
		if p.Core.Queue == nil || p.Core.Tenants[0].Priority != "later" || p.Core.MaxInFlight != 7 || p.Core.Breaker.Failures != 3 {
			t.Errorf("%s: %+v", p.Name, p.Core)
		}
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	_, err = f.Config(identity.Source{Env: func(string) (string, bool) { return "", false }})
	if err == nil || !strings.Contains(err.Error(), "pools[0].backends[0].key: the environment has no variable A") {
		t.Errorf("%v", err)
	}
}

// A pool hedges as it says itself, else as the file says for all.
func TestHedgesOfPools(t *testing.T) {
	own := strings.NewReplacer("retry: {attempts: 2}", "retry: {attempts: 2}, hedge: {after: 3s}", "  max_in_flight: 7\n", "  max_in_flight: 7\n  hedge: {after: 2s, budget: {share: 1%}}\n")
	f, err := ReadFile("g.yaml", []byte(own.Replace(poolsFile)))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := f.Config(identity.Source{Env: func(string) (string, bool) { return "a-key", true }})
	if err != nil {
		t.Fatal(err)
	}
	large, small := cfg.Pools[0].Core.Hedge, cfg.Pools[1].Core.Hedge
	if large.After != unit.Duration(3*time.Second) || large.Budget.Share != 50_000 || small.After != unit.Duration(2*time.Second) || small.Budget.Share != 10_000 {
		t.Errorf("%+v, %+v", large, small)
	}
}

// Each mistake in pools is told once, where it stands.
func TestFileOfPoolsTellsMistakes(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"name: gpt-4o\n", "name: small\n", `g.yaml:8:9: pools[1].name: "small" is taken`},
		{"aliases: [gpt-4]", "aliases: [small]", `g.yaml:4:13: pools[0].aliases[0]: "small" is taken`},
		{"aliases: [gpt-4]", "aliases: [gpt/4]", `g.yaml:4:13: pools[0].aliases[0]: "gpt/4": write letters`},
		{"default_pool: small", "default_pool: smal", `g.yaml:11:15: default_pool: "smal" is not among pools, did you mean "small"?`},
		{"[[east], [west]]", "[[east], [north]]", `g.yaml:7:39: pools[0].gateway.route.groups[1][0]: "north" is not among pools[0].backends`},
		{"{name: west, url: http://b.test}", "{name: west, url: http://b.test, model: gpt-4o@2}", `pools[0].backends[1].model: is "gpt-4o@2", that of pools[0] is "gpt-4o@2024-11-20": give each model a pool of its own`},
		{"model: gpt-4o-mini@1}", "model: gpt-4o-mini@1}, {name: b, url: http://b.test}", `pools[1].backends[1].model: is "", that of pools[1].backends[0] is "gpt-4o-mini@1"`},
		{"gateway:\n", "gateway:\n  route: {groups: [[east]]}\n", `g.yaml:13:10: gateway.route: is about backends`},
		{"priority: later", "priority: never", `g.yaml:15:36: gateway.tenants[0].priority: queue.bands has no band "never"`},
		{"retry: {attempts: 2}}", "tenants: [{name: team, priority: x}]}", `g.yaml:7:81: pools[0].gateway.tenants[0].priority: queue.bands has no band "x"`},
		{"retry: {attempts: 2}}", "queue: {bands: [{name: now}]}}", `g.yaml:15:36: gateway.tenants[0].priority: queue.bands has no band "later" (in pool "gpt-4o": it may have tenants of its own)`},
		{"priority: later", "limits: {quota: [{amount: 5, period: day}]}", `g.yaml:15:52: gateway.tenants[0].limits.quota[0].amount: needs budget.prices to say what tokens cost`}, // in all pools, so none is named
		{"retry: {attempts: 2}}", "tenants: [{name: nobody}]}", `pools[0].gateway.tenants[0].name: "nobody" is not among tenants`},
		{"retry: {attempts: 2}}", "budget: {limits: [{backend: north, tpm: 5}]}}", `pools[0].gateway.budget.limits[0].backend: "north" is in no group of route`},
		{"[[east], [west]]}", "[[east], [west]]}, canary: {backends: [north]}", `g.yaml:7:68: pools[0].gateway.canary.backends[0]: "north" is in no group of route`},
		{"[[east], [west]]}", "[[east], [west]]}, canary: {backends: [west, east]}", `g.yaml:7:67: pools[0].gateway.canary.backends: are all that route has`},
		{"[[east], [west]]}", "[[east], [west]]}, canary: {backends: [west], header: x}", `g.yaml:7:83: pools[0].gateway.canary.header: write a name and a value`},
		{"retry: {attempts: 2}}", "retry: {attempts: 1}, hedge: {after: 1s}}", `g.yaml:7:85: pools[0].gateway.hedge.after: needs retry.attempts to be 2`},
		{"retry: {attempts: 2}}", "retry: {attempts: 0}, hedge: {after: 1s}}", `pools[0].gateway.retry.attempts: `}, // and nothing of the hedge
		{"gateway:\n", "gateway:\n  canary: {backends: [east]}\n", `g.yaml:13:11: gateway.canary: is about backends`},
		{"default_pool: small", "backends: [{name: x, url: http://x.test}]", `g.yaml:2:1: pools: are instead of backends`},
		{"{name: now}, {name: later}", "{name: now}, {name: 7}", `queue.bands[1].name`}, // and nothing of the tenant's band
	} {
		src := strings.Replace(poolsFile, c.from, c.to, 1)
		_, err := ReadFile("g.yaml", []byte(src))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(strings.Split(strings.TrimSpace(err.Error()), "\n")) != 1 {
			t.Errorf("%s: %v", c.to, err)
		}
	}
	for src, want := range map[string]string{
		"version: 1\n": "backends: is required",
		"version: 1\nbackends: [{name: a, url: http://a.test}]\ngateway: {tenants: [{name: x, priority: y}]}\n": "gateway.tenants[0].priority: needs queue.bands",
	} {
		if _, err := ReadFile("g.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", src, err)
		}
	}
	var none error
	if _, err := ReadFile("g.yaml", []byte("version: 1\nbackends: [{name: a, url: http://a.test}, {name: b, url: http://b.test}]\n")); !errors.Is(err, none) {
		t.Errorf("a file without a policy: %v", err)
	}
}

// A tenant's zones hold in every pool: one that has none of them refuses it, so that nothing is processed elsewhere
// because somebody forgot a pool.
func TestZonesHoldInEveryPool(t *testing.T) {
	zoned := strings.Replace(poolsFile, "[[east], [west]]", "[[east], [west]], zones: [{backend: west, zone: eu}]", 1)
	for tenants, want := range map[string]string{
		"zones: [eu]":     "",
		"zones: [eu, us]": `g.yaml:15:38: gateway.tenants[0].zones[1]: "us" is no zone of route.zones`,
		"zones: [eu, 7]":  `g.yaml:15:38: gateway.tenants[0].zones[1]: expected a string`,
	} {
		_, err := ReadFile("g.yaml", []byte(strings.Replace(zoned, "priority: later", tenants, 1)))
		if told := fmt.Sprint(err); (want == "") != (err == nil) || !strings.HasPrefix(told, want) && err != nil || strings.Count(told, "g.yaml:") > 1 {
			t.Errorf("%s: %v", tenants, err)
		}
	}
	_, err := ReadFile("g.yaml", []byte(strings.Replace(strings.Replace(zoned, "zone: eu", "zone: 7", 1), "priority: later", "zones: [eu]", 1)))
	if told := fmt.Sprint(err); strings.Count(told, "g.yaml:") != 1 {
		t.Errorf("a zone that cannot be read: %s", told)
	}
	f, err := ReadFile("g.yaml", []byte(strings.Replace(zoned, "priority: later", "zones: [eu]", 1)))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := f.Config(identity.Source{Env: func(string) (string, bool) { return "a-key", true }})
	if err != nil {
		t.Fatal(err)
	}
	up := httptest.NewServer(http.HandlerFunc(ok))
	defer up.Close()
	for i := range cfg.Pools {
		for j := range cfg.Pools[i].Backends {
			cfg.Pools[i].Backends[j].URL = up.URL
		}
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for model, want := range map[string]string{"gpt-4o": "200 west ", "small": "403  zone-refused"} {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest("POST", "/openai/v1/chat/completions", strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"Hi"}]}`)))
		if got := fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("X-Gateway-Backend"), w.Header().Get("X-Gateway-Reason")); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
}

// A file can say of a policy whatever a scenario can.
func TestFilePolicyIsWhole(t *testing.T) {
	parts := func(of reflect.Type) (names []string) {
		for i := range of.NumField() {
			names = append(names, of.Field(i).Tag.Get("yaml"))
		}
		return names
	}
	if file, scenario := parts(reflect.TypeFor[FilePolicy]()), parts(reflect.TypeFor[core.Config]()); !slices.Equal(file, scenario) {
		t.Errorf("a file has %v, a scenario %v", file, scenario)
	}
}

// Whatever a file says that can be read, a gateway can be made of it; what cannot is told with a place.
func TestFilesThatCanBeReadMakeGateways(t *testing.T) {
	dice := rand.New(rand.NewSource(1))
	one := func(list ...string) string { return list[dice.Intn(len(list))] }
	some := func(n int, make func() string) string {
		list := []string{}
		for range dice.Intn(n) {
			list = append(list, make())
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	backends := func() string {
		if dice.Intn(4) > 0 {
			return "[{name: x, url: http://a.test}, {name: y, url: http://a.test}]"
		}
		return some(4, func() string {
			return "{name: " + one("x", "y", "z") + ", url: " + one("http://a.test", "http://a.test", "nowhere") + one("", "", ", model: m@1", ", model: m@2") + "}"
		})
	}
	policy := func(route bool) string {
		var parts []string
		add := func(of int, part string) {
			if dice.Intn(of) == 0 {
				parts = append(parts, part)
			}
		}
		if route {
			add(2, "route: {groups: [[x], [y]]}")
			add(2, "canary: {backends: "+one("[x]", "[y]", "[x, y]", "[z]")+", share: "+one("0%", "5%", "100%", "101%")+"}")
		}
		add(3, "retry: {attempts: "+one("1", "2", "0")+"}")
		add(3, "queue: {bands: [{name: now}, {name: later}]}")
		add(4, "tenants: [{name: team, priority: "+one("now", "later", "never")+"}]")
		add(4, "budget: {limits: [{backend: "+one("x", "y", "z")+", tpm: 5k}]}")
		return "{" + strings.Join(parts, ", ") + "}"
	}
	good := 0
	for range 500 {
		src := "version: 1\ntenants: [{name: team}]\nidentity: {anonymous: team}\n"
		if dice.Intn(3) == 0 {
			src += "backends: " + backends() + "\ngateway: " + policy(true) + "\n"
		} else {
			src += "pools: " + some(4, func() string {
				return "{name: " + one("m", "n", "o", "r", "s", "", "a/b") + ", aliases: " + some(2, func() string { return one("p", "q", "m") }) + ", backends: " + backends() + ", gateway: " + policy(true) + "}"
			}) + "\ngateway: " + policy(false) + "\n" + one("", "default_pool: m\n")
		}
		file, err := ReadFile("g.yaml", []byte(src))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "g.yaml:") {
				t.Fatalf("%s\n%v", src, err)
			}
			continue
		}
		good++
		cfg, err := file.Config(identity.Source{})
		if err == nil {
			err = cfg.check()
		}
		if err != nil {
			t.Fatalf("%s\n%v", src, err)
		}
	}
	t.Logf("%d of 500 can be read", good)
	if good < 30 {
		t.Errorf("only %d of the files can be read", good)
	}
}
