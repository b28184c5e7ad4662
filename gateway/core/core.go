// Package core is the gateway as a pure state machine: which backend, when
// again, when not at all. It owns requests, attempts and their generations,
// and composes route, retry and breaker. It refuses clocks, bodies and any
// knowledge of what its backends are.
package core

import (
	"fmt"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/retry"
	"foundrylab/gateway/route"
	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
)

// Core is one gateway. Not safe for concurrent use: its driver serialises.
type Core struct {
	cfg      *settings
	current  uint16 // place of cfg in configs
	configs  []*settings
	breakers []breaker.Breaker // by dense backend id
	requests []request         // by slot, the caller's
	attempts []attempt         // by slot, this core's
	freeSlot []uint32
	timers   des.Heap // breakers to move on
	active   int
	seed     uint64
	remote   bool
	usable   [MaxBackends]route.Member // scratch of choose; on its stack it would escape
}

// settings is a compiled Config; requests keep the one they started under.
type settings struct {
	*Config
	groups [][]route.Member
	next   []uint64 // round-robin memory by group
	choose route.Policy
	die    rng.Die
	retry  *retry.Policy
	users  int
}

// request is one request inside. It fills one cache line.
type request struct {
	key      uint64
	arrived  tick.Instant
	tried    uint64 // set of backends
	gen      uint32
	attempt  uint32 // slot of the live attempt
	tokens   int32
	retryMs  uint32 // of the last attempt
	status   uint16 // of the last attempt
	backend  uint16 // of the last attempt
	attempts uint16
	cfg      uint16 // place in configs
	reason   record.Reason
	state    requestState
	hasRetry bool // of the last attempt
	_        [1]byte
	queued   tick.Units // from arrival to the first attempt
	_        [8]byte
}

type requestState uint8

const (
	free requestState = iota
	reserving
	sent
	committed
)

type attempt struct {
	gen        uint32
	request    uint32 // slot
	breakerGen uint32
	backend    uint16
	live       bool
}

// Options are what a Core is made with besides its Config.
type Options struct {
	Seed     uint64
	Backends []string // names by dense id; a later configuration may use any
	Remote   bool     // two-phase budget through Reserve and Reserved
}

// New returns a gateway. cfg must be valid and name only known backends.
func New(cfg *Config, opt Options) *Core {
	c := &Core{seed: opt.Seed, remote: opt.Remote}
	c.Install(cfg, opt.Backends)
	c.cfg = c.configs[0]
	c.breakers = make([]breaker.Breaker, len(opt.Backends))
	for i := range c.breakers {
		c.breakers[i] = breaker.New(&c.cfg.Breaker)
	}
	return c
}

// Install adds a configuration and returns its version; it takes effect at
// the Configure event that names it. Versions count from 0, the one of New.
// backends names the dense ids, which are never used again for another.
func (c *Core) Install(cfg *Config, backends []string) uint32 {
	s := &settings{Config: cfg, choose: route.Lookup(cfg.Route.Policy), retry: retry.Compile(cfg.Retry),
		die: rng.New(c.seed, rng.RouteChoice, rng.Entity("gateway")), next: make([]uint64, len(cfg.Route.Groups))}
	for _, names := range cfg.Route.Groups {
		var members []route.Member
		for _, name := range names {
			members = append(members, route.Member{Backend: indexOf(backends, name), Weight: cfg.Route.WeightOf(name)})
		}
		s.groups = append(s.groups, members)
	}
	c.configs = append(c.configs, s)
	return uint32(len(c.configs) - 1)
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	panic(fmt.Sprintf("gateway: unknown backend %q", name))
}

// Active returns how many requests are inside.
func (c *Core) Active() int { return c.active }

// Backend returns the state of a backend and until when it is open.
func (c *Core) Backend(id int) (record.BackendState, tick.Instant) {
	s, until, _ := c.breakers[id].State()
	return s, until
}

// NextWake reports when a breaker is due to move on, or tick.Never.
func (c *Core) NextWake() tick.Instant { return c.timers.Next() }

// Step settles what is due at now, consumes ev and appends what must be done.
func (c *Core) Step(now tick.Instant, ev Event, out []Effect) []Effect {
	for c.timers.Next() <= now {
		it := c.timers.Pop()
		out = c.changed(it.At, int(it.Val), c.breakers[it.Val].Due(it.At), out)
	}
	switch ev.Kind {
	case Wake:
		return out
	case Request:
		return c.request(now, &ev, out)
	case Head:
		return c.head(now, &ev, out)
	case End:
		return c.attemptEnded(now, &ev, out)
	case Gone:
		return c.gone(now, ev.Ref, out)
	case Reserved:
		return c.reserved(now, &ev, out)
	case Configure:
		return c.configure(now, ev.Version, out)
	}
	panic(fmt.Sprintf("gateway: unknown event %+v", ev))
}

func (c *Core) changed(now tick.Instant, backend int, ch breaker.Change, out []Effect) []Effect {
	if !ch.Changed {
		return out
	}
	if ch.State == record.Open {
		c.timers.Push(ch.Until, des.PrioFault, uint64(backend))
	}
	return append(out, Effect{Kind: Transition, At: now, Until: ch.Until, Backend: uint16(backend), State: ch.State, Reason: ch.Reason})
}

func (c *Core) find(ref record.Ref) *request {
	if int(ref.Slot) >= len(c.requests) {
		return nil
	}
	r := &c.requests[ref.Slot]
	if r.state == free || r.gen != ref.Gen {
		return nil
	}
	return r
}

func (c *Core) configure(now tick.Instant, version uint32, out []Effect) []Effect {
	if int(version) >= len(c.configs) || c.configs[version] == nil {
		return append(out, Effect{Kind: Stray, At: now})
	}
	old := c.cfg
	c.cfg, c.current = c.configs[version], uint16(version)
	for i := range c.breakers {
		c.breakers[i].Reconfigure(&c.cfg.Breaker)
	}
	if old != c.cfg && old.users == 0 {
		out = append(out, Effect{Kind: Drained, At: now})
	}
	return out
}
