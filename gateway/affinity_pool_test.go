package gateway

import (
	"testing"
	"testing/synctest"
)

// An id names no model. It leads to the pool that has its backend, among those
// that a tenant may use.
func TestResponsesOfPools(t *testing.T) {
	for _, c := range []struct {
		tenant, id string
		status     int
		backend    string
	}{
		{"all", "resp_1" + tagOf("a"), 200, "a"}, {"all", "resp_1" + tagOf("b"), 200, "b"}, {"all", "resp_1", 200, "b"},
		{"mini", "resp_1" + tagOf("b"), 200, "b"}, {"mini", "resp_1" + tagOf("a"), 200, "b"}, {"mini", "resp_1", 200, "b"},
		{"alias", "resp_1" + tagOf("a"), 200, "a"}, {"alias", "resp_1", 200, "a"}, {"other", "resp_1" + tagOf("a"), 403, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{always(ok), always(ok)}, func(cfg *Config) {
				inPools(cfg, Pool{Name: "gpt-4o", Aliases: []string{"gpt-4"}}, Pool{Name: "gpt-4o-mini"})
				cfg.DefaultPool = "gpt-4o-mini"
				cfg.Clients = []Client{{Name: "all", Key: "key of all"}, {Name: "mini", Key: "key of mini", Models: []string{"gpt-4o-mini"}},
					{Name: "alias", Key: "key of alias", Models: []string{"gpt-4"}}, {Name: "other", Key: "key of other", Models: []string{"x"}}}
			})
			got := lb.do("GET", responsesPath+"/"+c.id, "", "api-key", "key of "+c.tenant)
			if got.status != c.status || got.header.Get("X-Gateway-Backend") != c.backend {
				t.Errorf("%s: %d from %q %s", c.tenant, got.status, got.header.Get("X-Gateway-Backend"), got.body)
			}
			if got := lb.do("GET", responsesPath+"/"+c.id, ""); got.status != 401 {
				t.Errorf("anybody is answered: %d", got.status)
			}
		})
	}
}

// A backend that is gone from one pool, or whose pool is, may be in another, which knows what the id names; if it is in none,
// that is said.
func TestResponsesOfPoolsThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before Config
		lb := newLab(t, []*fake{always(ok), always(ok), always(ok), always(ok)}, func(cfg *Config) {
			inPools(cfg, Pool{Name: "first", Backends: make([]Backend, 2)}, Pool{Name: "second"}, Pool{Name: "third"})
			before = *cfg
		})
		east, other := before.Pools[0].Backends[0], before.Pools[0].Backends[1]
		of := func(name string, backends ...Backend) Pool {
			p := Pool{Name: name, Backends: backends}
			var group []string
			for _, b := range backends {
				group = append(group, b.Name)
			}
			p.Core = Policy(group)
			return p
		}
		for _, c := range []struct {
			pools []Pool
			pool  string // that has what east made; "": none
		}{
			{[]Pool{of("first", east, other), of("second", other)}, "first"},
			{[]Pool{of("first", other), of("second", east)}, "second"},
			{[]Pool{of("first", other), of("second", other)}, ""},
			{[]Pool{of("second", other), of("third", east)}, "third"},
			{[]Pool{of("second", other)}, ""},
		} {
			next := before
			next.Pools = c.pools
			if err := lb.Reconfigure(next); err != nil {
				t.Fatal(err)
			}
			got := lb.do("GET", responsesPath+"/resp_1"+tagOf("a"), "")
			if c.pool != "" && (got.status != 200 || got.header.Get("X-Gateway-Pool") != c.pool) || c.pool == "" && (got.status != 404 || got.header.Get("X-Gateway-Reason") != "backend-gone") {
				t.Errorf("%q: %d from %q %s", c.pool, got.status, got.header.Get("X-Gateway-Pool"), got.body)
			}
		}
	})
}
