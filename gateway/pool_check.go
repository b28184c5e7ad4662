package gateway

import (
	"errors"
	"fmt"

	"foundrylab/gateway/core"
	"foundrylab/gateway/tenancy"
)

// pools returns the pools of a configuration, also where it has only the one
// without a name.
func (c *Config) pools() []Pool {
	if len(c.Pools) > 0 {
		return c.Pools
	}
	return []Pool{{Core: c.Core, Backends: c.Backends, Model: c.Model}}
}

// in says which pool a mistake is in.
func (p *Pool) in() string {
	if p.Name == "" {
		return ""
	}
	return fmt.Sprintf(" in pool %q", p.Name)
}

// checkPools tells what is wrong with pools beside one another.
func (c *Config) checkPools(fail func(format string, args ...any)) {
	if len(c.Pools) > 0 && (len(c.Backends) > 0 || c.Model != "" || len(c.Core.Route.Groups) > 0) {
		fail("there are Pools, and Core, Backends or Model: give the one or the other")
	}
	if len(c.Pools) > MaxPools {
		fail("%d pools: the bound is %d", len(c.Pools), MaxPools)
	}
	taken := map[string]bool{}
	names := map[string]bool{}
	for i := range c.Pools {
		p := &c.Pools[i]
		names[p.Name] = true
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if !tenancy.NameFits(name) || taken[name] {
				fail("pools[%d]: name %q is taken, or not of letters, digits, - _ and ., at most 64", i, name)
			}
			taken[name] = true
		}
	}
	if c.DefaultPool != "" && !names[c.DefaultPool] {
		fail("there is no pool %q to be the default", c.DefaultPool)
	}
}

// check returns every mistake of a pool.
func (p *Pool) check() []error {
	var found []error
	fail := func(format string, args ...any) {
		found = append(found, errors.New("gateway: "+fmt.Sprintf(format, args...)+p.in()))
	}
	if err := checkPolicy(p.Core); err != nil {
		found = append(found, fmt.Errorf("gateway: policy%s: %w", p.in(), err))
	}
	if n := len(p.Backends); n == 0 || n > core.MaxBackends {
		fail("%d backends: give 1 to %d", n, core.MaxBackends)
	}
	names := map[string]bool{}
	for i, b := range p.Backends {
		if b.Name == "" || names[b.Name] {
			fail("backends[%d]: name %q is empty or taken: give each its own", i, b.Name)
		}
		names[b.Name] = true
		if why := badURL(b.URL); why != "" {
			fail("backends[%d] (%s): URL %s: give the resource's, such as https://myresource.openai.azure.com", i, b.Name, why)
		}
	}
	for i, group := range p.Core.Route.Groups {
		for j, name := range group {
			if !names[name] {
				fail("route.groups[%d][%d]: there is no backend %q", i, j, name)
			}
		}
	}
	return found
}
