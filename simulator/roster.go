package simulator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"foundrylab/simulator/catalog"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

// roster is the deployments of a Server: those of its Config, then those that appeared. It is not changed: one more makes
// another roster, so that requests read it without a lock.
type roster struct {
	all     []*backend
	byName  map[string]*backend
	byModel map[string]*backend // of the Config's, where one alone has the model; nil: several have it
}

func newRoster(all []*backend) *roster {
	r := &roster{all: all, byName: map[string]*backend{}, byModel: map[string]*backend{}}
	for _, b := range all {
		r.byName[b.cfg.Name] = b
		if _, several := r.byModel[b.cfg.Model]; several {
			r.byModel[b.cfg.Model] = nil
		} else {
			r.byModel[b.cfg.Model] = b
		}
	}
	return r
}

// with returns the roster with one more.
func (r *roster) with(b *backend) *roster {
	next := &roster{all: append(slices.Clip(r.all), b), byName: maps.Clone(r.byName), byModel: r.byModel}
	next.byName[b.cfg.Name] = b
	return next
}

// deployments returns all there are, those of the Config first.
func (s *Server) deployments() []*backend { return s.roster.Load().all }

// deployed returns the deployment of that name, or nil.
func (s *Server) deployed(name string) *backend { return s.roster.Load().byName[name] }

// use returns the deployment that is asked for by its name, or nil. What is not there may appear.
func (s *Server) use(name string, needs catalog.Ability) *backend {
	if b := s.deployed(name); b != nil {
		return b
	}
	return s.appear(name, needs)
}

// serving returns the deployment that the model member of a v1 request means: its name, else the model's name where
// one deployment alone has that model.
func (s *Server) serving(model string, needs catalog.Ability) *backend {
	r := s.roster.Load()
	if b := r.byName[model]; b != nil {
		return b
	}
	if b := r.byModel[model]; b != nil {
		return b
	}
	return s.appear(model, needs)
}

// appear deploys what a caller whose key is good asks for by a name that is not there; nil where that is not wanted, the
// name is none, or as many have appeared as may. It is slow, but once a name; names that fit none are refused at once.
func (s *Server) appear(name string, needs catalog.Ability) *backend {
	most := int(s.onFirstUse.Load())
	if most == 0 || !deployment.NameFits(name) {
		return nil
	}
	s.appearing.Lock()
	defer s.appearing.Unlock()
	now := s.roster.Load()
	switch b := now.byName[name]; {
	case b != nil: // another request was first
		return b
	case s.life.Err() != nil:
		return nil
	case len(now.all)-len(s.backends) >= most:
		s.log.Warn().Str("deployment", name).Int("most", most).Msg("no more deployments may appear on first use")
		return nil
	}
	b, err := s.deploy(s.onDemand(strings.Clone(name), needs)) // the name is part of a body
	if err != nil {
		s.log.Error().Err(err).Str("deployment", name).Msg("a deployment cannot appear")
		return nil
	}
	s.roster.Store(now.with(b))
	s.log.Info().Str("deployment", name).Str("model", b.cfg.Model).Str("version", b.cfg.Version).Msg("deployed on first use")
	return b
}

// firstUseTPM is the quota of most models in a subscription's first tier (Microsoft's quota page of 2026-08-20).
const firstUseTPM = 1_000_000

// onDemand is what appears under a name: in the place and with the key of the Config's first deployment.
func (s *Server) onDemand(name string, needs catalog.Ability) deployment.Config {
	like, guess := &s.backends[0].cfg, catalog.Guess(name, needs)
	d := deployment.Config{Name: name, Model: guess.Model, Version: guess.Version, SKU: "GlobalStandard", TPM: firstUseTPM, Resource: like.Resource,
		Region: like.Region, Subscription: like.Subscription, Profile: like.Profile, Key: like.Key, Key2: like.Key2}
	if catalog.Of(d.Model).Can&catalog.Messages != 0 {
		d.TPM = 0 // the model's
	}
	return d
}

// deploy makes one more deployment, and gives it the faults that there are.
func (s *Server) deploy(d deployment.Config) (*backend, error) {
	like, err := exemplar()
	if err != nil {
		return nil, err
	}
	if s.cfg.Appearing != nil {
		s.cfg.Appearing(&d)
	}
	fill(&d, &like.Deployments[0])
	cfg := s.cfg
	cfg.Deployments, cfg.Faults, cfg.Budget = append(slices.Clip(cfg.Deployments), d), nil, nil
	if err := (&written{Deployments: []deployment.Config{d}}).check(); err != nil {
		return nil, err
	}
	b := newBackend(&cfg, len(cfg.Deployments)-1, s.alarm)
	b.memory, b.ring = s.memories[d.Resource], ringOf(s.rings, &d)
	if err := s.control.admit(b, s.backends[0]); err != nil {
		return nil, err
	}
	s.cfg.Deployments = cfg.Deployments
	s.begin(b)
	return b, nil
}

// begin starts what a deployment does by itself.
func (s *Server) begin(b *backend) {
	b.driver.Wake()
	if b.shared != nil {
		go b.shared.run(s.life)
	}
}

// SetOnFirstUse says from now on how many deployments may appear on first use, as OnFirstUse of Config; those that have
// appeared stay.
func (s *Server) SetOnFirstUse(most int) { s.onFirstUse.Store(int64(max(most, 0))) }

// Deployments returns the present configurations of all deployments: those of the Config by place, then those that have
// appeared. They are copies.
func (s *Server) Deployments() (all []deployment.Config) {
	for _, b := range s.deployments() {
		all = append(all, *b.setting.Load().cfg)
	}
	return all
}

// SetLatency gives every deployment the pace that is wanted for it, all of them or none. Answers in flight go on as
// planned. The error has every mistake by its path.
func (s *Server) SetLatency(want func(*deployment.Config) latency.Config) error {
	s.appearing.Lock() // what appears meanwhile gets it too
	defer s.appearing.Unlock()
	s.control.changing.Lock()
	defer s.control.changing.Unlock()
	var all []proposal
	var wrong []error
	for _, b := range s.deployments() {
		next := *b.setting.Load().cfg
		next.Latency = want(&next)
		if err := (&written{Deployments: []deployment.Config{next}}).check(); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", next.Name, err))
		}
		all = append(all, proposal{b: b, cfg: &next})
	}
	switch {
	case len(wrong) > 0:
		return errors.Join(wrong...)
	case !enact(all...):
		return errors.New(crowded)
	}
	return nil
}
