package core

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"
	"unsafe"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/queue"
	"foundrylab/gateway/route"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// world throws random events at a core and keeps the shell's side of the
// contract: what is in flight, and what the core owes.
type world struct {
	t        *testing.T
	dice     *rand.Rand
	core     *Core
	twin     *Core // gets the same events, with Wakes and stale events between
	now      tick.Instant
	gens     []uint32 // next generation by request slot
	names    []string
	members  []Member
	configs  []*Config
	requests map[record.Ref]bool  // in flight
	came     map[record.Ref]Event // every Request
	attempts map[record.Ref]*flight
	reserved map[record.Ref]bool // Reserve is unanswered
	old      []record.Ref        // refs of attempts that are over
	asked    []record.Ref        // attempts whose Silence is unanswered
	responds map[record.Ref]int
	made     int
	hedges   int
	effects  []Effect // of core, all
	twins    []Effect // of twin, all but strays
}

type flight struct {
	request   record.Ref
	backend   uint16
	committed bool
}

func (w *world) step(ev Event) {
	w.pretend()
	if ev.Kind == End {
		w.over(ev.Ref)
	}
	out := w.core.Step(w.now, ev, nil)
	w.effects = append(w.effects, out...)
	w.twins = append(w.twins, w.twin.Step(w.now, ev, nil)...)
	for _, e := range out {
		w.obey(e)
	}
	for len(w.asked) > 0 { // at the same instant, as a driver does
		ref := w.asked[0]
		w.asked = w.asked[1:]
		if w.attempts[ref] != nil {
			w.step(Event{Kind: Silent, Ref: ref, Span: tick.ToUnits(time.Duration(w.dice.Intn(int(1500 * time.Millisecond)))), Completion: 3})
		}
	}
}

// pretend disturbs the twin with what must change nothing.
func (w *world) pretend() {
	for range w.dice.Intn(3) {
		w.twins = append(w.twins, w.twin.Step(w.now, Event{Kind: Wake}, nil)...)
	}
	if len(w.old) == 0 {
		return
	}
	stale := w.old[w.dice.Intn(len(w.old))]
	ev := Event{Kind: []EventKind{Head, End, Silent}[w.dice.Intn(3)], Ref: stale, Status: 503, Outcome: record.Failed}
	out := w.twin.Step(w.now, ev, nil)
	n := len(out)
	if n == 0 || out[n-1].Kind != Stray {
		w.t.Fatalf("a stale %v is not a stray: %+v", stale, out)
	}
	w.twins = append(w.twins, out[:n-1]...) // it was due anyway
}

func (w *world) obey(e Effect) {
	switch e.Kind {
	case Send:
		if !w.requests[e.Req] || w.attempts[e.Ref] != nil {
			w.t.Fatalf("sent for nobody, or twice: %+v", e)
		}
		if pin := w.came[e.Req].Pin; pin > 0 && int(e.Backend) != int(pin)-1 {
			w.t.Fatalf("sent where it must not go: pin %d, %+v", pin, e)
		}
		w.beside(e)
		w.attempts[e.Ref] = &flight{request: e.Req, backend: e.Backend}
	case Commit:
		if f := w.attempts[e.Ref]; f == nil || f.committed || f.request != e.Req {
			w.t.Fatalf("committed what is not under way: %+v", e)
		}
		w.attempts[e.Ref].committed = true
	case Abort:
		if f := w.attempts[e.Ref]; f == nil || f.request != e.Req {
			w.t.Fatalf("aborted what is not under way: %+v", e)
		}
		w.over(e.Ref)
	case Reserve:
		w.reserved[e.Req] = true
	case Respond:
		w.responds[e.Req]++
		if w.responds[e.Req] > 1 || !w.requests[e.Req] {
			w.t.Fatalf("responded twice, or to nobody: %+v", e)
		}
		for ref, f := range w.attempts {
			if f.request == e.Req {
				w.t.Fatalf("responded while %v is under way: %+v", ref, e)
			}
		}
		delete(w.requests, e.Req)
		delete(w.reserved, e.Req)
	case Silence:
		if f := w.attempts[e.Ref]; f == nil || f.request != e.Req {
			return // over meanwhile
		}
		w.asked = append(w.asked, e.Ref)
	case Stray:
		if w.responds[e.Req] == 1 && e.Ref == (record.Ref{}) {
			return // the event's request had been due to be given up
		}
		w.t.Fatalf("stray, although every event was about something in flight")
	}
}

