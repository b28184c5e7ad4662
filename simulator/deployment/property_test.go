package deployment

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// world throws random events at a core and keeps the driver's side of the
// contract: what is in flight, and what the core owes.
type world struct {
	t       *testing.T
	dice    *rand.Rand
	sets    [2][]fault.Rule // the faults that change takes turns with
	core    *Core
	twin    *Core // gets the same events, with Wakes and stale events between
	now     tick.Instant
	gens    []uint32           // next generation by slot
	state   map[uint32]flight  // by slot
	ended   map[record.Ref]int // terminal effects, at most one each
	started int
	effects []Effect // of core
	twins   []Effect // of twin, all but strays of stale events
	kinds   map[record.Reason]int

	epoch    tick.Instant // of the last sample of the load
	rescaled int
}

type flight struct {
	gen               uint32
	planned, headSent bool
	start             tick.Instant
	plan              Effect
}

// sent returns how many tokens the client has at an instant.
func (f *flight) sent(at tick.Instant) int32 {
	n := f.plan.TokensAt(at)
	switch {
	case !f.headSent:
		return 0
	case f.plan.BreaksOff():
		return min(n, int32(f.plan.After))
	}
	return n
}

func (w *world) ref(slot uint32) record.Ref { return record.Ref{Slot: slot, Gen: w.state[slot].gen} }

func (w *world) step(ev Event) {
	for range w.dice.Intn(3) {
		w.pretend()
	}
	out := w.core.Step(w.now, ev, nil)
	w.effects = append(w.effects, out...)
	w.twins = append(w.twins, w.twin.Step(w.now, ev, nil)...)
	for i := range out {
		w.obey(&out[i])
	}
}

// pretend disturbs the twin, between the last instant and now, with what must
// change nothing but when due effects come out.
func (w *world) pretend() {
	w.twins = append(w.twins, w.twin.Step(w.now, Event{Kind: Wake}, nil)...)
	ev := Event{Kind: []EventKind{Gone, Reserved, Configure}[w.dice.Intn(3)], Ref: record.Ref{Slot: uint32(w.dice.Intn(len(w.gens) + 2)), Gen: 1 << 30},
		Granted: true, Version: w.twin.cfg.version}
	out := w.twin.Step(w.now, ev, nil)
	if len(out) != 1 || out[0].Kind != Stray {
		w.t.Fatalf("a stale event %+v did %+v", ev, out)
	}
}

// early wakes the twin at random instants on the way to now.
func (w *world) early(from tick.Instant) {
	for w.dice.Intn(3) > 0 && from < w.now {
		from += tick.Instant(w.dice.Int63n(int64(w.now-from) + 1))
		if w.dice.Intn(4) == 0 {
			from = max(from, min(w.twin.NextWake(), w.now)) // exactly in time
		}
		w.twins = append(w.twins, w.twin.Step(from, Event{Kind: Wake}, nil)...)
	}
}

