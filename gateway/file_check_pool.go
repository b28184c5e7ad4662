package gateway

import (
	"fmt"
	"slices"
	"strings"

	"foundrylab/gateway/core"
	routing "foundrylab/gateway/route"
)

// pools looks at the pools of a file, beside one another and each by itself.
func (c *fileCheck) pools(tenants roll) {
	switch n := len(c.Pools); {
	case n > 0 && len(c.Backends) > 0:
		c.fail("pools", "are instead of backends: give one of them")
	case n > MaxPools:
		c.fail("pools", "are %d, at most %d", n, MaxPools)
	case n == 0 && len(c.Backends) == 0 && c.read("pools"):
		c.fail("backends", "is required: say what requests are sent to, here or in pools")
	}
	if len(c.Pools) > 0 && c.Gateway.Route != nil {
		c.fail("gateway.route", "is about backends: with pools, say it in the gateway of each")
	}
	if len(c.Pools) > 0 && c.Gateway.Canary != nil {
		c.fail("gateway.canary", "is about backends: with pools, say it in the gateway of each")
	}
	pools := c.roll("pools", len(c.Pools), func(i int) string { return c.Pools[i].Name })
	c.known(pools, "default_pool", c.Default)
	taken := slices.Clone(pools.names)
	for i, p := range c.Pools {
		for j, name := range p.Aliases {
			if slices.Contains(taken, name) {
				c.fail(fmt.Sprintf("pools[%d].aliases[%d]", i, j), "%q is taken", name)
			}
			taken = append(taken, name)
		}
	}
	c.tenantsOf("gateway", &c.Gateway, tenants)
	each := c.File.pools()
	for i := range each {
		c.pool(&each[i], tenants)
	}
	c.tell(len(each))
	c.zones(each)
}

// zones refuses what is a zone in no pool. A pool that has none of a tenant's zones refuses what it is sent by it.
func (c *fileCheck) zones(each []FilePool) {
	var all []routing.Zone
	for i := range each {
		r, path := each[i].Gateway.Route, each[i].path+"gateway.route"
		if !c.read(path) || !c.read(path+".zones") {
			return
		}
		if r == nil {
			continue
		}
		for j, z := range r.Zones {
			if !c.read(fmt.Sprintf("%s.zones[%d].zone", path, j)) {
				return
			}
			all = append(all, z)
		}
	}
	check := func(path string, tenants []core.Tenant) {
		core.Config{Tenants: tenants}.ValidateZones(all, func(at, format string, args ...any) { c.fail(path+"."+at, format, args...) })
	}
	check("gateway", c.Gateway.Tenants)
	for i := range c.Pools {
		check(fmt.Sprintf("pools[%d].gateway", i), c.Pools[i].Gateway.Tenants)
	}
}

// shared is a mistake in a policy. What the file says for all pools may be one in some of them only.
type shared struct {
	path, text string
	pools      []string
}

// note keeps a mistake until all pools were looked at.
func (c *fileCheck) note(path, text, pool string) {
	i := slices.IndexFunc(c.told, func(s shared) bool { return s.path == path && s.text == text })
	if i < 0 {
		i = len(c.told)
		c.told = append(c.told, shared{path: path, text: text})
	}
	c.told[i].pools = append(c.told[i].pools, fmt.Sprintf("%q", pool))
}

// tell tells each mistake once, and of what is right in other pools in which it is wrong.
func (c *fileCheck) tell(pools int) {
	for _, s := range c.told {
		part, ofAll := strings.CutPrefix(s.path, "gateway.")
		if ofAll && len(s.pools) < pools {
			part = part[:strings.IndexAny(part+".", ".[")]
			c.fail(s.path, "%s (in pool %s: it may have %s of its own)", s.text, strings.Join(s.pools, ", "), part)
			continue
		}
		c.fail(s.path, "%s", s.text)
	}
}