// beside holds a Send against what is under way for its request: nothing, or for a
// hedge one attempt, elsewhere, whose answer has not begun. Nobody has to wait for
// the sake of a hedge.
func (w *world) beside(e Effect) {
	others := 0
	for _, f := range w.attempts {
		if f.request != e.Req {
			continue
		}
		if others++; f.committed || f.backend == e.Backend {
			w.t.Fatalf("sent beside what has begun, or is at the same backend: %+v", e)
		}
	}
	if want := 0; e.Hedge {
		w.hedges++
		if want = 1; others != want || w.came[e.Req].Pin > 0 || w.core.Waiting() > 0 {
			w.t.Fatalf("a hedge beside %d attempts, with %d waiting: %+v", others, w.core.Waiting(), e)
		}
	} else if others != want {
		w.t.Fatalf("sent beside %d attempts: %+v", others, e)
	}
}

func (w *world) over(attempt record.Ref) {
	delete(w.attempts, attempt)
	w.old = append(w.old, attempt)
}

// some returns one of the keys, in an order that does not depend on the map.
func some[V any](dice *rand.Rand, m map[record.Ref]V) record.Ref {
	var refs []record.Ref
	for r := range m {
		refs = append(refs, r)
	}
	slices.SortFunc(refs, func(a, b record.Ref) int { return int(a.Slot) - int(b.Slot) })
	return refs[dice.Intn(len(refs))]
}

func (w *world) random() {
	w.now += tick.Instant(w.dice.Intn(int(200 * time.Millisecond)))
	if w.dice.Intn(20) == 0 && w.core.NextWake() != tick.Never {
		w.now = max(w.now, w.core.NextWake()) // exactly in time
	}
	switch k := w.dice.Intn(10); {
	case k < 3 && w.made < 200:
		slot := uint32(w.dice.Intn(len(w.gens)))
		ref := record.Ref{Slot: slot, Gen: w.gens[slot]}
		if w.taken(slot) {
			return
		}
		w.gens[slot]++
		w.made++
		w.requests[ref] = true
		pin := uint8(0)
		if w.dice.Intn(3) == 0 {
			pin = []uint8{1, 2, 3, PinGone}[w.dice.Intn(4)]
		}
		w.came[ref] = Event{Kind: Request, Pin: pin, Ref: ref, Key: w.dice.Uint64(), PromptTokens: 10, MaxTokens: -1,
			PromptEstimate: int32(w.dice.Intn(200)), Bytes: int32(w.dice.Intn(300)), Tenant: uint16(w.dice.Intn(4)), Stream: w.dice.Intn(2) == 0, Marks: Marks(max(w.dice.Intn(16)-12, 0)), Span: tick.Units(w.dice.Intn(2) * 9_000)}
		w.step(w.came[ref])
	case k < 5 && len(w.attempts) > 0:
		if ref := some(w.dice, w.attempts); !w.attempts[ref].committed {
			w.step(Event{Kind: Head, Ref: ref})
		}
	case k < 8 && len(w.attempts) > 0:
		w.end(some(w.dice, w.attempts))
	case k == 8 && len(w.requests) > 0 && w.dice.Intn(3) == 0:
		w.step(Event{Kind: Gone, Ref: some(w.dice, w.requests)})
	case k == 9 && len(w.reserved) > 0:
		ref := some(w.dice, w.reserved)
		delete(w.reserved, ref)
		w.step(Event{Kind: Reserved, Ref: ref, Outcome: []record.Outcome{record.Throttled, record.Succeeded}[min(w.dice.Intn(5), 1)]})
	case k == 9 && w.dice.Intn(4) == 0:
		w.configure(w.configs[w.dice.Intn(len(w.configs))])
	}
}

// configure puts a configuration in force, in what place it gets.
func (w *world) configure(cfg *Config) {
	version := w.core.Install(cfg, w.names, w.members)
	if v := w.twin.Install(cfg, w.names, w.members); v != version {
		w.t.Fatalf("version %d, of the twin %d", version, v)
	}
	w.step(Event{Kind: Configure, Version: version})
}

func (w *world) taken(slot uint32) bool {
	for r := range w.requests {
		if r.Slot == slot {
			return true
		}
	}
	return false
}

