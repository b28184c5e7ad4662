// Package core is the gateway as a pure state machine: which backend, when
// again, when not at all. It owns requests, attempts and their generations,
// and composes route, retry and breaker. It refuses clocks, bodies and any
// knowledge of what its backends are.
package core

import (
	"fmt"
	"time"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/canary"
	"foundrylab/gateway/queue"
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
	current  uint16            // place of cfg in configs
	configs  []*settings       // by version; nil: it is gone
	newest   *settings         // the last one that was installed
	breakers []breaker.Breaker // by dense backend id
	seen     []route.Seen      // by dense backend id
	requests []request         // by slot, the caller's
	attempts []attempt         // by slot, this core's
	freeSlot []uint32
	tenants  []tenant // whoever is no tenant, and then by dense tenant id
	gate     *budget.Gate
	shares   budget.Shares
	queue    *queue.Queue // nil: nobody waits
	next     due          // who goes next
	meters   bool         // a limit or a queue is configured
	saves    bool         // the gate saves up for it
	opens    tick.Instant // when the gate may let the next one through; Never: an event will tell
	timers   des.Heap     // breakers to move on, requests to be asked again: see again.go, and attempts to be looked at: see timeout.go
	asks     int          // how many of them are requests'
	retries  retry.Budget
	hedges   retry.Budget
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
	jitter rng.Die
	retry  *retry.Policy
	hedges retry.Extra
	looks  time.Duration // how long an attempt goes without being looked at, at most; 0: nobody looks
	users  int

	backends []string
	members  uint64        // set of all backends of the groups
	tenants  []tenantPlan  // whoever is no tenant, and then by dense tenant id
	trial    *canary.Trial // nil: there is no canary
	canaries uint64        // set of its backends
}

// request is one request inside: two cache lines, of which one that nobody
// meters uses the first alone.
type request struct {
	fate
	meter
}

type fate struct {
	key      uint64
	since    tick.Instant // when it began to wait
	tried    uint64       // set of backends
	gen      uint32
	attempt  uint32 // slot of the live attempt; of two, the first
	tokens   int32
	retryMs  uint32 // of the last attempt
	status   uint16 // of the last attempt
	backend  uint16 // of the last attempt
	attempts uint16
	cfg      uint16 // place in configs
	reason   record.Reason
	state    requestState
	hasRetry bool       // of the last attempt
	begun    bool       // an answer began
	queued   tick.Units // in all that it waited to be sent
	metered  bool       // the rest is in use
	stream   bool
	canary   bool // it goes to the canary first
	hedges   hedging
	admitted uint32 // when its tenant's own limits admitted it, in seconds since 1970
}

// meter is what a request costs whom, and how long it may wait.
type meter struct {
	prompt    int32 // tokens, as the gateway counts them
	estimate  int32 // of the prompt: what the service's limits take it for
	maxTokens int32 // negative: absent
	bytes     int32
	tenant    uint16
	refusals  uint16 // attempts that a backend refused for its limits
	waited    uint16 // times that it waited for a response to be found at its backend
	pin       uint8  // as the event's Pin
	_         [1]byte
	handle    queue.Handle // while it waits
	deadline  tick.Instant // by which it must be sent
	cost      int64        // that the last attempt was charged, or that the next is to be
	reserved  int64        // of its tenant's own limits
	lined     int64        // that the queue has charged its tenant for the attempt which is to be made
}

type requestState uint8

const (
	free requestState = iota
	reserving
	waiting // in the queue
	lagging // for what it builds upon to be found
	sent
	committed
)

// attempt is one sending of a request: one cache line.
type attempt struct {
	gen        uint32
	request    uint32 // slot
	breakerGen uint32
	backend    uint16
	live       bool
	stream     bool
	hedgeable  bool   // it may yet get another one beside it
	hedge      bool   // it was made beside another one
	other      uint32 // slot of the one beside it, while the request is doubled
	sent       tick.Instant
	timer      tick.Instant // when the slot's timer strikes; 0: it has none
	cost       int64        // that its backend's gate was charged for it
	lined      int64        // that the queue has charged its tenant for it
	_          [8]byte
}

// Options are what a Core is made with besides its Config.
type Options struct {
	Seed     uint64
	Backends []string // names by dense id; a later configuration may use any
	Tenants  []Member // by dense id
	Remote   bool     // two-phase budget through Reserve and Reserved
}

// Member is a tenant as others know it; a configuration may grant it more.
type Member struct {
	Name   string
	Weight int64 // at least 1; 0: it is gone, and its place is kept
}

// New returns a gateway. cfg must be valid and name only known backends.
func New(cfg *Config, opt Options) *Core {
	c := &Core{seed: opt.Seed, remote: opt.Remote, opens: tick.Never}
	c.Install(cfg, opt.Backends, opt.Tenants)
	c.cfg = c.configs[0]
	c.apply(0)
	return c
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

// Waiting returns how many of them wait for a backend.
func (c *Core) Waiting() int {
	if c.queue == nil {
		return 0
	}
	return c.queue.Len()
}

// LimitOf returns the tokens per minute that a backend is taken to admit; 0:
// nobody knows, or it does not matter.
func (c *Core) LimitOf(backend int) int64 { return c.gate.LimitOf(backend) }

// Use returns what a tenant has of its own limits.
func (c *Core) Use(now tick.Instant, tenant int) budget.Use {
	return c.tenants[c.cfg.placeOf(uint16(tenant))].allowance.Use(now)
}

// Backend returns the state of a backend and until when it is open.
func (c *Core) Backend(id int) (record.BackendState, tick.Instant) {
	s, until, _ := c.breakers[id].State()
	return s, until
}

// NextWake reports when a breaker is due to move on, an attempt to be looked at,
// or what waits to be sent or given up; or tick.Never.
func (c *Core) NextWake() tick.Instant {
	at := min(c.timers.Next(), c.opens)
	if c.queue != nil {
		at = min(at, c.queue.NextExpiry())
	}
	return at
}

// Step settles what is due at now, consumes ev and appends what must be done.
func (c *Core) Step(now tick.Instant, ev Event, out []Effect) []Effect {
	for c.timers.Next() <= now {
		switch it := c.timers.Pop(); {
		case it.Val&ofRequest != 0:
			out = c.askAgain(it.At, it.Val, out)
		case it.Val&ofAttempt != 0:
			out = c.look(it.At, uint32(it.Val), out)
		default:
			out = c.changed(it.At, int(it.Val), c.breakers[it.Val].Due(it.At), out)
		}
	}
	if c.queue == nil {
		return c.consume(now, &ev, out)
	}
	out = c.expire(now, out)
	out = c.dispatch(now, out) // what is due goes before what comes now
	if ev.Kind == Wake {
		return out
	}
	return c.dispatch(now, c.consume(now, &ev, out))
}

func (c *Core) consume(now tick.Instant, ev *Event, out []Effect) []Effect {
	switch ev.Kind {
	case Wake:
		return out
	case Request:
		return c.request(now, ev, out)
	case Head:
		return c.head(now, ev, out)
	case End:
		return c.attemptEnded(now, ev, out)
	case Gone:
		return c.gone(now, ev, out)
	case Reserved:
		return c.reserved(now, ev, out)
	case Configure:
		return c.configure(now, ev.Version, out)
	case Silent:
		return c.silent(now, ev, out)
	}
	panic(fmt.Sprintf("gateway: unknown event %+v", *ev))
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
