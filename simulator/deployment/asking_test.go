package deployment

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/fault"
)

// asking is a world in which what is shared answers late, or never: changes,
// faults and clients that leave come between. It keeps in maps what the core
// keeps in counters.
type asking struct {
	t      *testing.T
	dice   *rand.Rand
	core   *Core
	asked  []fault.Ask
	window string // one kind: going to the other is no minute of charges
	now    tick.Instant
	gens   [20]uint32
	in     map[record.Ref]*asker
	taken  []taking // what was charged, oldest first
	seen   map[string]int
}

// asker is a request in flight.
type asker struct {
	version         uint32 // of the configuration that it began under
	denied, planned bool
	changed, struck bool // since it asked
}

type taking struct {
	at     tick.Instant
	tokens int64
}

func newAsking(t *testing.T, seed int64, asked []fault.Ask) *asking {
	a := &asking{t: t, dice: rand.New(rand.NewSource(seed)), asked: asked, window: []string{"fixed", "sliding"}[seed%2], in: map[record.Ref]*asker{}, seen: map[string]int{}}
	a.core = New(a.config(), Options{Remote: true, Seed: 3, Faults: a.faults()})
	return a
}

func (a *asking) config() *Config {
	cfg := standard(1_000+a.dice.Int63n(3_000), []int64{1_000_000, 60}[a.dice.Intn(2)])
	cfg.Window = a.window
	if a.dice.Intn(4) == 0 {
		cfg.Flex, cfg.Model = &Flex{Timeout: unit.Duration(time.Second)}, "gpt-5.6-sol"
	}
	return cfg
}

// faults are of the kinds that do something to who asks, at odd times.
func (a *asking) faults() (rules []fault.Rule) {
	for i := range 8 {
		c := fault.Config{Name: fmt.Sprint(i), At: unit.Duration(int64(a.now) + a.dice.Int63n(int64(time.Minute))), For: unit.Duration(1 + a.dice.Int63n(int64(3*time.Second)))}
		switch i % 4 {
		case 0:
			c.Outage = &fault.Outage{}
		case 1:
			c.Capacity = &fault.Capacity{Share: 300_000}
		case 2:
			c.Deleted = &fault.Deleted{Streams: []string{"finish", "cut"}[a.dice.Intn(2)]}
		case 3:
			c.Latency = &fault.Latency{Add: unit.Duration(time.Second)}
		}
		rules = append(rules, fault.Compile(c, 0, 1))
	}
	return rules
}

func (a *asking) step(ev Event) {
	version := a.core.cfg.version
	for _, e := range a.core.Step(a.now, ev, nil) {
		r := a.in[e.Ref]
		if r == nil && (e.Kind == Reserve || e.Kind == Plan || e.Kind == Cut || e.Kind == Finish) {
			a.t.Fatalf("at %v %s, of nobody", time.Duration(a.now), describe(&e))
		}
		switch e.Kind {
		case Reserve:
			r.version, r.denied = version, e.Reason != record.NoReason
		case Plan:
			if r.denied || r.planned {
				a.t.Fatalf("refused by its limits, or let in before: %s", describe(&e))
			}
			r.planned = true
			a.taken = append(a.taken, taking{e.At, int64(e.Charged)})
		case Refuse, Cut, Finish:
			if r != nil && !r.planned && e.Charged != 0 {
				a.t.Fatalf("charged, and never let in: %s", describe(&e))
			}
			a.note(&e, r)
			delete(a.in, e.Ref)
		case FaultEdge:
			for _, r := range a.in {
				r.struck = true
			}
		}
	}
	a.check()
}

// note counts what became of who asked while the world changed.
func (a *asking) note(e *Effect, r *asker) {
	if r == nil || r.planned {
		return
	}
	for what, is := range map[string]bool{"changed": r.changed, "struck": r.struck} {
		if is {
			a.seen[fmt.Sprintf("%s, denied %v: %s by %v", what, r.denied, []string{Refuse: "refused", Cut: "cut"}[e.Kind], e.Reason)]++
		}
	}
}

