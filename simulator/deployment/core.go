// Package deployment is one model deployment as a pure state machine: quotas,
// provisioned utilization, faults, and the plan of every answer. Limits follow
// Microsoft's quota and provisioned-throughput pages (docs/fidelity.md). It
// refuses clocks, bodies and names: the simulator's shell owns those.
package deployment

import (
	"fmt"
	"slices"
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
	cfg     *settings
	current uint16 // place of cfg in configs
	configs []*settings
	faults  []fault.Rule // as scheduled, and then those that requests may ask for
	onAsk   int          // place in faults of the first of the latter
	lasting []int        // places in faults of those that last, in order
	limits  admission
	streams []stream // by slot
	timers  des.Heap
	seen    sightings
	active  int
	remote  bool // reservations go through Reserve and Reserved
	base    tick.Instant
}

// settings is a compiled Config; requests keep the one they started under.
type settings struct {
	*Config
	model   model
	latency *latency.Model
	output  distribution.Sampler
	draw    rng.Die
	users   int // requests in flight under it
}

// stream is one answer in flight. It fills one cache line: with thousands in
// flight, lines touched are what a step costs.
type stream struct {
	key        uint64
	start      tick.Instant
	due        tick.Instant // its live timer; others are stale
	gen        uint32
	headIn     tick.Units
	firstIn    tick.Units
	endIn      tick.Units
	prompt     int32
	completion int32
	charged    int32
	attempt    uint32
	cfg        uint16 // place in configs
	state      streamState
	length     bool
	cut        bool // a fault struck it: due is when it ends
	choices    uint8
	breaks     uint16 // place in faults, plus 1, of what will break it off or pause it; 0: nothing will
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
}

// sampleEvery is how often Utilization is emitted.
const sampleEvery = time.Second

// Timer values above this slot are no streams.
const (
	sampleSlot uint32 = 1<<31 + iota
	faultSlots        // and the ones after it: 2*index, plus 1 for its end
)

// New returns a deployment that starts at opt.Start. cfg must be valid.
func New(cfg *Config, opt Options) *Core {
	c := &Core{faults: append(slices.Clone(opt.Faults), fault.OnRequest()...), onAsk: len(opt.Faults), lasting: make([]int, 0, len(opt.Faults)), remote: opt.Remote, base: opt.Start}
	c.seen.init()
	c.Install(cfg, opt.Seed)
	c.cfg = c.configs[0]
	c.limits = newAdmission(c.cfg, opt.Start)
	c.timers.Push(opt.Start.Add(sampleEvery), des.PrioFault, uint64(sampleSlot))
	for i := range opt.Faults {
		c.timers.Push(opt.Faults[i].Begin, des.PrioFault, uint64(faultSlots)+uint64(2*i))
		c.timers.Push(opt.Faults[i].End, des.PrioFault, uint64(faultSlots)+uint64(2*i+1))
	}
	return c
}

// Install adds a configuration and returns its version; it takes effect at
// the Configure event that names it. Versions count from 0, the one of New.
func (c *Core) Install(cfg *Config, seed uint64) uint32 {
	entity := rng.Entity(cfg.Name)
	m, _ := modelNamed(cfg.Model)
	output := distribution.NewLognormal(180, 700, distribution.Z95, 0)
	if cfg.Output != nil {
		output = cfg.Output.Compile()
	}
	c.configs = append(c.configs, &settings{Config: cfg, model: m, output: output,
		latency: latency.Compile(cfg.Latency, cfg.Model, seed, entity),
		draw:    rng.New(seed, rng.OutputLength, entity)})
	return uint32(len(c.configs) - 1)
}

// Active returns how many answers are in flight.
func (c *Core) Active() int { return c.active }

// NextWake reports when something is due, or tick.Never. The periodic sample
// alone makes it always finite.
func (c *Core) NextWake() tick.Instant { return c.timers.Next() }

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
		out = c.configure(now, ev.Version, out)
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

