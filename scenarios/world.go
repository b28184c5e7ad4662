package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	gateway "foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/body"
	load "foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// World is a scenario's cores, made alike for both modes, with the entity
// table that their dense ids refer to.
type World struct {
	Header   record.Header
	Load     *load.Core
	Gateway  *gateway.Core
	Backends []*deployment.Core
	Budgets  []deployment.Budget // by backend: what it shares with others; nil: nothing
}

// NewWorld makes the cores of a run that starts at start (on the grid).
func (s *Scenario) NewWorld(mode string, start tick.Instant) *World {
	w := &World{Header: s.Header(mode, start), Load: load.New(s.LoadOptions(start)),
		Gateway: gateway.New(&s.Gateway, gateway.Options{Seed: uint64(s.Seed), Backends: s.backendNames(), Tenants: s.Members()})}
	w.Budgets = s.Budgets(start, func(p *deployment.Pool) deployment.Budget { return p })
	for i := range s.Backends {
		opt := s.BackendOptions(i, start)
		opt.Remote = w.Budgets[i] != nil
		w.Backends = append(w.Backends, deployment.New(&s.Backends[i], opt))
	}
	return w
}

// Members returns the tenants as the gateway knows them, by dense id.
func (s *Scenario) Members() []gateway.Member {
	members := make([]gateway.Member, len(s.Tenants))
	for i := range s.Tenants {
		members[i] = gateway.Member{Name: s.Tenants[i].Name, Weight: s.Tenants[i].Weight}
	}
	return members
}

// BackendOptions returns what the deployment core of a backend is made with.
func (s *Scenario) BackendOptions(backend int, start tick.Instant) deployment.Options {
	opt := deployment.Options{Seed: uint64(s.Seed), Start: start}
	for _, f := range s.Strikes() {
		if f.Backend == s.Backends[backend].Name {
			opt.Faults = append(opt.Faults, fault.Schedule(f, start, uint64(s.Seed))...)
		}
	}
	return opt
}

// LoadOptions returns what the load core is made with.
func (s *Scenario) LoadOptions(start tick.Instant) load.Options {
	sizing := tenant.Sizing{MinPrompt: body.MinPromptTokens, OutputWeight: s.costWeight(),
		Estimate: PromptEstimate, Charge: s.charge()}
	opt := load.Options{Seed: uint64(s.Seed), Start: start, Duration: time.Duration(s.Duration),
		Drain: time.Duration(s.Drain), MaxInFlight: s.MaxInFlight}
	for i := range s.Tenants {
		opt.Sources = append(opt.Sources, load.Source{Tenant: tenant.Compile(&s.Tenants[i], uint64(s.Seed), sizing), Rows: s.rows[i]})
	}
	return opt
}

// costWeight decides the unit of a request's cost, which fairness is judged
// in: the estimate that standard deployments charge where there is one, since
// theirs is the limit that binds when capacity is short; else PTU-normalised
// tokens.
func (s *Scenario) costWeight() int64 {
	for i := range s.Backends {
		if !s.Backends[i].Provisioned() {
			return 0
		}
	}
	return deployment.OutputWeight(s.Backends[0].Model)
}

// charge is what the first standard deployment charges a request at arrival;
// nil where there is none.
func (s *Scenario) charge() func(promptEstimate, maxTokens int32) int32 {
	for i := range s.Backends {
		if !s.Backends[i].Provisioned() {
			return deployment.StandardCharge(s.Backends[i].Model)
		}
	}
	return nil
}

// Header returns the head of the run's record.
func (s *Scenario) Header(mode string, start tick.Instant) record.Header {
	sum := sha256.Sum256([]byte(s.text))
	h := record.Header{SchemaVersion: record.SchemaVersion, Scenario: s.Name, Hash: hex.EncodeToString(sum[:]), Canonical: s.text,
		Seed: uint64(s.Seed), Mode: mode, Start: start, Duration: time.Duration(s.Duration), Warmup: time.Duration(s.Warmup),
		SLO: record.SLO{Success: int64(s.SLO.Success), TTFTFactor: int64(s.SLO.TTFTFactor)}}
	for _, t := range s.Tenants {
		h.Tenants = append(h.Tenants, record.Tenant{Name: t.Name, Weight: t.Weight})
	}
	for i := range s.Backends {
		b := &s.Backends[i]
		h.Backends = append(h.Backends, record.Backend{Name: b.Name, Model: b.Model, SKU: b.SKU, TPM: b.TokensPerMinute(), RPM: int64(b.RPM), PTU: b.PTU})
	}
	names := s.backendNames()
	for _, f := range s.Strikes() {
		status := 0
		if f.Status != nil {
			status = f.Status.Code
		}
		h.Faults = append(h.Faults, record.Fault{Name: f.Name, Status: status, Kind: f.KindName(), Backend: indexOf(names, f.Backend),
			At: time.Duration(f.At), For: time.Duration(f.For)})
	}
	return h
}

// PromptEstimate returns the service's estimate of a generated prompt: for each
// text part, of which a prefix is one, its characters / 4, rounded down, and 1.
func PromptEstimate(tokens, prefix int32) int32 {
	user, system := body.PromptChars(int(tokens), int(prefix))
	estimate := user/4 + 1
	if system > 0 {
		estimate += system/4 + 1
	}
	return int32(estimate)
}