func (w *world) obey(e *Effect) {
	f, in := w.state[e.Ref.Slot]
	if e.Kind != Utilization && e.Kind != FaultEdge && e.Kind != Stray && e.Kind != Drained && (!in || f.gen != e.Ref.Gen) {
		w.t.Fatalf("an effect about nobody: %s", describe(e))
	}
	switch e.Kind {
	case Utilization:
		w.epoch = e.At
	case Plan:
		if f.planned || e.HeadIn() > e.FirstIn() || e.FirstIn() > e.Over() || e.At != w.now {
			w.t.Fatalf("planned twice, or out of order: %+v", e)
		}
		f.planned, f.plan = true, *e
		w.state[e.Ref.Slot] = f
	case Replan:
		if !f.planned || e.At != f.plan.At || e.HeadIn() > e.FirstIn() || e.FirstIn() > e.Over() || e.Tokens != f.plan.Tokens {
			w.t.Fatalf("replanned, out of order: %+v of %+v", e, f)
		}
		if late := e.HeadIn() - f.plan.HeadIn(); late > 0 && !e.Whole { // by a fault
			want := f.plan.Schedule
			if want.PutOff(late); f.headSent || e.Schedule != want {
				w.t.Fatalf("put off otherwise than as a whole: %+v of %+v", e, f)
			}
		} else if a, b := f.plan.TokensAt(w.epoch), e.TokensAt(w.epoch); !e.Whole && (a != b || e.First != f.plan.First || e.EndsAt() < w.epoch) {
			w.t.Fatalf("rescaled what had come, %d tokens to %d: %+v of %+v", a, b, e, f)
		} else {
			w.rescaled++
		}
		f.plan = *e
		w.state[e.Ref.Slot] = f
	case Head:
		if !f.planned || f.headSent || e.At != f.plan.At.After(f.plan.HeadIn()) {
			w.t.Fatalf("a head that is not due: %+v of %+v", e, f)
		}
		f.headSent = true
		w.state[e.Ref.Slot] = f
	case Refuse, Finish, Cut:
		w.terminal(e, &f)
	case Stray:
		w.t.Fatal("stray, although every event was about something in flight")
	}
}

func (w *world) terminal(e *Effect, f *flight) {
	if w.ended[e.Ref]++; w.ended[e.Ref] > 1 {
		w.t.Fatalf("ended twice: %s", describe(e))
	}
	delete(w.state, e.Ref.Slot)
	w.kinds[e.Reason]++
	switch {
	case e.Kind == Finish && (f.plan.BreaksOff() || e.At != f.plan.At.After(f.plan.Over()) || e.Completion != f.plan.Completion || e.Status != 200):
		w.t.Fatalf("finished %+v of %+v", e, f)
	case e.Reason == record.WrongLengthFault && (e.Status != 200 || e.Completion != f.plan.Completion || e.At != f.plan.EndsAt() || e.RemainingTokens == 0):
		w.t.Fatalf("a wrong length %+v of %+v", e, f)
	case e.Kind == Cut && e.Completion != f.sent(e.At):
		w.t.Fatalf("cut at %d tokens, of which %d were sent: %s, %+v", e.Completion, f.sent(e.At), describe(e), f)
	case e.Kind == Cut && f.planned && e.At > f.plan.EndsAt():
		w.t.Fatalf("cut after its end: %+v of %+v", e, f)
	case e.Kind == Cut && (e.Status == 200) != f.headSent:
		w.t.Fatalf("cut with status %d, head sent: %v", e.Status, f.headSent)
	case e.Kind == Refuse && f.planned:
		w.t.Fatalf("refused after its plan: %+v", e)
	}
}

func (w *world) random() {
	from := w.now
	w.now += tick.Instant(w.dice.Int63n(int64(100 * time.Millisecond)))
	if w.dice.Intn(5) == 0 {
		w.now = max(from, w.core.NextWake()) // exactly in time
	}
	w.early(from)
	slot := uint32(w.dice.Intn(len(w.gens)))
	f, in := w.state[slot]
	switch k := w.dice.Intn(12); {
	case !in && k < 8:
		ref := record.Ref{Slot: slot, Gen: w.gens[slot]}
		w.gens[slot]++
		w.started++
		w.state[slot] = flight{gen: ref.Gen, start: w.now}
		w.step(Event{Kind: Start, Ref: ref, Key: uint64(w.dice.Intn(50)), PromptTokens: int32(w.dice.Intn(300) * (1 + w.dice.Intn(2)*8)), Prefix: uint64(w.dice.Intn(3)), Shared: 1200, PromptEstimate: int32(w.dice.Intn(1 << (6 + w.dice.Intn(9)))),
			OutputTokens: int32(w.dice.Intn(100) - 1), MaxTokens: int32(w.dice.Intn(100) - 20), N: uint16(w.dice.Intn(3)), Stream: w.dice.Intn(4) > 0,
			Tier: record.Tier(w.dice.Intn(4)), Chained: slot%2 == 0})
	case in && !f.planned && k < 6 && w.core.remote && !w.core.streams[slot].vain:
		w.due(slot, Event{Kind: Reserved, Granted: w.dice.Intn(4) > 0, RetryMs: 7})
	case in && k == 6:
		w.due(slot, Event{Kind: Gone})
	case k == 7 && w.dice.Intn(10) == 0:
		w.change()
	default:
		w.step(Event{Kind: Wake})
	}
}