// settle does everything due at or before now, in (due, priority, seq) order.
func (c *Core) settle(now tick.Instant, out []Effect) []Effect {
	for c.timers.Next() <= now {
		it := c.timers.Peek()
		slot := uint32(it.Val)
		if slot == sampleSlot {
			c.timers.Replace(it.At.Add(sampleEvery), des.PrioFault, it.Val)
			out = append(out, Effect{Kind: Utilization, At: it.At, RemainingTokens: c.limits.load.sample(it.At)})
			continue
		}
		if slot >= faultSlots {
			c.timers.Pop()
			out = c.faultEdge(it.At, int(slot-faultSlots), out)
			continue
		}
		s := &c.streams[slot]
		ref := record.Ref{Slot: slot, Gen: uint32(it.Val >> 32)}
		if s.gen != ref.Gen || s.due != it.At || s.state == free {
			c.timers.Pop() // stale: the request was cut or planned anew
			continue
		}
		if s.cut {
			c.timers.Pop()
			out = c.cutNow(it.At, ref, s, out)
			continue
		}
		if s.state == waiting && s.headIn < s.endIn {
			s.state = flowing
			e := c.shape(s)
			s.due = e.Ends()
			c.timers.Replace(s.due, des.PrioEnd, it.Val)
			out = append(out, Effect{Kind: Head, Ref: ref, At: it.At, Status: 200})
			continue
		}
		c.timers.Pop()
		if e := c.shape(s); e.BreaksOff() {
			out = c.end(it.At, ref, s, Cut, record.Failed, c.faults[s.breaks-1].Break, out)
		} else {
			out = c.end(it.At, ref, s, Finish, record.Succeeded, record.NoReason, out)
		}
	}
	return out
}

// shape returns what of a plan says when its tokens come and when it ends.
func (c *Core) shape(s *stream) Effect {
	e := Effect{At: s.start, FirstIn: s.firstIn, Elapsed: s.endIn, Completion: s.completion}
	if s.breaks != 0 {
		f := &c.faults[s.breaks-1]
		e.After, e.RetryMs = f.After, uint32(f.Pause/time.Millisecond)
	}
	return e
}

// faultEdge begins or ends a fault, and does what its beginning does to what
// is in flight.
func (c *Core) faultEdge(at tick.Instant, edge int, out []Effect) []Effect {
	out = append(out, Effect{Kind: FaultEdge, At: at, Ref: record.Ref{Slot: uint32(edge / 2), Gen: uint32(edge % 2)}})
	if edge%2 == 1 {
		if i, found := slices.BinarySearch(c.lasting, edge/2); found {
			c.lasting = slices.Delete(c.lasting, i, i+1)
		}
		return out
	}
	i, _ := slices.BinarySearch(c.lasting, edge/2)
	c.lasting = slices.Insert(c.lasting, i, edge/2)
	rule := &c.faults[edge/2]
	for slot := range c.streams {
		s := &c.streams[slot]
		if s.state == free || s.cut || !rule.Strikes(at, s.key, s.attempt) {
			continue
		}
		if rule.CutStreams {
			c.cutLater(at, uint32(slot), s)
		} else if late := tick.ToUnits(rule.Delay(s.key, s.attempt)); late > 0 && s.state == waiting {
			out = append(out, c.replan(uint32(slot), s, late))
		}
	}
	return out
}

// cutLater cuts a stream at a fault's edge plus the stream's own phase, so
// that no two reactions share an instant.
func (c *Core) cutLater(at tick.Instant, slot uint32, s *stream) {
	cut := at + s.start - s.start.Floor()
	if s.due <= cut && (s.state == flowing || s.state == waiting && s.headIn == s.endIn) {
		return // it ends first, or at that very instant
	}
	s.cut, s.due = true, cut
	c.timers.Push(cut, des.PrioEnd, uint64(s.gen)<<32|uint64(slot))
}