// check compares the counters of the core with the maps.
func (a *asking) check() {
	users := map[uint32]int{}
	for _, r := range a.in {
		users[r.version]++
	}
	if a.core.active != len(a.in) {
		a.t.Fatalf("at %v: %d active, %d in flight", time.Duration(a.now), a.core.active, len(a.in))
	}
	for place, s := range a.core.configs.at {
		if s == nil {
			continue
		}
		if s.users != users[s.version] {
			a.t.Fatalf("at %v: version %d has %d users, and %d requests began under it", time.Duration(a.now), s.version, s.users, users[s.version])
		}
		if delete(users, s.version); s.users == 0 && place != int(a.core.current) && !slices.Contains(a.core.configs.fresh, uint16(place)) {
			a.t.Fatalf("at %v: version %d is kept for nobody", time.Duration(a.now), s.version)
		}
	}
	if len(users) > 0 {
		a.t.Fatalf("at %v: requests began under versions that are gone: %v", time.Duration(a.now), users)
	}
	most := int64(0) // who was refused has taken nothing
	for _, x := range a.taken {
		if a.now < x.at.Add(tokenPeriod) {
			most += x.tokens
		}
	}
	if used := a.core.limits.tokens.used(a.now); used > most {
		a.t.Fatalf("at %v: %d tokens used, and only %d were charged", time.Duration(a.now), used, most)
	}
}

// some returns a request in flight, or one that never was.
func (a *asking) some() record.Ref {
	if len(a.in) == 0 {
		return record.Ref{Gen: 1 << 30}
	}
	refs := slices.SortedFunc(maps.Keys(a.in), func(x, y record.Ref) int { return int(x.Slot) - int(y.Slot) })
	return refs[a.dice.Intn(len(refs))]
}

func (a *asking) random() {
	if at := a.core.NextWake(); a.dice.Intn(4) == 0 {
		a.now = max(a.now, at) // exactly in time
	} else {
		a.now += tick.Instant(a.dice.Int63n(int64(300 * time.Millisecond)))
	}
	a.step(Event{}) // what is due ends who is in flight
	switch a.dice.Intn(12) {
	case 0:
		a.change()
	case 1:
		a.step(Event{Kind: Gone, Ref: a.some()})
	case 2, 3, 4, 5:
		a.step(Event{Kind: Reserved, Ref: a.some(), Granted: true, Left: 5, LeftRequests: 9})
	case 6:
		a.step(Event{Kind: Reserved, Ref: a.some(), Why: record.TokenLimit, RetryMs: 3000, Left: 5, LeftRequests: 9})
	default:
		a.start()
	}
}

func (a *asking) start() {
	slot := uint32(a.dice.Intn(len(a.gens)))
	for ref := range a.in {
		if ref.Slot == slot {
			return
		}
	}
	a.gens[slot]++
	ref := record.Ref{Slot: slot, Gen: a.gens[slot]}
	a.in[ref] = &asker{}
	size := int32(a.dice.Intn(900))
	ev := Event{Kind: Start, Ref: ref, Key: a.dice.Uint64(), PromptEstimate: size, PromptTokens: size, MaxTokens: 10, OutputTokens: 5, Stream: a.dice.Intn(2) == 0, Tier: record.Tier(a.dice.Intn(4))}
	if a.dice.Intn(4) == 0 {
		ev.Ask = a.asked[a.dice.Intn(len(a.asked))]
	}
	a.step(ev)
}

func (a *asking) change() {
	version, ok := uint32(0), false
	if a.dice.Intn(3) == 0 {
		version, ok = a.core.InstallFaults(a.faults())
	} else {
		version, ok = a.core.Install(a.config(), 3)
	}
	if !ok {
		a.t.Fatal("no room")
	}
	for _, r := range a.in {
		r.changed = true
	}
	a.step(Event{Kind: Configure, Version: version, Forget: a.dice.Intn(4) == 0})
}

// Whoever asks what is shared, let in by the own limits or refused by them, is
// counted until it has its one end and no longer, whatever changes before the
// answer comes; and what is not let in takes nothing.
func TestChangesWhileAsking(t *testing.T) {
	asked, seen := asks(t, "capacity=10%", "capacity=60%"), map[string]int{}
	for seed := range int64(150) {
		a := newAsking(t, seed, asked)
		for range 600 {
			a.random()
		}
		for len(a.in) > 0 {
			a.step(Event{Kind: Gone, Ref: a.some()})
		}
		for what, n := range a.seen {
			seen[what] += n
		}
	}
	for _, what := range []string{"changed, denied true: refused by token-limit", "changed, denied false: refused by token-limit", "changed, denied true: refused by request-limit",
		"changed, denied true: cut by client-gone", "struck, denied true: refused by token-limit", "struck, denied false: refused by token-limit",
		"struck, denied true: cut by outage-fault", "struck, denied false: cut by outage-fault", "changed, denied true: cut by outage-fault"} {
		if seen[what] < 30 {
			t.Errorf("only %d times %s: the test shows little", seen[what], what)
		}
	}
	if t.Failed() {
		t.Log(seen)
	}
}
