package core

import (
	"fmt"
	"slices"

	"foundrylab/gateway/affinity"
	"foundrylab/gateway/breaker"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/canary"
	"foundrylab/gateway/queue"
	"foundrylab/gateway/retry"
	"foundrylab/gateway/route"
	"foundrylab/internal/unit"
)

// Config is a gateway: the `gateway` part of a scenario.
type Config struct {
	Route       route.Config    `yaml:"route" required:"true" doc:"which backend a request goes to"`
	Canary      *canary.Config  `yaml:"canary" doc:"backends that are tried out with a part of the requests; default: there are none"`
	Retry       retry.Config    `yaml:"retry" doc:"when it is sent again"`
	Timeouts    Timeouts        `yaml:"timeouts" doc:"how long an attempt may keep its request waiting"`
	Hedge       Hedge           `yaml:"hedge" doc:"when a request is sent to a second backend before the first has failed"`
	Breaker     breaker.Config  `yaml:"breaker" doc:"when a backend is left alone"`
	Queue       *queue.Config   `yaml:"queue" doc:"where requests wait that no backend can take now; default: nobody waits, they are refused"`
	Budget      budget.Config   `yaml:"budget" doc:"what the backends admit, and how closely that is used"`
	Affinity    affinity.Config `yaml:"affinity" doc:"how requests that build on a stored response come to the backend that has it"`
	Tenants     []Tenant        `yaml:"tenants" doc:"what single tenants get; one that is not listed has no limits of its own"`
	MaxInFlight int             `yaml:"max_in_flight" default:"200000" min:"1" max:"1000000" doc:"bound on requests inside the gateway; above it 503"`
}

// Tenant is what a gateway grants one tenant.
type Tenant struct {
	Name     string        `yaml:"name" required:"true" doc:"tenant name"`
	Weight   int64         `yaml:"weight" min:"0" max:"1000" doc:"its share of what is scarce; default 0: the weight that it has anyway, else 1"`
	Priority string        `yaml:"priority" doc:"name of its priority band in queue.bands; default the last"`
	Limits   budget.Limits `yaml:"limits" doc:"what it may have at most"`
	Zones    []string      `yaml:"zones" doc:"zones of route.zones: its requests go to backends there and nowhere else, and are refused with 403 where route has none; default anywhere"`
}

// MaxBackends bounds the backends of one gateway: what a request has tried is
// a 64-bit set.
const MaxBackends = 64

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	n := 0
	for i, g := range c.Route.Groups {
		if n += len(g); n > MaxBackends {
			fail(fmt.Sprintf("route.groups[%d]", i), "a gateway takes at most %d backends", MaxBackends)
			return
		}
	}
	c.validateTenants(fail)
	c.validateCanary(fail)
	c.validateHedge(fail)
	for i, l := range c.Budget.Limits {
		if !c.routes(l.Backend) {
			fail(fmt.Sprintf("budget.limits[%d].backend", i), "%q is in no group of route", l.Backend)
		}
	}
}

func (c Config) routes(backend string) bool {
	return slices.ContainsFunc(c.Route.Groups, func(group []string) bool { return slices.Contains(group, backend) })
}

// validateCanary wants the canary among the backends, and others beside it.
func (c Config) validateCanary(fail func(path, format string, args ...any)) {
	if c.Canary == nil {
		return
	}
	others := 0
	for _, group := range c.Route.Groups {
		for _, name := range group {
			if !slices.Contains(c.Canary.Backends, name) {
				others++
			}
		}
	}
	for i, name := range c.Canary.Backends {
		if !c.routes(name) {
			fail(fmt.Sprintf("canary.backends[%d]", i), "%q is in no group of route", name)
		}
	}
	if others == 0 {
		fail("canary.backends", "are all that route has: some must be left for the other requests, and to go back to")
	}
}

// validateHedge refuses hedges that other parts leave no room for.
func (c Config) validateHedge(fail func(path, format string, args ...any)) {
	switch head := c.Timeouts.Head; {
	case c.Hedge.After == 0:
	case c.Retry.Attempts < 2:
		fail("hedge.after", "needs retry.attempts to be 2 at least: a hedge is one of them")
	case head > 0 && c.Hedge.After >= head:
		fail("hedge.after", "is not shorter than timeouts.head: by then the attempt is given up")
	}
	if c.Hedge.Budget.Share > unit.One {
		fail("hedge.budget.share", "is at most 100%%: a request is asked twice, and not more often")
	}
}

func (c Config) validateTenants(fail func(path, format string, args ...any)) {
	seen := map[string]bool{}
	for i, t := range c.Tenants {
		path := fmt.Sprintf("tenants[%d]", i)
		if seen[t.Name] {
			fail(path+".name", "%q is listed twice", t.Name)
		}
		seen[t.Name] = true
		for j, q := range t.Limits.Quota {
			if q.Amount > 0 && !c.Budget.Prices.Any() {
				fail(fmt.Sprintf("%s.limits.quota[%d].amount", path, j), "needs budget.prices to say what tokens cost")
			}
		}
		if t.Priority == "" {
			continue
		}
		if c.Queue == nil {
			fail(path+".priority", "needs queue.bands to name one of")
		} else if !slices.ContainsFunc(c.Queue.Bands, func(b queue.Band) bool { return b.Name == t.Priority }) {
			fail(path+".priority", "queue.bands has no band %q", t.Priority)
		}
	}
}

// ValidateZones refuses zones of tenants that are not among those. Validate does
// not: where one policy holds for several gateways, a zone may be of another, and
// then its tenant is refused by this one.
func (c Config) ValidateZones(zones []route.Zone, fail func(path, format string, args ...any)) {
	for i, t := range c.Tenants {
		for j, z := range t.Zones {
			if !slices.ContainsFunc(zones, func(r route.Zone) bool { return r.Zone == z }) {
				fail(fmt.Sprintf("tenants[%d].zones[%d]", i, j), "%q is no zone of route.zones", z)
			}
		}
	}
}
