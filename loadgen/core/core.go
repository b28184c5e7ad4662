// Package core is the load of a run as a pure state machine: tenants, their
// arrivals and closed-loop users, and what their clients do after an answer.
// It refuses clocks, transport and bodies.
package core

import (
	"fmt"
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
)

// Core is one load. Not safe for concurrent use: its driver serialises.
type Core struct {
	opt      Options
	flows    []*flow // by dense tenant id; a later configuration appends
	first    int     // flows before this belong to older configurations
	configs  [][]Source
	users    []int // requests in flight by configuration
	requests []request
	free     []uint32
	timers   des.Heap
	phases   phases
	active   int // requests not yet done
	arriving int // flows that still have arrivals, and users not yet at rest
	stopped  bool
	end      tick.Instant // arrivals cease
}

// Source is a tenant with its trace rows, if it plays a trace.
type Source struct {
	Tenant *tenant.Tenant
	Rows   []arrival.Row
}

// Options are what a Core is made with.
type Options struct {
	Seed        uint64
	Start       tick.Instant // on the grid
	Duration    time.Duration
	Drain       time.Duration // after Duration, what is still in flight is cancelled
	MaxInFlight int
	Sources     []Source
}

// flow is one tenant's stream of requests.
type flow struct {
	*tenant.Tenant
	id      uint16
	process arrival.Process // nil: closed loop
	origin  tick.Instant    // on the grid
	until   tick.Instant
	n       uint32 // requests made (open loop)
	next    arrival.Arrival
	turns   []uint32 // requests made by each user (closed loop)
	config  int
}

// request is one request not yet done. It fills one cache line.
type request struct {
	key       uint64
	intended  tick.Instant // of the first try
	sent      tick.Instant // intended instant of the current try
	prompt    int32
	output    int32 // wanted
	maxTokens int32
	cost      int32
	gen       uint32
	phase     uint32
	user      int32 // -1: open loop
	queueWait tick.Units
	attempts  uint16
	flow      uint16 // dense tenant id
	tries     uint8
	state     requestState
	shared    bool // its phase is another's too
	begun     bool // the answer of the present try began
}

type requestState uint8

const (
	free requestState = iota
	trying
	backingOff
)

// Timer values: the two top bits of the slot tell what is due.
const (
	slotRequest uint32 = 0
	slotTimeout uint32 = 1 << 30
	slotFlow    uint32 = 2 << 30 // next arrival of a flow, or of a user (in gen)
	slotEnd     uint32 = 3 << 30
	slotMask    uint32 = 1<<30 - 1
)

// New returns a load that starts at opt.Start.
func New(opt Options) *Core {
	c := &Core{opt: opt, end: opt.Start.Add(opt.Duration)}
	if opt.MaxInFlight == 0 {
		c.opt.MaxInFlight = 200_000
	}
	c.phases.init()
	c.configs = append(c.configs, opt.Sources)
	c.open(opt.Start)
	c.timers.Push(c.end.Add(opt.Drain), des.PrioStart, uint64(slotEnd))
	return c
}

// Install adds a set of tenants and returns its version; it takes effect at
// the Configure event that names it. Versions count from 0, the one of New.
// The new tenants get dense ids after all earlier ones.
func (c *Core) Install(sources []Source) uint32 {
	c.configs = append(c.configs, sources)
	return uint32(len(c.configs) - 1)
}

// open starts the flows of the newest configuration.
func (c *Core) open(now tick.Instant) {
	config := len(c.users)
	c.users = append(c.users, 0)
	c.first = len(c.flows)
	for i, s := range c.configs[config] {
		f := &flow{Tenant: s.Tenant, id: uint16(c.first + i), until: c.end, config: config}
		f.origin = inPhase(max(now, c.opt.Start.Add(time.Duration(f.Config.Start))), 0)
		if f.Config.Stop > 0 {
			f.until = min(f.until, c.opt.Start.Add(time.Duration(f.Config.Stop)))
		}
		if f.Config.Arrivals != nil {
			f.process = f.Config.Arrivals.Start(rng.New(c.opt.Seed, rng.Arrival, f.Phase), s.Rows)
		} else {
			f.turns = make([]uint32, f.Config.Users)
		}
		c.flows = append(c.flows, f)
	}
	for _, f := range c.flows[c.first:] {
		c.begin(f)
	}
}

// begin schedules a flow's first request, or the first of each of its users.
func (c *Core) begin(f *flow) {
	if f.process != nil {
		c.schedule(f)
		return
	}
	for u := range f.turns {
		c.scheduleUser(f, u, f.origin)
	}
}

