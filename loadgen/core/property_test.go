package core

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"
	"unsafe"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
)

// world answers a load at random and keeps the driver's side of the contract:
// what is in flight, and what the core owes.
type world struct {
	t       *testing.T
	dice    *rand.Rand
	core    *Core
	twin    *Core // gets the same events, with Wakes and stale events between
	now     tick.Instant
	flying  map[record.Ref]Effect // tries without an end, by their Send
	known   map[record.Ref]life
	old     []record.Ref // requests that are done
	phases  map[tick.Instant]record.Ref
	done    map[uint64]int // by key
	effects []Effect
	twins   []Effect
	kinds   [Drained + 1]int
	retried int
}

// life is what was seen of a request.
type life struct {
	key      uint64
	tries    uint16
	intended tick.Instant
	phase    tick.Instant
	begun    bool
}

func (w *world) step(ev Event) {
	w.pretend()
	out := w.core.Step(w.now, ev, nil)
	w.effects = append(w.effects, out...)
	w.twins = append(w.twins, w.twin.Step(w.now, ev, nil)...)
	for i := range out {
		w.kinds[out[i].Kind]++
		w.obey(&out[i])
	}
}

// pretend disturbs the twin with what must change nothing.
func (w *world) pretend() {
	for range w.dice.Intn(3) {
		w.twins = append(w.twins, w.twin.Step(w.now, Event{Kind: Wake}, nil)...)
		stale := Event{Kind: []EventKind{TryEnd, Begun}[w.dice.Intn(2)], Ref: record.Ref{Slot: uint32(w.dice.Intn(300)), Gen: 1 << 30}, Status: 200, Outcome: record.Succeeded}
		if len(w.old) > 0 && w.dice.Intn(2) == 0 {
			stale.Ref = w.old[w.dice.Intn(len(w.old))]
		}
		if out := w.twin.Step(w.now, stale, nil); len(out) != 1 || out[0].Kind != Stray {
			w.t.Fatalf("a stale event %+v did %+v", stale, out)
		}
	}
}

// early wakes the twin at random instants on the way to now.
func (w *world) early(from tick.Instant) {
	for w.dice.Intn(3) > 0 && from < w.now {
		from += tick.Instant(w.dice.Int63n(int64(w.now-from) + 1))
		w.twins = append(w.twins, w.twin.Step(from, Event{Kind: Wake}, nil)...)
	}
}

func (w *world) obey(e *Effect) {
	switch e.Kind {
	case Send:
		w.sent(e)
	case Cancel:
		if _, ok := w.flying[e.Ref]; !ok {
			w.t.Fatalf("cancelled what is not in flight: %+v", e)
		}
		delete(w.flying, e.Ref)
	case TryDone:
		l := w.known[seat(e.Ref)]
		if e.Key != l.key || e.Tries != l.tries-1 {
			w.t.Fatalf("a try ended that was not sent: %+v of %+v", e, l)
		}
		l.begun = e.Status == 200
		w.old = append(w.old, e.Ref) // whatever comes next is another try or request
		w.known[seat(e.Ref)] = l
	case RequestDone:
		l, sent := w.known[seat(e.Ref)]
		if w.done[e.Key]++; w.done[e.Key] > 1 || sent && (e.Key != l.key || e.Tries != l.tries || e.Intended != l.intended) || !sent && e.Tries != 0 {
			w.t.Fatalf("done twice, or as another: %+v of %+v", e, l)
		}
		if _, ok := w.flying[e.Ref]; ok {
			w.t.Fatalf("done while a try is in flight: %+v", e)
		}
		delete(w.known, seat(e.Ref))
		delete(w.phases, l.phase)
		w.old = append(w.old, e.Ref)
		if l.begun && e.Status != 200 || e.Flag != (e.Status == 200) {
			w.t.Fatalf("what had begun is done as what had not: %+v", e)
		}
	case Stray:
		w.t.Fatal("stray, although every event was about something in flight")
	}
}

// seat is a request's slot: its next try has another generation.
func seat(r record.Ref) record.Ref { return record.Ref{Slot: r.Slot} }

func (w *world) sent(e *Effect) {
	phase := e.Intended - e.Intended.Floor()
	l, again := w.known[seat(e.Ref)]
	if _, ok := w.flying[e.Ref]; ok || e.Tries != l.tries || again && (l.key != e.Key || l.phase != phase || l.begun) || e.Intended > w.now {
		w.t.Fatalf("sent twice, in another phase, early, or after it had begun: %+v of %+v", e, l)
	}
	if other, taken := w.phases[phase]; taken && other != seat(e.Ref) || phase == 0 {
		w.t.Fatalf("%v has phase %d, which is %v's", e.Ref, phase, other)
	}
	if !again {
		l = life{key: e.Key, intended: e.Intended, phase: phase}
	} else {
		w.retried++
	}
	l.tries++
	w.known[seat(e.Ref)], w.flying[e.Ref], w.phases[phase] = l, *e, seat(e.Ref)
}

