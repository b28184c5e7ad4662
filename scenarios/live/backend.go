package live

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"foundrylab/internal/drive"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios"
	"foundrylab/simulator"
	"foundrylab/simulator/access"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/identity"
)

type backendOptions struct {
	Clock   *drive.Clock
	Start   tick.Instant
	Record  bool
	Precise bool // not in a bubble
	Logger  zerolog.Logger
	Ledger  func(backend int, a record.Attempt)
	Observe func(backend int, now tick.Instant, e deployment.Effect)
	Budgets []deployment.Budget // by backend
	Sharing simulator.Sharing
	Issuer  *identity.Issuer   // nil: each resource has its own
	Control *simulator.Control // nil: each resource has its own
}

// newResource returns the backends of one resource, given by their places in the scenario. The outages of its address
// are brought about there.
func newResource(s *scenarios.Scenario, members []int, a *address, opt backendOptions) (*simulator.Server, error) {
	cfg := simulator.Config{Seed: uint64(s.Seed), Clock: opt.Clock, Start: opt.Start, Record: opt.Record, Precise: opt.Precise, Logger: opt.Logger, Control: opt.Control,
		Auth: access.Config{Strict: true}, Issuer: opt.Issuer} // a gateway that sends the wrong backend's key is to be found out
	for _, i := range members {
		cfg.Deployments = append(cfg.Deployments, s.Backends[i])
		for _, f := range s.Strikes() {
			if f.Backend == s.Backends[i].Name {
				cfg.Faults = append(cfg.Faults, f)
			}
		}
	}
	a.expect(cfg.Faults)
	if opt.Ledger != nil {
		cfg.Ledger = func(b int, a record.Attempt) { opt.Ledger(members[b], a) }
	}
	cfg.Observe = func(b int, now tick.Instant, e deployment.Effect) {
		if e.Kind == deployment.FaultEdge && int(e.Ref.Slot) < len(cfg.Faults) { // else the control plane added it
			a.fault(&cfg.Faults[e.Ref.Slot], e.Ref.Gen == 0)
		}
		if opt.Observe != nil {
			opt.Observe(members[b], now, e)
		}
	}
	cfg.Sharing = opt.Sharing
	cfg.Budget = func(b int) deployment.Budget { return opt.Budgets[members[b]] }
	server, err := simulator.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", s.Backends[members[0]].Name, err)
	}
	return server, nil
}

// ServeBackends serves only the backends of a scenario, each on its listen
// address (or a free port of the loopback), until ctx is done. Faults count
// from the call. Limits are shared where sharing has a State. issuer, unless it
// is nil, signs the tokens that they take beside their keys. control, unless
// it is nil, is the control plane of them all. ready is told where each one is.
func ServeBackends(ctx context.Context, s *scenarios.Scenario, log zerolog.Logger, sharing simulator.Sharing, issuer *identity.Issuer, control *simulator.Control, ready func(name, url, key string)) error {
	clock := drive.WallClock()
	r := &run{scenario: s, opt: Options{Net: loopback{}, Note: func(format string, args ...any) { log.Error().Msgf(format, args...) }}}
	defer r.close()
	start := clock.Now().Floor()
	if err := r.certify(); err != nil {
		return err
	}
	budgets := s.Budgets(start, simulator.SharePool)
	for _, members := range s.Resources() {
		cfg := &s.Backends[members[0]]
		a := newAddress(cfg.Name, cfg.Listen, r.opt.Net, r.opt.Note)
		b, err := newResource(s, members, a, backendOptions{Clock: clock, Start: start, Precise: true, Logger: log, Budgets: budgets, Sharing: sharing, Issuer: issuer, Control: control})
		if err != nil {
			return err
		}
		r.resources = append(r.resources, resource{b, members})
		url, err := r.serveAt(a, hostOf(members[0]), cfg.TLS, b)
		if err != nil {
			return fmt.Errorf("backend %s: %w", cfg.Name, err)
		}
		for _, i := range members {
			ready(s.Backends[i].Name, url, s.Backends[i].Key)
		}
	}
	<-ctx.Done()
	return nil
}
