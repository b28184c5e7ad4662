package deployment

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// shared are deployments that draw from one pool, each with its driver.
type shared struct {
	pool  *Pool
	cores []*Core
	spent int64 // what the cores said they charged
}

// ask is as the function of that name: the driver asks the pool.
func (s *shared) ask(core int, now tick.Instant, ev Event) Effect {
	c := s.cores[core]
	ev.Kind = Start
	out := c.Step(now, ev, nil)
	e := out[len(out)-1]
	if e.Kind == Reserve {
		out = c.Step(now, Ask(s.pool, now, &e), nil)
		e = out[len(out)-1]
	}
	if e.Kind == Plan {
		out = c.Step(now, Event{Kind: Gone, Ref: ev.Ref}, nil)
		s.spent += int64(out[len(out)-1].Charged)
	}
	return e
}

func newShared(tpm int64, start tick.Instant, cfgs ...*Config) *shared {
	s := &shared{pool: NewPool(tpm, start)}
	for _, cfg := range cfgs {
		s.cores = append(s.cores, New(cfg, Options{Start: start, Remote: true}))
	}
	return s
}

func TestPoolIsShared(t *testing.T) {
	s := newShared(1000, 0, standard(1000, 60_000), standard(600, 60_000))
	for _, step := range []struct {
		core   int
		at     tick.Instant
		tokens int32
		want   string
	}{
		{0, 0, 300, "plan, 700 left"},
		{1, 0, 500, "plan, 100 left"}, // of its own; the pool has 200
		{1, second, 101, "token-limit 59000 ms, 100 left"},
		{0, 2 * second, 201, "token-limit 58000 ms, 200 left"}, // of its own it has 700
		{0, 2 * second, 200, "plan, 0 left"},
		{0, 3 * second, 1, "token-limit 57000 ms, 0 left"},
		{0, 3 * second, 1001, "too-large 86400000 ms, 500 left"}, // larger than its own: the pool is not asked
		{1, 60 * second, 600, "plan, 0 left"},
		{0, 60 * second, 400, "plan, 0 left"},
		{0, 120*second - 1, 1, "token-limit 1000 ms, 0 left"},
	} {
		e := s.ask(step.core, step.at, Event{PromptEstimate: step.tokens, MaxTokens: -1})
		got := fmt.Sprintf("%v %d ms, %d left", e.Reason, e.RetryMs, e.RemainingTokens)
		if e.Kind == Plan {
			got = fmt.Sprintf("plan, %d left", e.RemainingTokens)
		}
		if got != step.want {
			t.Errorf("deployment %d at %v: %s, want %s", step.core, time.Duration(step.at), got, step.want)
		}
	}
}

// Deployments of all profiles on one pool: no minute has more than the pool,
// what the pool gave is what they charged, and who is refused by the pool or by
// a limit of the deployment and comes back alone after the wait is admitted,
// but not a second and more before it. Clocks that differ a little, as live ones
// do, change none of it.
func TestPoolConserves(t *testing.T) {
	refused := 0
	for seed := range int64(60) {
		dice := rand.New(rand.NewSource(seed))
		tpm := 500 + dice.Int63n(5_000)
		start := tick.Instant(dice.Int63n(int64(time.Hour)))
		var cfgs []*Config
		for i := range 1 + dice.Intn(4) {
			cfg := standard(1+dice.Int63n(tpm), []int64{1_000_000, 60, 20}[dice.Intn(3)])
			cfg.Profile = profiles[i%len(profiles)].name
			cfgs = append(cfgs, cfg)
		}
		s := newShared(tpm, start, cfgs...)
		var before int64
		now, minute := start, tick.Instant(0)
		for range 600 {
			now += tick.Instant(dice.Int63n(int64(time.Second)))
			if m := (now - start) / (60 * second); m != minute {
				before, minute = s.spent, m
			}
			core := dice.Intn(len(cfgs))
			ev := Event{PromptEstimate: 1 + int32(dice.Int63n(int64(cfgs[core].TPM))), MaxTokens: -1}
			e := s.ask(core, now-tick.Instant(dice.Int63n(min(1000, int64(now-start)%int64(time.Minute)+1))), ev)
			if in := s.spent - before; in > tpm || in != s.pool.Charged(now) {
				t.Fatalf("seed %d: %d charged in the minute, the pool of %d gave %d", seed, in, tpm, s.pool.Charged(now))
			}
			if e.Kind != Refuse || e.Reason == record.TooLarge {
				continue
			}
			refused++
			if at := now + tick.Instant(e.RetryMs)*tick.Instant(time.Millisecond); dice.Intn(3) == 0 {
				early := at - second - 1 // what is refused must not count, or it would not come back alone
				if early > now && !s.cores[core].CountsRefused() && s.ask(core, early, ev).Kind == Plan {
					t.Fatalf("seed %d: admitted more than a second before the wait of %d ms was over", seed, e.RetryMs)
				}
				if e = s.ask(core, at, ev); e.Kind != Plan {
					t.Fatalf("seed %d: came back alone after the wait: %s", seed, describe(&e))
				}
				if now = at; (now-start)/(60*second) != minute {
					minute, before = (now-start)/(60*second), s.spent-int64(e.Charged)
				}
			}
		}
	}
	if refused < 1000 {
		t.Errorf("the pools refused only %d requests", refused)
	}
}

