package gateway

import (
	"fmt"
	"net/http"
	"slices"

	"foundrylab/gateway/core"
	"foundrylab/internal/tick"
	"foundrylab/internal/tokens"
)

// settings is a configuration in force. Tenants and backends keep their places
// from one to the next, so that an id means the same whenever a request began;
// what is gone keeps its place too.
type settings struct {
	cfg        Config
	vocabulary *tokens.Model // nil: nobody said which
	backends   []backend
	door       *door
	tallies    []*tally // of whoever is no tenant, and then by tenant
}

// newSettings returns the settings that follow others; nil: the first.
func newSettings(cfg Config, door *door, shared http.RoundTripper, before *settings) *settings {
	s := &settings{cfg: cfg, vocabulary: vocabulary(cfg.Model), door: door}
	if before != nil {
		s.tallies = before.tallies
	}
	s.tallies = tallies(s.tallies, len(cfg.Clients))
	for _, b := range cfg.Backends {
		s.backends = append(s.backends, compileBackend(b, shared))
	}
	return s
}

func backendNames(backends []Backend) []string {
	names := make([]string, len(backends))
	for i, b := range backends {
		names[i] = b.Name
	}
	return names
}

func members(clients []Client) []core.Member {
	list := make([]core.Member, len(clients))
	for i, c := range clients {
		list[i] = core.Member{Name: c.Name, Weight: max(c.Weight, 1)}
		if c.gone {
			list[i].Weight = 0
		}
	}
	return list
}

// Reconfigure puts another configuration in force, whole or, where it returns
// an error with every mistake of it, not at all. Requests under way go on under
// the one that they began with; what waits keeps its place. Clock, Logger,
// Observe, Record, Seed, Tracer and Upstream stay those of New. Safe for concurrent use.
func (g *Gateway) Reconfigure(cfg Config) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	old := &g.present.Load().cfg
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if err := cfg.check(); err != nil {
		return err
	}
	cfg.IdentityOptions = g.cfg.IdentityOptions
	cfg.Clock, cfg.Logger, cfg.Observe, cfg.Record, cfg.Seed, cfg.Tracer, cfg.Upstream = old.Clock, old.Logger, old.Observe, old.Record, old.Seed, old.Tracer, old.Upstream
	cfg.Backends = keepPlaces(old.Backends, cfg.Backends, func(b Backend) string { return b.Name }, func(b Backend) Backend { b.gone = true; return b })
	cfg.Clients = keepPlaces(old.Clients, cfg.Clients, func(c Client) string { return c.Name }, func(c Client) Client { return Client{Name: c.Name, gone: true} })
	if n := len(cfg.Backends); n > core.MaxBackends {
		return fmt.Errorf("gateway: since its start it has had %d backends by name, of which it can tell %d apart: restart it", n, core.MaxBackends)
	}
	door, err := openDoor(&cfg)
	if err != nil {
		return err
	}
	policy := cfg.Core
	// In one step: nobody sees one half of it in force without the other.
	g.driver.DoAll(func(_ tick.Instant, out []core.Event) []core.Event {
		g.present.Store(newSettings(cfg, door, g.shared, g.present.Load()))
		version := g.core.Install(&policy, backendNames(cfg.Backends), members(cfg.Clients))
		return append(out, core.Event{Kind: core.Configure, Version: version})
	})
	return nil
}

// keepPlaces returns what is wanted in the places that it had before; what is
// gone is left in its place as gone makes it, and what is new comes last.
func keepPlaces[T any](had, wanted []T, name func(T) string, gone func(T) T) []T {
	list := make([]T, len(had))
	taken := make([]bool, len(wanted))
	for i, h := range had {
		list[i] = gone(h)
		if at := slices.IndexFunc(wanted, func(w T) bool { return name(w) == name(h) }); at >= 0 {
			list[i], taken[at] = wanted[at], true
		}
	}
	for i, w := range wanted {
		if !taken[i] {
			list = append(list, w)
		}
	}
	return list
}