// replan puts off an answer that has not begun; its earlier timer goes stale.
func (c *Core) replan(slot uint32, s *stream, late tick.Units) Effect {
	s.headIn, s.firstIn, s.endIn = s.headIn.Plus(late), s.firstIn.Plus(late), s.endIn.Plus(late)
	s.due = s.start.After(s.headIn)
	c.timers.Push(s.due, des.PrioEnd, uint64(s.gen)<<32|uint64(slot))
	return Effect{Kind: Replan, Ref: record.Ref{Slot: slot, Gen: s.gen}, At: s.start, HeadIn: s.headIn, FirstIn: s.firstIn,
		Elapsed: s.endIn, Prompt: s.prompt, Completion: s.completion, Charged: s.charged, Status: 200, Length: s.length}
}

// cutNow ends a stream that a fault struck.
func (c *Core) cutNow(at tick.Instant, ref record.Ref, s *stream, out []Effect) []Effect {
	reason := record.OutageFault
	if s.state == flowing {
		reason = record.CutFault
	}
	return c.end(at, ref, s, Cut, record.Failed, reason, out)
}

// end settles a stream's charge and frees its slot.
func (c *Core) end(at tick.Instant, ref record.Ref, s *stream, kind EffectKind, o record.Outcome, why record.Reason, out []Effect) []Effect {
	produced := s.completion
	switch {
	case s.state == reserving, kind == Cut && s.state != flowing: // nothing was sent
		produced = 0
	case kind == Cut:
		e := c.shape(s)
		produced = e.TokensAt(at)
		if e.BreaksOff() { // its break is up to a grid unit after the token
			produced = min(produced, int32(e.After))
		}
	}
	status := uint16(200)
	if kind != Finish && s.state != flowing {
		status = 0 // nothing was sent yet
	}
	charged := c.limits.settle(at, c.configs[s.cfg], s, produced, why == record.ClientGone)
	out = append(out, Effect{Kind: kind, Ref: ref, At: at, Elapsed: tick.ToUnits(at.Sub(s.start)), FirstIn: s.firstIn,
		Prompt: s.prompt, Completion: produced, Charged: charged, Status: status, Outcome: o, Reason: why, Length: s.length})
	s.state = free
	c.active--
	cfg := c.configs[s.cfg]
	cfg.users--
	if cfg != c.cfg && cfg.users == 0 {
		out = append(out, Effect{Kind: Drained, At: at})
	}
	return out
}

func (c *Core) configure(now tick.Instant, version uint32, out []Effect) []Effect {
	if int(version) >= len(c.configs) || c.configs[version] == nil {
		return append(out, Effect{Kind: Stray, At: now})
	}
	old := c.cfg
	c.cfg, c.current = c.configs[version], uint16(version)
	c.limits.resize(now, c.cfg)
	if old != c.cfg && old.users == 0 {
		out = append(out, Effect{Kind: Drained, At: now})
	}
	return out
}

// UtilizationPPM returns the share of capacity in use at now, in ppm.
func (c *Core) UtilizationPPM(now tick.Instant) int32 { return c.limits.utilization(now) }

// Limits returns the configured limits per minute; 0 where there is none.
func (c *Core) Limits() (tpm, rpm int64) {
	if c.cfg.Provisioned() {
		return 0, 0
	}
	return int64(c.cfg.TPM), requestsPerMinute(c.cfg.Config)
}

// Usage is where a deployment stands at an instant.
type Usage struct {
	TPM, RPM, PTU     int64 // configured or by default; 0 where the SKU has no such limit
	Used              int64 // standard: tokens of this minute; provisioned: tokens in the bucket
	Active            int   // answers in flight
	UtilizationPPM    int32 // of what admission goes by
	RemainingTokens   int32 // of this minute; -1 on provisioned
	RemainingRequests int32 // of the window that headers speak of; -1 on provisioned
}

// Usage returns where the deployment stands at now.
func (c *Core) Usage(now tick.Instant) Usage {
	u := Usage{Active: c.active, UtilizationPPM: c.UtilizationPPM(now)}
	u.RemainingTokens, u.RemainingRequests = c.limits.remaining(now)
	u.TPM, u.RPM = c.Limits()
	if c.limits.bucket != nil {
		u.PTU, u.Used = c.cfg.PTU, c.limits.bucket.Level(now)
	} else {
		u.Used = c.limits.tokens.Used(now)
	}
	return u
}
