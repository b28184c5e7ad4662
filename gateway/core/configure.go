package core

import (
	"fmt"
	"slices"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/retry"
	"foundrylab/gateway/route"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
)

// MaxConfigurations bounds those that a core keeps: the one in force, those that
// requests under way began under, and those that are yet to be in force.
const MaxConfigurations = 4096

// Configurations returns how many there are. It takes a while.
func (c *Core) Configurations() (n int) {
	for _, s := range c.configs {
		if s != nil {
			n++
		}
	}
	return n
}

// Install adds a configuration and returns its version; it takes effect at
// the Configure event that names it. What was replaced is gone with its last
// request (effect Drained), and its version another's. The caller sees to it
// that there are fewer than MaxConfigurations. backends and tenants name the
// dense ids, which are never used again for another.
func (c *Core) Install(cfg *Config, backends []string, tenants []Member) uint32 {
	s := &settings{Config: cfg, choose: route.Lookup(cfg.Route.Policy), retry: retry.Compile(cfg.Retry), hedges: cfg.Hedge.Budget.extra(), looks: cfg.looks(),
		die: rng.New(c.seed, rng.RouteChoice, rng.Entity("gateway")), jitter: rng.New(c.seed, rng.WaitJitter, rng.Entity("gateway")), next: make([]uint64, len(cfg.Route.Groups))}
	for _, names := range cfg.Route.Groups {
		var members []route.Member
		for _, name := range names {
			members = append(members, route.Member{Backend: indexOf(backends, name), Weight: cfg.Route.WeightOf(name)})
			s.members |= 1 << members[len(members)-1].Backend
		}
		s.groups = append(s.groups, members)
	}
	s.backends, s.tenants = backends, planTenants(cfg, tenants, backends)
	for i := len(c.breakers); i < len(backends); i++ {
		c.breakers = append(c.breakers, breaker.New(&cfg.Breaker))
		c.seen = append(c.seen, route.Seen{})
	}
	if cfg.Canary != nil {
		s.tryOut(c.newest)
	}
	c.newest = s
	version := slices.Index(c.configs, nil)
	if version < 0 {
		version = len(c.configs)
		c.configs = append(c.configs, nil)
	}
	if version >= MaxConfigurations {
		panic(fmt.Sprintf("gateway: %d configurations", version+1))
	}
	c.configs[version] = s
	return uint32(version)
}

func (c *Core) configure(now tick.Instant, version uint32, out []Effect) []Effect {
	if int(version) >= len(c.configs) || c.configs[version] == nil {
		return append(out, Effect{Kind: Stray, At: now})
	}
	old := c.current
	c.cfg, c.current = c.configs[version], uint16(version)
	for i := range c.breakers {
		c.breakers[i].Reconfigure(&c.cfg.Breaker)
	}
	c.apply(now)
	return c.drained(now, old, out)
}

// drained lets a configuration go that is not in force and has no request left.
func (c *Core) drained(now tick.Instant, version uint16, out []Effect) []Effect {
	if s := c.configs[version]; s == c.cfg || s.users > 0 {
		return out
	}
	c.configs[version] = nil
	return append(out, Effect{Kind: Drained, At: now})
}