func (w *world) end(ref record.Ref) {
	ev := Event{Kind: End, Ref: ref, Completion: 5}
	kinds := []string{"ok", "cut", "429", "503", "0", "400", "missing"}
	if w.attempts[ref].committed {
		kinds = kinds[:2]
	}
	ev.Status, ev.Outcome, ev.Reason = result(kinds[w.dice.Intn(len(kinds))])
	if ev.Status == 429 {
		ev.HasRetry, ev.RetryMs = w.dice.Intn(4) > 0, uint32(w.dice.Intn(4000))
	}
	w.step(ev)
}

func newWorld(t *testing.T, cfg *Config, seed int64) *world {
	w := &world{t: t, names: []string{"a", "b", "c"}, members: []Member{{"x", 1}, {"y", 2}, {"z", 3}}, configs: []*Config{cfg}, dice: rand.New(rand.NewSource(seed)), now: 1, gens: make([]uint32, 14),
		requests: map[record.Ref]bool{}, attempts: map[record.Ref]*flight{}, reserved: map[record.Ref]bool{}, responds: map[record.Ref]int{}, came: map[record.Ref]Event{}}
	for _, c := range []**Core{&w.core, &w.twin} {
		*c = New(cfg, Options{Seed: uint64(seed), Backends: w.names, Remote: seed%3 == 0, Tenants: w.members})
	}
	return w
}

// run has 200 requests come and go.
func (w *world) run() {
	for w.made < 200 {
		w.random()
	}
	for len(w.requests) > 0 {
		switch {
		case len(w.attempts) > 0:
			w.end(some(w.dice, w.attempts))
		default:
			w.step(Event{Kind: Gone, Ref: some(w.dice, w.requests)})
		}
	}
}

// Over random runs of 200 requests: every Request yields exactly one Respond,
// extra Wakes and stale events change nothing, and in the end nothing is left.
func TestEveryRequestRespondsOnce(t *testing.T) {
	hedges := 0
	for seed := range int64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cfg := policy()
			cfg.Route.Groups = [][]string{{"a", "b"}, {"c"}}
			cfg.Route.Policy = route.Policies[int(seed)%len(route.Policies)].Name
			cfg.MaxInFlight = 12
			cfg.Affinity.Lag = unit.Duration(seed%2) * unit.Duration(5*time.Second)
			waits(cfg, seed)
			if seed%4 > 1 {
				cfg.Canary = tryOut("a", seed)
			}
			cfg.Timeouts = []Timeouts{{}, {Head: unit.Duration(time.Second)}, {Idle: unit.Duration(500 * time.Millisecond)},
				{Head: unit.Duration(800 * time.Millisecond), Idle: unit.Duration(300 * time.Millisecond)}}[seed%4]
			if seed%5 > 2 {
				cfg.Hedge = Hedge{After: unit.Duration(400 * time.Millisecond), Budget: Hedges{Share: unit.One, Burst: 50}}
			}
			w := newWorld(t, cfg, seed)
			for _, groups := range [][][]string{{{"b"}}, {{"c", "b", "a"}}} {
				other := *cfg
				other.Route.Groups, other.Route.Policy, other.Retry.Attempts = groups, "round-robin", 2
				other.Timeouts.Head = cfg.Timeouts.Idle // shorter, or none
				if groups[0][0] == "b" {                // without a queue
					other.Queue, other.Budget.Limits, other.Tenants, other.Canary = nil, nil, nil, nil
				}
				w.configs = append(w.configs, &other)
			}
			w.run()
			if len(w.responds) != 200 || w.core.Active() != 0 || len(w.attempts) != 0 {
				t.Fatalf("%d responds to 200 requests, %d still inside", len(w.responds), w.core.Active())
			}
			if n := w.core.Configurations(); n != 1 || len(w.core.configs) > 13 {
				t.Errorf("there are %d configurations in the end, and there were up to %d, with 12 requests", n, len(w.core.configs))
			}
			w.nothingLeft()
			if hedges += w.hedges; w.hedges > 0 && seed%5 <= 2 {
				t.Errorf("%d hedges, which nobody asked for", w.hedges)
			}
			if !slices.Equal(w.effects, w.twins) {
				t.Error("extra Wakes or stale events changed what the core does")
			}
		})
	}
	if hedges < 300 {
		t.Errorf("only %d hedges", hedges)
	}
}

