package gateway

import (
	"net/http"
	"sync/atomic"

	"foundrylab/gateway/core"
	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
	"foundrylab/internal/tokens"
)

// MaxPools bounds the pools that a gateway has had by name since its start.
const MaxPools = 64

// Pool is the backends of one model, and the policy by which they are used. The
// service's limits are those of a deployment, so what is made of them (queue,
// gate, breakers, a tenant's limits) is a pool's own.
type Pool struct {
	Name     string      // of the model or deployment, as clients ask for it; "" of a gateway's only pool: they may ask for any
	Aliases  []string    // other names by which clients may ask for it
	Model    string      // that the backends serve, such as gpt-4.1@2025-04-14: prompts are counted by its vocabulary; "": by that of Name, or of the name that a client uses
	Core     core.Config // the policy
	Backends []Backend   // in the order of their dense ids, at most core.MaxBackends
	Optional bool        // the gateway is ready without it

	gone bool // an earlier configuration had it
}

// pool is what lasts of a Pool as long as the gateway, whatever its configurations.
type pool struct {
	place  int        // in settings.pools
	core   *core.Core // touched under the driver's lock only
	driver *drive.Driver[core.Event, core.Effect]
	tape   *drive.Tape[core.Event, core.Effect]

	won, lost atomic.Uint64 // attempts that were made beside another one
}

// countHedge counts an attempt that is over, where it was made beside another one.
func (p *pool) countHedge(a *attempt) {
	switch {
	case a.beside == nil:
	case a.x.passed == a:
		p.won.Add(1)
	default:
		p.lost.Add(1)
	}
}

// poolSettings is a Pool in force.
type poolSettings struct {
	*pool
	Pool
	vocabulary *tokens.Model // nil: nobody said which
	backends   []backend
	tallies    []*tally // of whoever is no tenant, and then by tenant

	canaryHeader, canaryValue string // "": no header chooses the canary
}

// newPool returns the pool at a place, which nobody uses yet.
func (g *Gateway) newPool(place int, cfg *Pool, clients []Client) *pool {
	p := &pool{place: place, core: newCore(cfg, clients, g.cfg.Seed)}
	p.driver = drive.New(p.core, g.cfg.Clock, core.Event{Kind: core.Wake}, func(now tick.Instant, e core.Effect) {
		if g.cfg.Observe != nil && (e.Kind == core.Respond || e.Kind == core.Transition) {
			g.cfg.Observe(now, e)
		}
		p.deliver(now, e)
	})
	if g.cfg.Record {
		p.tape = new(drive.Tape[core.Event, core.Effect])
		p.driver.Record(p.tape)
	}
	p.driver.Wake()
	return p
}

// newCore returns the core of a valid configuration; a replay starts with the
// same.
func newCore(cfg *Pool, clients []Client, seed uint64) *core.Core {
	policy := cfg.Core
	return core.New(&policy, core.Options{Seed: seed, Backends: backendNames(cfg.Backends), Tenants: members(clients)})
}

// deliver hands an effect to whom it concerns; called under the lock. What is
// left out is about nobody: a Stray is an event that came too late.
func (p *pool) deliver(now tick.Instant, e core.Effect) {
	switch e.Kind {
	case core.Send:
		if x, ok := p.driver.OwnerOf(e.Req).(*exchange); ok && e.Hedge {
			x.sendBeside(now, e)
			return
		}
		p.driver.Post(e.Req, e)
	case core.Commit, core.Respond, core.RolledBack:
		p.driver.Post(e.Req, e)
	case core.Abort:
		p.driver.Post(e.Req, e)
		if x, ok := p.driver.OwnerOf(e.Req).(*exchange); ok {
			x.giveUp(e.Ref)
		}
	case core.Silence:
		if x, ok := p.driver.OwnerOf(e.Req).(*exchange); ok {
			p.driver.Answer(x.waitingOf(e.Ref).answer(now, e))
		}
	}
}

// full reports whether the pool can be given no other configuration for now.
func (p *pool) full() (full bool) {
	p.driver.Locked(func(tick.Instant) { full = p.core.Configurations() >= core.MaxConfigurations })
	return full
}

// next returns the settings that follow others of the same pool.
func (s *poolSettings) next(cfg Pool, clients int, shared http.RoundTripper) *poolSettings {
	next := &poolSettings{pool: s.pool, Pool: cfg, vocabulary: vocabulary(cfg.Model), tallies: tallies(s.tallies, clients)}
	if next.vocabulary == nil {
		next.vocabulary = vocabulary(cfg.Name)
	}
	if c := cfg.Core.Canary; c != nil {
		next.canaryHeader, next.canaryValue = c.HeaderField()
	}
	for i, b := range cfg.Backends {
		next.backends = append(next.backends, compileBackend(b, cfg.Core.Budget.RuleOf(b.Name), shared))
		if i < len(s.backends) {
			next.backends[i].remember(&s.backends[i])
		}
	}
	return next
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