func (w *world) random() {
	from := w.now
	w.now += tick.Instant(w.dice.Int63n(int64(20 * time.Millisecond)))
	if next := w.core.NextWake(); next != tick.Never && w.dice.Intn(3) == 0 {
		w.now = max(from, next) // exactly in time
	}
	w.early(from)
	w.step(Event{Kind: Wake}) // so that what is answered is in flight
	switch k := w.dice.Intn(200); {
	case k < 100 && len(w.flying) > 0:
		w.answer()
	case k < 130 && len(w.flying) > 0:
		ref := w.some()
		l := w.known[seat(ref)]
		l.begun = true
		w.known[seat(ref)] = l
		w.step(Event{Kind: Begun, Ref: ref})
	case k == 199 && len(w.core.users) < len(w.core.configs) && !w.core.stopped:
		w.step(Event{Kind: Configure, Version: uint32(len(w.core.users))})
	}
}

// some returns a try in flight.
func (w *world) some() record.Ref {
	refs := make([]record.Ref, 0, len(w.flying))
	for r := range w.flying {
		refs = append(refs, r)
	}
	slices.SortFunc(refs, func(a, b record.Ref) int { return int(a.Slot) - int(b.Slot) })
	return refs[w.dice.Intn(len(refs))]
}

func (w *world) answer() {
	ref := w.some()
	delete(w.flying, ref)
	ev := Event{Kind: TryEnd, Ref: ref, First: w.now, Completion: 3, Attempts: 1}
	kinds := []string{"ok", "ok", "cut", "429", "503", "0", "400"}
	if w.known[seat(ref)].begun {
		kinds = kinds[:3]
	}
	ev.Status, ev.Outcome, ev.Reason = result(kinds[w.dice.Intn(len(kinds))])
	if w.dice.Intn(2) == 0 {
		ev.HasRetry, ev.RetryMs = true, uint32(w.dice.Intn(300))
	}
	w.step(ev)
}

// sources are tenants of every kind.
func sources(seed uint64, prefix string) []Source {
	second := unit.Duration(time.Second)
	list := []*tenant.Config{
		{Name: "poisson", Client: "openai-python", Stream: true, Arrivals: &arrival.Config{Poisson: &arrival.Poisson{Rate: rate("30/s")}}},
		{Name: "gamma", Client: "openai-go", Timeout: unit.Duration(150 * time.Millisecond), Arrivals: &arrival.Config{Gamma: &arrival.Gamma{Rate: rate("20/s"), CV: 3_000_000}}},
		{Name: "constant", Client: "none", Start: second, Arrivals: &arrival.Config{Constant: &arrival.Constant{Rate: rate("10/s")}}},
		{Name: "users", Client: "openai-go", Users: 7, Stream: true, Timeout: second, Think: &tenant.Think{Constant: &second}},
		{Name: "thinkers", Client: "openai-python", Users: 5, Stop: 4 * second},
	}
	made := make([]Source, len(list))
	for i, cfg := range list {
		cfg.Name = prefix + cfg.Name
		made[i].Tenant = compile(cfg, seed)
	}
	return made
}

// Over random runs: every Send is answered or cancelled and each request is
// done once, in one phase that is its own; extra Wakes and stale events change
// nothing; and in the end nothing is left.
func TestEveryRequestIsDoneOnce(t *testing.T) {
	var all [Drained + 1]int
	retried := 0
	for seed := range int64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{t: t, dice: rand.New(rand.NewSource(seed)), flying: map[record.Ref]Effect{}, known: map[record.Ref]life{},
				phases: map[tick.Instant]record.Ref{}, done: map[uint64]int{}}
			for _, c := range []**Core{&w.core, &w.twin} {
				*c = New(Options{Seed: uint64(seed), Duration: 8 * time.Second, Drain: time.Duration(seed%3) * time.Second, MaxInFlight: 40,
					Sources: sources(uint64(seed), "")})
				(*c).Install(sources(uint64(seed), "second "))
				(*c).Install(sources(uint64(seed), "third ")[:2])
			}
			for !w.core.Finished() {
				if w.random(); seed%4 == 0 && w.now > 5*tick.Instant(time.Second) {
					w.step(Event{Kind: Stop})
				}
			}
			if w.step(Event{Kind: Wake}); w.core.NextWake() != tick.Never || w.core.Active() != 0 || len(w.flying)+len(w.known) != 0 {
				t.Fatalf("finished with %d active, %d in flight", w.core.Active(), len(w.flying))
			}
			for version, users := range w.core.users {
				if users != 0 {
					t.Errorf("configuration %d still has %d requests", version, users)
				}
			}
			if w.core.phases.used != 0 || !slices.Equal(w.effects, w.twins) {
				t.Errorf("%d phases are still taken; extra Wakes or stale events changed what the core does: %v", w.core.phases.used, !slices.Equal(w.effects, w.twins))
			}
			for k, n := range w.kinds {
				all[k] += n
			}
			retried += w.retried
		})
	}
	for _, k := range []EffectKind{Send, Cancel, TryDone, RequestDone, Drop, Drained} {
		if all[k] < 20 {
			t.Errorf("only %d effects of kind %d: the runs show little of it", all[k], k)
		}
	}
	if retried < 1000 {
		t.Errorf("only %d retries", retried)
	}
}