// change switches to another configuration, which stays what it is until the
// last request that began under it has ended.
func (w *world) change() {
	three := claude("claude-sonnet-4-5")
	three.OutputTPM = 600
	flexible := standard(100_000, 6_000)
	flexible.Model, flexible.Flex = "gpt-5.6-sol", &Flex{Wait: latency.Quantiles{P50: unit.Duration(time.Second / 2), P95: unit.Duration(2 * time.Second)}, Timeout: unit.Duration(time.Second)}
	cfg := []*Config{standard(8_000, 6_000), provisioned(15), standard(100_000, 240), provisioned(100), three, flexible}[w.dice.Intn(6)]
	install := func(c *Core) (uint32, bool) { return c.Install(cfg, 1) }
	if rules := w.sets[w.dice.Intn(2)]; w.dice.Intn(3) == 0 {
		install = func(c *Core) (uint32, bool) { return c.InstallFaults(rules) }
	}
	version, ok := install(w.core)
	if twins, _ := install(w.twin); !ok || twins != version {
		w.t.Fatalf("version %d, and the twin's is %d", version, twins)
	}
	w.step(Event{Kind: Configure, Version: version, Forget: w.dice.Intn(3) == 0})
}

// due gives an event about the request of a slot, unless that has ended by now.
func (w *world) due(slot uint32, ev Event) {
	w.step(Event{Kind: Wake})
	if _, in := w.state[slot]; !in {
		return
	}
	ev.Ref = w.ref(slot)
	w.step(ev)
}

func newWorld(t *testing.T, seed int64) *world {
	w := &world{t: t, dice: rand.New(rand.NewSource(seed)), gens: make([]uint32, 40), state: map[uint32]flight{}, ended: map[record.Ref]int{},
		kinds: map[record.Reason]int{}}
	ratio := unit.Ratio(400_000)
	var rules, others []fault.Rule
	for i := range 32 {
		c := fault.Config{Name: fmt.Sprint(i), At: unit.Duration(w.dice.Int63n(int64(20 * time.Second))), For: unit.Duration(1 + w.dice.Int63n(int64(3*time.Second)))}
		if w.dice.Intn(2) == 0 {
			c.Probability = &ratio
		}
		switch i % 16 {
		case 15:
			c.Stale = &fault.Stale{}
		case 14:
			c.Peak, c.For, c.Probability = &fault.Peak{}, unit.Duration(time.Minute), nil
		case 8:
			c.Throttle = &fault.Throttle{RetryAfter: unit.Duration(time.Second)}
		case 9:
			c.SlowHeaders = &fault.SlowHeaders{Add: unit.Duration(time.Second)}
		case 10:
			c.Capacity, c.Probability = &fault.Capacity{Share: 300_000}, nil
		case 11:
			c.TokenExpiry = &fault.TokenExpiry{}
		case 12:
			c.Deleted = &fault.Deleted{Streams: []string{"finish", "cut"}[w.dice.Intn(2)]}
		case 13:
			c.WrongLength = &fault.WrongLength{By: 5}
		case 0:
			c.Outage = &fault.Outage{}
		case 1:
			c.Status = &fault.Status{Code: 503}
		case 2:
			c.Latency = &fault.Latency{Add: unit.Duration(time.Second), Jitter: unit.Duration(time.Second)}
		case 3:
			c.Abort = &fault.Abort{After: 1 + w.dice.Intn(20)}
		case 4:
			c.Truncate = &fault.Truncate{After: 1 + w.dice.Intn(20)}
		case 5:
			c.ErrorInStream = &fault.ErrorInStream{After: 1 + w.dice.Intn(20)}
		case 7:
			c.Stall = &fault.Stall{After: 1 + w.dice.Intn(20), For: unit.Duration(time.Duration(1+w.dice.Intn(999)) * time.Millisecond)}
		case 6:
			c.Malformed = &fault.Malformed{After: 1 + w.dice.Intn(20)}
		}
		rules = append(rules, fault.Compile(c, 0, uint64(seed)))
		others = append(others, fault.Compile(c, 0, uint64(seed)+1))
	}
	w.sets = [2][]fault.Rule{rules, append(slices.Clone(rules[4:12]), others...)}
	for _, c := range []**Core{&w.core, &w.twin} {
		cfg := standard(8_000, 6_000)
		cfg.MaxInFlight, cfg.Latency.Spread = 12, 300_000
		cfg.DynamicQuota = &DynamicQuota{Spare: 500_000, Share: 500_000, Every: unit.Duration(time.Second)}
		*c = New(cfg, Options{Seed: uint64(seed), Faults: rules, Remote: seed%3 == 0})
	}
	return w
}