// A whole pool for one: the deployment does what it does without, but for who
// is named where both are full.
func TestPoolOfOneIsNoPool(t *testing.T) {
	for seed := range int64(20) {
		dice := rand.New(rand.NewSource(seed))
		s, alone := newShared(3000, 0, standard(3000, 600)), New(standard(3000, 600), Options{})
		now := tick.Instant(0)
		for range 300 {
			now += tick.Instant(dice.Int63n(int64(time.Second)))
			ev := Event{PromptEstimate: int32(dice.Intn(1000)), MaxTokens: -1, Marked: true}
			got, want := s.ask(0, now, ev), ask(alone, now, ev)
			if got != want {
				t.Fatalf("seed %d at %v: %s; without a pool %s", seed, time.Duration(now), describe(&got), describe(&want))
			}
		}
	}
}

func TestReserveAllocatesNothing(t *testing.T) {
	p, now := NewPool(1_000_000, 0), tick.Instant(0)
	var ev Event
	if n := testing.AllocsPerRun(1000, func() { now += second; ev = Ask(p, now, &Effect{Charged: 10}) }); n != 0 || !ev.Granted {
		t.Errorf("%v allocations", n)
	}
}

// What the own limits refuse is told alike with a pool and without: also that
// it found nothing in the prompt cache, which it never reached.
func TestPoolChangesNoOwnRefusal(t *testing.T) {
	for _, second := range []Event{
		{PromptEstimate: 3000},
		{PromptEstimate: 1000, Ask: asks(t, "capacity=50%")[0]},
	} {
		cfg := standard(4000, 100_000)
		s, alone := newShared(1_000_000, 0, cfg), New(cfg, Options{})
		for i, ev := range []Event{{PromptEstimate: 1900}, second} {
			now := tick.Instant(i) * tick.Instant(time.Second)
			ev.Prefix, ev.Shared, ev.PromptTokens, ev.OutputTokens, ev.Marked = 7, 2048, 3000, 1, true
			got, want := s.ask(0, now, ev), ask(alone, now, ev)
			if e := want; e.Kind == Refuse && (e.Cached != 0 || got.Cached != 0 || got.RetryMs != e.RetryMs || got.Reason != e.Reason || got.RemainingTokens != e.RemainingTokens) || (e.Kind == Refuse) != (i == 1) {
				t.Errorf("%s, %d cached; without a pool %s, %d cached", describe(&got), got.Cached, describe(&want), want.Cached)
			}
		}
	}
}

// What the pool refuses leaves nothing in the prompt cache: it reached no machine.
func TestPoolRefusalIsNotCached(t *testing.T) {
	s := newShared(1000, 0, standard(4000, 100_000))
	ev := Event{Prefix: 7, Shared: 2048, PromptEstimate: 800, PromptTokens: 3000, OutputTokens: 1}
	other := Event{PromptEstimate: 300, OutputTokens: 1}
	for i, want := range []string{"plan, 0 cached", "token-limit, 0 cached", "plan, 0 cached", "plan, 2048 cached"} {
		at := []tick.Instant{0, second, 60 * second, 120 * second}[i]
		one := ev
		if i == 0 {
			one = other
		}
		e := s.ask(0, at, one)
		got := fmt.Sprintf("%v, %d cached", e.Reason, e.Cached)
		if e.Kind == Plan {
			got = fmt.Sprintf("plan, %d cached", e.Cached)
		}
		if got != want {
			t.Errorf("at %v: %s, want %s", time.Duration(at), got, want)
		}
	}
}