// nothingLeft holds against the core that nothing is under way any more.
func (w *world) nothingLeft() {
	for i := range w.core.seen {
		if n := w.core.seen[i].InFlight; n != 0 {
			w.t.Errorf("%d attempts are still counted at backend %d", n, i)
		}
	}
	if n := len(w.core.attempts) - len(w.core.freeSlot); n != 0 || w.core.Waiting() != 0 {
		w.t.Errorf("%d attempts are still under way, and %d requests wait", n, w.core.Waiting())
	}
	for i := range w.members {
		if n := w.core.Use(w.now, i).Active; n != 0 {
			w.t.Errorf("%d requests of tenant %d are still counted", n, i)
		}
	}
}

// A weighted group keeps its shares when one of it is out: they fall to the
// others in proportion.
func TestSharesWithADeadBackend(t *testing.T) {
	for _, policyName := range []string{"weighted", "round-robin", "utilization-aware", "least-busy"} {
		cfg := policy()
		cfg.Route.Policy, cfg.Retry.Attempts = policyName, 1
		cfg.Route.Groups = [][]string{{"a", "b", "c"}, {"spare"}}
		for i, n := range []string{"a", "b", "c"} {
			cfg.Route.Weights = append(cfg.Route.Weights, routeWeight(n, int64(i+1)))
		}
		c := New(cfg, Options{Seed: 3, Backends: []string{"a", "b", "c", "spare"}})
		count := [4]int{}
		dead := false
		ask := func(key uint64) {
			now := tick.Instant(1)
			ref := record.Ref{Gen: uint32(key)}
			out := c.Step(now, Event{Kind: Request, Ref: ref, Key: key}, nil)
			count[out[0].Backend]++
			ev := Event{Kind: End, Ref: out[0].Ref, Status: 200, Outcome: record.Succeeded}
			if out[0].Backend == 1 && !dead {
				ev.Status, ev.Outcome, ev.HasRetry, ev.RetryMs = 429, record.Throttled, true, 60_000
				dead = true
			}
			c.Step(now, ev, nil)
		}
		for key := range uint64(40_000) {
			if dead && key > 0 && count[1] == 1 {
				count, count[1] = [4]int{}, 2 // count from the moment it is out
			}
			ask(key)
		}
		all := count[0] + count[2]
		if off := count[0] - all/4; count[1] != 2 || count[3] != 0 || off*off > 25*all/4 {
			t.Errorf("%s: a, b, c, spare got %v, want 1 : 0 : 3 : 0", policyName, count)
		}
	}
}

// waits gives two of three runs a queue, and some of them limits.
func waits(cfg *Config, seed int64) {
	if seed%3 == 0 {
		return
	}
	cfg.Breaker.Ramp = unit.Duration(seed%4) * unit.Duration(20*time.Millisecond)
	cfg.Queue = &queue.Config{Discipline: []string{"vtc", "drr", "fifo"}[seed%7%3], MaxRequests: 6, MaxBytes: 600, Quantum: 10,
		TTL: unit.Duration(2 * time.Second), Bands: []queue.Band{{Name: "high"}, {Name: "low", MinShare: 200_000}}}
	cfg.Budget.Dispatch = []string{"reactive", "predictive", "hybrid"}[seed%5%3]
	cfg.Budget.Limits = []budget.Limit{{Backend: "a", TPM: 3_000, RPM: 120, RPMWindow: unit.Duration(time.Second), OutputWeight: 1}}
	cfg.Tenants = []Tenant{{Name: "x", Weight: 3, Priority: "high", Limits: budget.Limits{TPM: 1_000}}, {Name: "y", Limits: budget.Limits{Concurrency: 4}}}
}

func TestEventsAndEffectsAreSmall(t *testing.T) {
	if e, f := unsafe.Sizeof(Event{}), unsafe.Sizeof(Effect{}); e > 64 || f > 64 {
		t.Errorf("an event has %d bytes, an effect %d; the bound is 64", e, f)
	}
	if n := unsafe.Sizeof(request{}); n != 128 {
		t.Errorf("a request has %d bytes, not two cache lines", n)
	}
	if n := unsafe.Sizeof(attempt{}); n != 64 {
		t.Errorf("an attempt has %d bytes, not one cache line", n)
	}
}