// Over random runs with faults, reconfigurations and clients that leave: every
// Start yields exactly one terminal effect, extra Wakes and stale events change
// nothing, and in the end nothing is left.
func TestEveryStartEndsOnce(t *testing.T) {
	kinds, rescaled := map[record.Reason]int{}, 0
	for seed := range int64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, seed)
			for range 2000 {
				w.random()
			}
			for slot := range w.gens {
				if _, in := w.state[uint32(slot)]; in {
					w.due(uint32(slot), Event{Kind: Gone})
				}
			}
			if len(w.ended) != w.started || len(w.state) != 0 || w.core.Active() != 0 {
				t.Fatalf("%d terminal effects of %d starts, %d still inside", len(w.ended), w.started, w.core.Active())
			}
			for place, s := range w.core.configs.at {
				if (s != nil) != (place == int(w.core.current)) {
					t.Errorf("the configuration at %d is %v, and current is %d", place, s, w.core.current)
				}
			}
			if !slices.Equal(w.effects, w.twins) {
				t.Error("extra Wakes or stale events changed what the core does")
			}
			for r, n := range w.kinds {
				kinds[r] += n
			}
			rescaled += w.rescaled
		})
	}
	if rescaled < 100 {
		t.Errorf("only %d answers were rescaled by the load", rescaled)
	}
	for _, r := range []record.Reason{record.NoReason, record.TokenLimit, record.RequestLimit, record.TooLarge, record.Utilization, record.StatusFault,
		record.OutageFault, record.CutFault, record.InFlightBound, record.ClientGone, record.TruncateFault, record.StreamErrorFault,
		record.MalformedFault, record.OutputTokenLimit, record.ThrottleFault, record.TokenExpiryFault, record.DeletedFault, record.WrongLengthFault, record.StaleFault,
		record.NoSuchTier, record.NoCapacity, record.FlexTimeout} {
		if kinds[r] < 10 {
			t.Errorf("only %d ended by %v: the runs show little of it", kinds[r], r)
		}
	}
}

// Effects come in the order of their instants, and never from the future.
func TestEffectsAreInOrder(t *testing.T) {
	w := newWorld(t, 7)
	for range 3000 {
		n := len(w.effects)
		w.random()
		for _, e := range w.effects[n:] {
			if e.At > w.now {
				t.Fatalf("at %d an effect of %d", w.now, e.At)
			}
		}
	}
	w.effects = slices.DeleteFunc(w.effects, func(e Effect) bool { return e.Kind == Replan }) // says when the plan was made
	if !slices.IsSortedFunc(w.effects, func(a, b Effect) int { return int(a.At - b.At) }) {
		t.Error("effects are not in the order of their instants")
	}
}
