package core

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/gateway/canary"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// tryOut is a canary that is over soon.
func tryOut(backend string, seed int64) *canary.Config {
	return &canary.Config{Backends: []string{backend}, Share: unit.Ratio(300_000), By: []string{"request", "tenant"}[seed%2],
		Rollback: canary.Rollback{Failures: 200_000, Over: unit.Duration(10 * time.Second), Min: 8}}
}

// Over random runs, with and without a queue, nobody is sent to the canary whom it is not for, and nobody at all when it
// is over; and who is let in is answered.
func TestWhoGoesToTheCanary(t *testing.T) {
	rolled := 0
	for seed := range int64(100) {
		cfg := policy()
		cfg.Route.Groups = [][]string{{"a", "b"}, {"c"}}
		waits(cfg, seed)
		cfg.Canary = tryOut("b", seed)
		dice := rand.New(rand.NewSource(seed))
		c := New(cfg, Options{Seed: uint64(seed), Backends: []string{"a", "b", "c"}, Tenants: []Member{{"x", 1}, {"y", 2}}})
		var flying []record.Ref // attempts
		inside, over, wanted := 0, false, map[record.Ref]bool{}
		now := tick.Instant(1)
		step := func(ev Event) {
			for _, e := range c.Step(now, ev, nil) {
				switch e.Kind {
				case RolledBack:
					if over {
						t.Fatalf("seed %d: it is over twice", seed)
					}
					over = true
					rolled++
				case Send:
					flying = append(flying, e.Ref)
					if e.Backend == 1 && (over || !wanted[e.Req]) {
						t.Fatalf("seed %d: sent to the canary, over %v: %+v", seed, over, e)
					}
				case Respond:
					inside--
				}
			}
		}
		for n := range 400 {
			now = now.Add(time.Duration(dice.Intn(100)) * time.Millisecond)
			if dice.Intn(2) == 0 || len(flying) == 0 {
				ev := Event{Kind: Request, Ref: record.Ref{Slot: uint32(n)}, Key: dice.Uint64(), PromptTokens: 10, MaxTokens: -1, PromptEstimate: 10, Tenant: uint16(dice.Intn(3)), Marks: asks(dice.Intn(5) == 0)}
				wanted[ev.Ref] = c.cfg.draws(&ev)
				inside++
				step(ev)
				continue
			}
			at := dice.Intn(len(flying))
			ev := Event{Kind: End, Ref: flying[at]}
			flying = append(flying[:at], flying[at+1:]...)
			ev.Status, ev.Outcome, ev.Reason = result([]string{"ok", "ok", "ok", "503", "429", "400"}[dice.Intn(6)])
			ev.HasRetry, ev.RetryMs = ev.Status == 429, 100
			step(ev)
		}
		for len(flying) > 0 {
			ev := Event{Kind: End, Ref: flying[0], Status: 200, Outcome: record.Succeeded}
			flying = flying[1:]
			step(ev)
		}
		for c.NextWake() != tick.Never && inside > 0 {
			now = max(now, c.NextWake())
			step(Event{Kind: Wake})
			for len(flying) > 0 {
				ev := Event{Kind: End, Ref: flying[0], Status: 200, Outcome: record.Succeeded}
				flying = flying[1:]
				step(ev)
			}
		}
		if v, ok := c.Canary(now); inside != 0 || !ok || v.Over != over {
			t.Fatalf("seed %d: %d were not answered; over %v %+v", seed, inside, over, v)
		}
	}
	if rolled < 20 || rolled == 100 {
		t.Errorf("over in %d of 100 runs", rolled)
	}
}

// With all requests for the canary the others are there for what fails, and take everything when it is over; with none
// it takes those that ask for it.
func TestCanaryOfAll(t *testing.T) {
	for _, share := range []unit.Ratio{0, unit.One} {
		cfg := policy()
		cfg.Route.Groups = [][]string{{"blue", "green"}}
		cfg.Canary = tryOut("green", 0)
		cfg.Canary.Share = share
		c := New(cfg, Options{Backends: []string{"blue", "green"}})
		if c.OnTrial(0) || c.OnTrial(1) != (share == 0) {
			t.Errorf("at %v: on trial %v %v", share, c.OnTrial(0), c.OnTrial(1))
		}
		at := [2]int{}
		for key := range uint64(100) {
			out := c.Step(1, Event{Kind: Request, Ref: record.Ref{Gen: uint32(key)}, Key: key, Marks: asks(share == 0 && key%2 == 0)}, nil)
			at[out[0].Backend]++
			c.Step(1, Event{Kind: End, Ref: out[0].Ref, Status: 200, Outcome: record.Succeeded}, nil)
		}
		if want := map[unit.Ratio][2]int{0: {50, 50}, unit.One: {0, 100}}[share]; at != want {
			t.Errorf("at %v: blue and green got %v, want %v", share, at, want)
		}
		for range cfg.Canary.Rollback.Min {
			c.cfg.trial.Note(tick.Instant(time.Hour), true, true)
		}
		if c.OnTrial(0) || !c.OnTrial(1) {
			t.Errorf("over at %v: on trial %v %v", share, c.OnTrial(0), c.OnTrial(1))
		}
	}
}

// asks are the marks of a request that asks for the canary, or does not.
func asks(canary bool) Marks {
	if canary {
		return AsksCanary
	}
	return 0
}
