// Package deployment is one model deployment as a pure state machine: quotas,
// provisioned utilization, faults, and the plan of every answer. Limits follow
// Microsoft's quota and provisioned-throughput pages (docs/fidelity.md). It
// refuses clocks, bodies and names: the simulator's shell owns those.
package deployment

import (
	"fmt"
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// Core is one deployment. Not safe for concurrent use: its driver serialises.
type Core struct {
	cfg      *settings
	current  uint16 // place of cfg in configs
	configs  configurations
	asked    []fault.Rule // what requests may ask for, by place in fault.Kinds
	lasting  []int        // places in cfg.faults of those in force, in order
	edge     int          // place in cfg.faults of the edge that comes next
	edgeAt   tick.Instant // when it does; tick.Never: none is left
	limits   admission
	streams  []stream // by slot
	timers   des.Heap
	seen     sightings
	cache    *promptCache
	visits   []visit // remote, by slot: what a request will do to the cache when it is let in
	priority climb
	active   int
	billed   int64 // prompt and output tokens of what was answered
	remote   bool  // reservations go through Reserve and Reserved
	level    uint8 // of load, as of the last sample

	interruptions []interruption // append only: streams hold places
}

// settings is a compiled Config; requests keep the one they started under.
type settings struct {
	*Config
	version uint32
	since   uint32 // the version with which the limiter last began anew
	model   model
	latency *latency.Model
	output  distribution.Sampler
	draw    rng.Die
	spares  spares
	flex    flexWait
	faults  *faultSet
	load    latency.Load
	users   int // requests in flight under it
}

// stream is one answer in flight. It fits two cache lines: with thousands in
// flight, lines touched are what a step costs.
type stream struct {
	key        uint64
	start      tick.Instant
	due        tick.Instant // when its turn comes
	armed      tick.Instant // its live timer, not after due; others are stale
	gen        uint32
	schedule   latency.Schedule
	prompt     int32
	cached     int32 // of the prompt
	completion int32 // of each choice: what is seen, the schedule's, and what was thought
	charged    int32
	attempt    uint32
	came       tick.Units // when the last token came before the rest was last rescaled, after start
	share      int32      // of the limits that it asked to be admitted by, ppm; 0: those of the moment
	cfg        uint16     // place in configs
	state      streamState
	length     bool
	filtered   bool // its answer is the refusal of its prompt
	tier       record.Tier
	cut        bool // a fault struck it: due is when it ends
	vain       bool // it waits for capacity until it is refused
	choices    uint8
	level      uint8   // of load that its schedule goes by
	breaks     uint16  // place in interruptions, plus 1, of what will break it off or pause it; 0: nothing will
	denied     refusal // by the own limits: it only asks how long what is shared would have it wait
}

type streamState uint8

const (
	free streamState = iota
	reserving
	waiting // planned, headers not yet due
	flowing
)

// Options are what a Core is made with besides its Config.
type Options struct {
	Seed   uint64
	Start  tick.Instant // origin of limiter windows, faults and samples
	Faults []fault.Rule
	Remote bool // two-phase admission through Reserve and Reserved
	Shared bool // Remote, and what counts against the limits is kept elsewhere: see Meters
}

// sampleEvery is how often Utilization is emitted.
const sampleEvery = time.Second

// sampleSlot is the timer of samples: no stream has that slot.
const sampleSlot uint32 = 1 << 31

// New returns a deployment that starts at opt.Start. cfg must be valid.
func New(cfg *Config, opt Options) *Core {
	c := &Core{asked: fault.OnRequest(), lasting: make([]int, 0, len(opt.Faults)), remote: opt.Remote || opt.Shared}
	first := compile(cfg, opt.Seed)
	first.faults = c.newFaultSet(opt.Faults)
	c.configs.begin(first)
	c.cfg = first
	c.toEdge(0)
	c.begin(opt.Start)
	c.limits.elsewhere = opt.Shared
	c.timers.Push(opt.Start.Add(sampleEvery), des.PrioFault, uint64(sampleSlot))
	return c
}

// Active returns how many answers are in flight.
func (c *Core) Active() int { return c.active }

// NextWake reports when something is due, or tick.Never. The periodic sample
// alone makes it always finite.
func (c *Core) NextWake() tick.Instant { return min(c.timers.Next(), c.edgeAt) }

// Step settles what is due at now, consumes ev and appends what must be done.
func (c *Core) Step(now tick.Instant, ev Event, out []Effect) []Effect {
	out = c.settle(now, out)
	switch ev.Kind {
	case Wake:
	case Start:
		out = c.start(now, &ev, out)
	case Gone:
		if s := c.find(ev.Ref); s != nil {
			return c.end(now, ev.Ref, s, Cut, record.Failed, record.ClientGone, out)
		}
		out = append(out, Effect{Kind: Stray, Ref: ev.Ref, At: now})
	case Reserved:
		out = c.reserved(now, &ev, out)
	case Configure:
		out = c.configure(now, &ev, out)
	default:
		panic(fmt.Sprintf("deployment: unknown event %+v", ev))
	}
	return out
}

func (c *Core) find(ref record.Ref) *stream {
	if int(ref.Slot) >= len(c.streams) {
		return nil
	}
	s := &c.streams[ref.Slot]
	if s.state == free || s.gen != ref.Gen {
		return nil
	}
	return s
}