// schedule queues the next arrival of an open-loop flow: on the grid, not
// before the last one; its phase is added when it comes.
func (c *Core) schedule(f *flow) {
	a, ok := f.process.Next()
	at := f.origin.Add(a.At).Floor()
	if !ok || at >= f.until {
		return
	}
	f.next = a
	c.arriving++
	c.timers.Push(at, des.PrioStart, uint64(slotFlow|uint32(f.id)))
}

// scheduleUser queues a closed-loop user's next request after a pause.
func (c *Core) scheduleUser(f *flow, user int, from tick.Instant) {
	at := from.Floor().Add(tick.Grid).After(tick.ToUnits(f.Pause(userKey(f, user))))
	if at >= f.until {
		return
	}
	c.arriving++
	c.timers.Push(at, des.PrioStart, uint64(user+1)<<32|uint64(slotFlow|uint32(f.id)))
}

// userTurnBits split the low half of a closed-loop key: 12 bits of user, 20
// of turn, so a user's draws do not depend on the others' progress.
const userTurnBits = 20

func userKey(f *flow, user int) uint64 {
	return f.KeyBase | uint64(user)<<userTurnBits | uint64(f.turns[user]&(1<<userTurnBits-1))
}

// NextWake reports when something is due, or tick.Never.
func (c *Core) NextWake() tick.Instant {
	if c.Finished() {
		return tick.Never
	}
	return c.timers.Next()
}

// Finished reports that no request is in flight and none will come.
func (c *Core) Finished() bool { return c.active == 0 && c.arriving == 0 }

// Active returns how many requests are not yet done.
func (c *Core) Active() int { return c.active }

// Step settles what is due at now, consumes ev and appends what must be done.
func (c *Core) Step(now tick.Instant, ev Event, out []Effect) []Effect {
	for c.timers.Next() <= now && !c.Finished() {
		out = c.due(c.timers.Pop(), out)
	}
	switch ev.Kind {
	case Wake:
	case TryEnd:
		r := c.find(ev.Ref)
		if r == nil || r.state != trying {
			return append(out, Effect{Kind: Stray, Ref: ev.Ref})
		}
		out = c.tryEnded(now, &ev, r, out)
	case Begun:
		r := c.find(ev.Ref)
		if r == nil || r.state != trying {
			return append(out, Effect{Kind: Stray, Ref: ev.Ref})
		}
		r.begun = true
	case Stop:
		out = c.stop(now, record.Interrupted, out)
	case Configure:
		out = c.configure(now, ev.Version, out)
	default:
		panic(fmt.Sprintf("load: unknown event %+v", ev))
	}
	return out
}

// configure switches to the version after the present one; a run that was
// stopped stays so.
func (c *Core) configure(now tick.Instant, version uint32, out []Effect) []Effect {
	if c.stopped || int(version) != len(c.users) || int(version) >= len(c.configs) {
		return append(out, Effect{Kind: Stray})
	}
	old := len(c.users) - 1
	for _, f := range c.flows {
		f.until = min(f.until, now)
	}
	c.open(now)
	if c.users[old] == 0 {
		out = append(out, Effect{Kind: Drained})
	}
	return out
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

// due does one deadline.
func (c *Core) due(it des.Item, out []Effect) []Effect {
	slot, gen := uint32(it.Val), uint32(it.Val>>32)
	index := slot & slotMask
	switch slot &^ slotMask {
	case slotFlow:
		c.arriving--
		return c.arrive(it.At, c.flows[index], int(gen)-1, out)
	case slotEnd:
		return c.stop(it.At, record.ClientTimeout, out)
	case slotTimeout:
		r := c.find(record.Ref{Slot: index, Gen: gen})
		if r == nil || r.state != trying {
			return out
		}
		out = append(out, Effect{Kind: Cancel, Ref: record.Ref{Slot: index, Gen: gen}, Key: r.key, Tenant: r.flow})
		return c.tryEnded(it.At, &Event{Ref: record.Ref{Slot: index, Gen: gen}, Status: r.answered(408), Outcome: record.Failed,
			Reason: record.ClientTimeout}, r, out)
	}
	r := c.find(record.Ref{Slot: index, Gen: gen})
	if r == nil || r.state != backingOff || r.sent != it.At {
		return out
	}
	return c.send(record.Ref{Slot: index, Gen: gen}, r, out)
}