func (c *fileCheck) tenantsOf(path string, p *FilePolicy, tenants roll) {
	for i, t := range p.Tenants {
		c.known(tenants, fmt.Sprintf("%s.tenants[%d].name", path, i), t.Name)
	}
}

func (c *fileCheck) pool(p *FilePool, tenants roll) {
	backends := c.roll(p.path+"backends", len(p.Backends), func(i int) string { return p.Backends[i].Name })
	c.oneModel(p)
	if p.path != "" {
		c.tenantsOf(p.path+"gateway", &p.Gateway, tenants)
	}
	if r := p.Gateway.Route; r != nil {
		for i, group := range r.Groups {
			for j, name := range group {
				c.known(backends, fmt.Sprintf("%sgateway.route.groups[%d][%d]", p.path, i, j), name)
			}
		}
	}
	if backends.open || len(p.Backends) == 0 {
		return
	}
	policy := p.policy(&c.Gateway)
	if !c.whole(p, &policy) {
		return
	}
	policy.Validate(func(path, format string, args ...any) {
		c.note(c.partOf(p, path)+path, fmt.Sprintf(format, args...), p.Name)
	})
}

// partOf returns the path of the policy that a part of a pool's policy comes from.
func (c *fileCheck) partOf(p *FilePool, path string) string {
	own := false
	switch part, _, _ := strings.Cut(strings.ReplaceAll(path, "[", "."), "."); part {
	case "route", "canary":
		own = true
	case "queue":
		own = p.Gateway.Queue != nil
	case "budget":
		own = p.Gateway.Budget != nil
	case "tenants":
		own = p.Gateway.Tenants != nil
	case "hedge":
		own = p.Gateway.Hedge != nil
	case "retry":
		own = p.Gateway.Retry != nil
	case "timeouts":
		own = p.Gateway.Timeouts != nil
	}
	if own {
		return p.path + "gateway."
	}
	return "gateway."
}

// whole reports whether all was read that parts of a policy say of one another.
func (c *fileCheck) whole(p *FilePool, policy *core.Config) bool {
	var names []string
	add := func(path string) { names = append(names, c.partOf(p, path)+path) }
	for _, part := range []string{"route", "route.groups", "route.zones", "canary", "canary.backends", "queue", "queue.bands", "budget", "tenants", "hedge", "hedge.after", "retry", "retry.attempts", "timeouts", "timeouts.head"} {
		add(part)
	}
	for i, group := range policy.Route.Groups {
		for j := range group {
			if p.Gateway.Route != nil {
				add(fmt.Sprintf("route.groups[%d][%d]", i, j))
			}
		}
	}
	if policy.Canary != nil {
		for i := range policy.Canary.Backends {
			add(fmt.Sprintf("canary.backends[%d]", i))
		}
	}
	for i := range policy.Route.Zones {
		add(fmt.Sprintf("route.zones[%d].zone", i))
	}
	if policy.Queue != nil {
		for i := range policy.Queue.Bands {
			add(fmt.Sprintf("queue.bands[%d].name", i))
		}
	}
	return !slices.ContainsFunc(names, func(path string) bool { return !c.read(path) })
}

// oneModel refuses backends of several models in a pool: a request may be answered by any of them.
func (c *fileCheck) oneModel(p *FilePool) {
	said := slices.IndexFunc(p.Backends, func(b FileBackend) bool { return b.Model != "" })
	if said < 0 && p.Model == "" {
		return
	}
	for i, b := range p.Backends {
		at := fmt.Sprintf("%sbackends[%d].model", p.path, i)
		switch {
		case p.Model != "" && b.Model != "" && b.Model != p.Model:
			c.fail(at, "is %q, that of %s is %q: give each model a pool of its own", b.Model, strings.TrimSuffix(p.path, "."), p.Model)
		case p.Model == "" && b.Model != p.Backends[said].Model:
			c.fail(at, "is %q, that of %sbackends[%d] is %q: give each model a pool of its own", b.Model, p.path, said, p.Backends[said].Model)
		}
	}
}
