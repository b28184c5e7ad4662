package gateway

import (
	"fmt"
	"slices"

	"foundrylab/gateway/core"
	"foundrylab/gateway/tenancy"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// settings is a configuration in force. Pools, tenants and backends keep their
// places from one to the next, so that an id means the same whenever a request
// began; what is gone keeps its place too.
type settings struct {
	cfg   Config
	door  *door
	pools []*poolSettings          // by place
	names map[string]*poolSettings // of those that clients can ask for
	rest  *poolSettings            // what is asked for by any other name; nil: there is none

	totals []totalSettings // by tenant id; nil: nobody has one
}

// newSettings returns the settings that follow others; nil: the first.
func (g *Gateway) newSettings(cfg Config, door *door, before *settings) *settings {
	s := &settings{cfg: cfg, door: door, names: map[string]*poolSettings{}}
	var had []totalSettings
	if before != nil {
		had = before.totals
	}
	s.totals = cfg.totals(had)
	for i := range cfg.Pools {
		p := &cfg.Pools[i]
		var was *poolSettings
		if before != nil && i < len(before.pools) {
			was = before.pools[i]
		} else {
			was = &poolSettings{pool: g.newPool(i, p, cfg.Clients)}
		}
		now := was.next(*p, len(cfg.Clients), g.shared)
		s.pools = append(s.pools, now)
		if p.gone {
			continue
		}
		if p.Name == "" || p.Name == cfg.DefaultPool {
			s.rest = now
		}
		if p.Name != "" {
			s.names[p.Name] = now
		}
		for _, name := range p.Aliases {
			s.names[name] = now
		}
	}
	return s
}

// poolFor returns the pool that a visitor asks for, or why it gets none. What
// was asked for is told in no text: it is whatever a client sent.
func (s *settings) poolFor(v *visitor, asked string) (*pool, *refusal) {
	found := s.names[asked]
	known := found != nil
	if !known {
		found = s.rest
	}
	switch {
	case v.may != nil && !allows(v.may, found, asked, known):
		return nil, modelNotAllowed
	case found == nil:
		return nil, unknownModel
	}
	return found.pool, nil
}

// allows reports whether a tenant may use a pool by a name. Where that is none
// of the pool's, its own name counts: else a tenant could make names up that
// stand for whatever pool takes the rest. A name that nobody knows is judged like
// one that somebody does, so that a refusal does not tell which there are.
func allows(t *tenancy.Tenant, p *poolSettings, asked string, known bool) bool {
	if p == nil || p.Name == "" {
		return t.Allows(asked)
	}
	return t.Allows(p.Name) || known && t.Allows(asked)
}

// Reconfigure puts another configuration in force, whole or, where it returns
// an error with every mistake of it, not at all. Requests under way go on under
// the one that they began with, also those of a pool that is gone; what waits
// keeps its place. Clock, Logger, Observe, Record, Seed, Tracer and Upstream stay
// those of New. Safe for concurrent use.
func (g *Gateway) Reconfigure(cfg Config) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	before := g.present.Load()
	old := &before.cfg
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if err := cfg.check(); err != nil {
		return err
	}
	cfg.Pools = cfg.pools()
	cfg.IdentityOptions = g.cfg.IdentityOptions
	cfg.Clock, cfg.Logger, cfg.Observe, cfg.Record, cfg.Seed, cfg.Tracer, cfg.Upstream = old.Clock, old.Logger, old.Observe, old.Record, old.Seed, old.Tracer, old.Upstream
	if err := cfg.keepAllPlaces(old); err != nil {
		return err
	}
	for _, p := range before.pools {
		if p.full() {
			return fmt.Errorf("gateway: requests under way began under %d configurations: wait until some have ended", core.MaxConfigurations-1)
		}
	}
	door, err := openDoor(&cfg)
	if err != nil {
		return err
	}
	g.putInForce(g.newSettings(cfg, door, before), before.pools)
	return nil
}

// putInForce changes all pools in one step: it takes the lock of each before it
// changes the first, so that nobody sees one part of the settings in force
// without another. Only here is more than one of these locks held.
func (g *Gateway) putInForce(next *settings, pools []*poolSettings) {
	if len(pools) == 0 {
		next.grant(g.cfg.Clock, func() { g.present.Store(next) })
		return
	}
	pools[0].driver.DoAll(func(_ tick.Instant, out []core.Event) []core.Event {
		g.putInForce(next, pools[1:])
		p := next.pools[pools[0].place]
		if p.gone { // what is left in it goes on as it began
			return out
		}
		policy := p.Core
		version := p.core.Install(&policy, backendNames(p.Backends), members(next.cfg.Clients))
		return append(out, core.Event{Kind: core.Configure, Version: version})
	})
}

// keepAllPlaces puts pools, their backends and tenants in the places that they
// had in an older configuration.
func (c *Config) keepAllPlaces(old *Config) error {
	wanted := make([]Pool, len(c.Pools)) // a copy: the caller keeps its own
	for i, p := range c.Pools {
		wanted[i] = p
		if at := slices.IndexFunc(old.Pools, func(o Pool) bool { return o.Name == p.Name }); at >= 0 {
			wanted[i].Backends = keepPlaces(old.Pools[at].Backends, p.Backends, func(b Backend) string { return b.Name }, func(b Backend) Backend { b.gone = true; return b })
		}
		if n := len(wanted[i].Backends); n > core.MaxBackends {
			return fmt.Errorf("gateway: since its start it has had %d backends by name%s, of which it can tell %d apart: restart it", n, p.in(), core.MaxBackends)
		}
	}
	c.Pools = keepPlaces(old.Pools, wanted, func(p Pool) string { return p.Name }, func(p Pool) Pool { p.gone = true; return p })
	c.Clients = keepPlaces(old.Clients, c.Clients, func(c Client) string { return c.Name }, func(c Client) Client { return Client{Name: c.Name, gone: true} })
	if n := len(c.Clients); n >= int(record.NoTenant) {
		return fmt.Errorf("gateway: since its start it has had %d tenants by name, of which it can tell %d apart: restart it", n, record.NoTenant-1)
	}
	if n := len(c.Pools); n > MaxPools {
		return fmt.Errorf("gateway: since its start it has had %d pools by name, of which it can tell %d apart: restart it", n, MaxPools)
	}
	return nil
}

// keepPlaces returns what is wanted in the places that it had before; what is
// gone is left in its place as gone makes it, and what is new comes last.
func keepPlaces[T any](had, wanted []T, name func(T) string, gone func(T) T) []T {
	places := make(map[string]int, len(had))
	list := make([]T, len(had))
	for i, h := range had {
		places[name(h)], list[i] = i, gone(h)
	}
	for _, w := range wanted {
		if at, ok := places[name(w)]; ok {
			list[at] = w
		} else {
			list = append(list, w)
		}
	}
	return list
}