// draws runs a load whose answers depend on request and try alone, and returns
// all that a tenant drew or decided, by name.
func draws(seed uint64, tenants []Source) map[string][]string {
	c := New(Options{Seed: seed, Duration: 20 * time.Second, Drain: time.Minute, Sources: tenants})
	var pending []pendingAnswer
	seen := map[string][]string{}
	for !c.Finished() {
		now, ev := c.NextWake(), Event{}
		if len(pending) > 0 && pending[0].at <= now {
			now, ev = pending[0].at, pending[0].ev
			pending = pending[1:]
		}
		for _, e := range c.Step(now, ev, nil) {
			name := tenants[e.Tenant].Tenant.Config.Name
			switch e.Kind {
			case Send:
				seen[name] = append(seen[name], fmt.Sprintf("%x.%d at %d: %d %d %d", e.Key, e.Tries, e.Intended.Floor(), e.PromptTokens, e.OutputTokens, e.MaxTokens))
				pending = append(pending, answer(&e))
				slices.SortStableFunc(pending, func(a, b pendingAnswer) int { return int(a.at - b.at) })
			case Cancel:
				pending = slices.DeleteFunc(pending, func(p pendingAnswer) bool { return p.ev.Ref == e.Ref })
			case RequestDone:
				seen[name] = append(seen[name], fmt.Sprintf("%x done: %d %d", e.Key, e.Cost, e.Tries))
			}
		}
	}
	for _, list := range seen {
		slices.Sort(list) // two of one 100 us go in the order of their phases
	}
	return seen
}

type pendingAnswer struct {
	at tick.Instant
	ev Event
}

// answer is of a duration on the grid.
func answer(e *Effect) pendingAnswer {
	dice := rand.New(rand.NewSource(int64(e.Key) + int64(e.Tries)))
	p := pendingAnswer{at: e.Intended.After(tick.Units(1 + dice.Intn(9000)))}
	p.ev = Event{Kind: TryEnd, Ref: e.Ref}
	p.ev.Status, p.ev.Outcome, p.ev.Reason = result([]string{"ok", "cut", "503", "429"}[dice.Intn(4)])
	return p
}

// Without one tenant, or in another order, everything that the others draw is
// as it was: arrivals, lengths, caps, keys, thinking and backing off.
func TestTenantsDoNotDependOnEachOther(t *testing.T) {
	for seed := range uint64(4) {
		all := sources(seed, "")
		base := draws(seed, all)
		for drop := range all {
			others := slices.Delete(slices.Clone(all), drop, drop+1)
			slices.Reverse(others)
			got := draws(seed, others)
			for _, s := range others {
				name := s.Tenant.Config.Name
				if len(base[name]) < 10 || !slices.Equal(got[name], base[name]) {
					t.Fatalf("seed %d: without %s, %s draws otherwise", seed, all[drop].Tenant.Config.Name, name)
				}
			}
		}
		if other := draws(seed+100, sources(seed+100, "")); slices.Equal(other["poisson"], base["poisson"]) || slices.Equal(other["thinkers"], base["thinkers"]) {
			t.Error("another seed draws the same")
		}
	}
}

// Two tenants with equal processes do not arrive together, and a user does not
// think alike before each request.
func TestDrawsAreTheTenantsOwn(t *testing.T) {
	poisson := func(name string) Source {
		return Source{Tenant: compile(&tenant.Config{Name: name, Client: "none", Arrivals: &arrival.Config{Poisson: &arrival.Poisson{Rate: rate("5/s")}}}, 1)}
	}
	users := Source{Tenant: compile(&tenant.Config{Name: "u", Client: "none", Users: 2}, 1)}
	c := New(Options{Seed: 1, Duration: 100 * time.Second, Sources: []Source{poisson("a"), poisson("b"), users}})
	arrivals, pauses, ended := map[tick.Instant]int{}, map[time.Duration]bool{}, map[uint64]tick.Instant{}
	for !c.Finished() {
		now := c.NextWake()
		for _, e := range c.Step(now, Event{}, nil) {
			switch {
			case e.Kind != Send:
			case e.Tenant < 2:
				arrivals[e.Intended.Floor()]++
			default:
				user := e.Key >> userTurnBits
				pauses[e.Intended.Sub(ended[user])] = true
				ended[user] = now
				c.Step(now, Event{Kind: TryEnd, Ref: e.Ref, Status: 200, Outcome: record.Succeeded}, nil)
			}
		}
	}
	if len(arrivals) < 900 {
		t.Errorf("%d different arrivals of about 1000", len(arrivals))
	}
	if len(pauses) < 60 {
		t.Errorf("%d different pauses of about 100", len(pauses))
	}
}

func TestEventsAndEffectsAreSmall(t *testing.T) {
	if e, f, r := unsafe.Sizeof(Event{}), unsafe.Sizeof(Effect{}), unsafe.Sizeof(request{}); e > 64 || f > 64 || r != 64 {
		t.Errorf("an event has %d bytes, an effect %d, a request %d; the bound is 64", e, f, r)
	}
}

func TestUnknownEventPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(Options{}).Step(0, Event{Kind: 99}, nil)
}
