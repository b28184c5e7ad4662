package deployment

import (
	"math"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

const second = tick.Instant(time.Second)

// ask starts a request in slot 0 of a core in which none is in flight, and
// returns the effect that decides.
func ask(c *Core, now tick.Instant, ev Event) Effect {
	ev.Kind = Start
	out := c.Step(now, ev, nil)
	e := out[len(out)-1]
	if e.Kind == Plan {
		c.Step(now, Event{Kind: Gone, Ref: ev.Ref}, nil)
	}
	return e
}

// The estimate of the service: of characters, never of tokens.
func TestStandardCharge(t *testing.T) {
	for _, c := range []struct {
		chars, maxTokens int32
		n                uint16
		want             int32
	}{
		{0, -1, 0, 1}, {1, -1, 0, 1}, {3, -1, 1, 1}, {4, -1, 1, 2}, {7, -1, 1, 2}, {8, -1, 1, 3},
		{246, 25, 1, 87}, // facts: 87 = 62 + 25 for a 100-token prompt
		{400, 0, 1, 101}, {400, 50, 1, 151}, {400, 50, 0, 151}, {400, 50, 3, 251}, {400, -1, 3, 101},
		{math.MaxInt32, math.MaxInt32, 1, math.MaxInt32}, // more than the effect can say
	} {
		core := New(standard(10_000_000_000, 1_000_000), Options{})
		e := ask(core, 0, Event{PromptEstimate: c.chars/4 + 1, PromptTokens: 1, MaxTokens: c.maxTokens, N: c.n})
		if e.Kind != Plan || e.Charged != c.want {
			t.Errorf("%+v: %s", c, describe(&e))
		}
	}
}

// The same seconds in retry-after whatever the nanosecond: rounded up, never 0.
func TestStandardRetryAfter(t *testing.T) {
	for _, c := range []struct {
		at     tick.Instant
		tokens bool // run out of tokens, else of requests of the 10 s
		want   uint32
	}{
		{0, true, 60_000}, {1, true, 60_000}, {second, true, 59_000}, {59 * second, true, 1_000}, {60*second - 1, true, 1_000}, {60 * second, true, 60_000},
		{0, false, 10_000}, {second - 1, false, 10_000}, {second, false, 9_000}, {10*second - 1, false, 1_000}, {10 * second, false, 10_000},
	} {
		const start = 7*second + 123
		cfg := standard(1000, 60_000)
		if !c.tokens {
			cfg = standard(5000, 6) // one in 10 s
		}
		core := New(cfg, Options{Start: start})
		if e := ask(core, start+c.at, Event{PromptEstimate: 1000, MaxTokens: -1}); e.Kind != Plan {
			t.Fatal(describe(&e))
		}
		e := ask(core, start+c.at, Event{PromptEstimate: 1, MaxTokens: -1})
		reason := record.RequestLimit
		if c.tokens {
			reason = record.TokenLimit
		}
		if e.Kind != Refuse || e.Status != 429 || e.Outcome != record.Throttled || e.Reason != reason || e.RetryMs != c.want {
			t.Errorf("%+v: %s", c, describe(&e))
		}
	}
}

// A client that waits as long as it was told is admitted, if it is alone.
func TestStandardWaitIsEnough(t *testing.T) {
	dice := rand.New(rand.NewSource(1))
	for range 300 {
		tpm := 1 + dice.Int63n(3000)
		core := New(standard(tpm, 1+dice.Int63n(2000)), Options{Start: tick.Instant(dice.Intn(1000))})
		now := tick.Instant(1000)
		for range 40 {
			now += tick.Instant(dice.Int63n(int64(3 * time.Second)))
			ev := Event{PromptEstimate: 1 + int32(dice.Int63n(tpm)), MaxTokens: -1}
			e := ask(core, now, ev)
			for tries := 0; e.Kind == Refuse; tries++ {
				// A second wait may follow: for requests of 1 s, then of 10 s, then for tokens.
				if now += tick.Instant(time.Duration(e.RetryMs) * time.Millisecond); tries == 3 || e.RetryMs == 0 || e.RetryMs > 60_000 {
					t.Fatalf("tpm %d: still %s", tpm, describe(&e))
				}
				e = ask(core, now, ev)
			}
		}
	}
}

// Provisioned: a lone retry after the wait that was named is admitted, and one
// millisecond earlier it is not.
func TestProvisionedRetryIsExact(t *testing.T) {
	dice := rand.New(rand.NewSource(2))
	refused := 0
	for range 400 {
		cfg := provisioned(15 + 5*dice.Int63n(100))
		cfg.Model = models[dice.Intn(len(models))].name
		cfg.UtilizationWindow = unit.Duration(1 + dice.Int63n(int64(30*time.Second)))
		start := tick.Instant(dice.Int63n(int64(time.Hour)))
		core, twin := New(cfg, Options{Start: start}), New(cfg, Options{Start: start})
		now := start
		for range 30 {
			now += tick.Instant(dice.Int63n(int64(20 * time.Millisecond)))
			ev := Event{PromptTokens: int32(dice.Intn(200_000)), MaxTokens: 0, OutputTokens: 0}
			e := ask(core, now, ev)
			early := ask(twin, now, ev)
			early.Attempt = e.Attempt // the two were asked equally often only until the first refusal
			if early != e {
				t.Fatalf("twins differ: %s, %s", describe(&e), describe(&early))
			}
			if e.Kind == Plan {
				continue
			}
			refused++
			wait := tick.Instant(time.Duration(e.RetryMs) * time.Millisecond)
			probe := Event{MaxTokens: 0, OutputTokens: 0} // changes nothing where it is refused
			if early := ask(twin, now+wait-tick.Instant(time.Millisecond), probe); early.Kind != Refuse {
				t.Fatalf("admitted 1 ms before the %d ms that were named", e.RetryMs)
			}
			now += wait
			ask(twin, now, probe)
			if e = ask(core, now, probe); e.Kind != Plan {
				t.Fatalf("not admitted after the wait: %s", describe(&e))
			}
		}
	}
	if refused < 1000 {
		t.Fatalf("only %d were refused: the test shows little", refused)
	}
}

// tub is a leaky bucket that counts in fractions of a token, the dumb way.
type tub struct {
	perSecond, level int64 // level in tokens/1e9
	at               tick.Instant
}

func (b *tub) move(now tick.Instant) {
	b.level, b.at = max(b.level-b.perSecond*int64(now-b.at), 0), now
}

func (b *tub) add(tokens int64) { b.level = max(b.level+tokens*int64(time.Second), 0) }

// Checked, then added to, corrected at the end, against the tub: over random
// requests that end as planned or lose their client.
func TestProvisionedBucket(t *testing.T) {
	admitted, refused := 0, 0
	for seed := range int64(20) {
		dice := rand.New(rand.NewSource(seed))
		core, b := New(provisioned(15), Options{}), &tub{perSecond: 750}
		running := map[uint32]Event{}
		now := tick.Instant(0)
		for slot := range uint32(500) {
			now += tick.Instant(dice.Int63n(int64(300 * time.Millisecond)))
			ev := Event{Kind: Start, Ref: record.Ref{Slot: slot}, PromptTokens: int32(dice.Intn(1500)), MaxTokens: int32(dice.Intn(80)) - 1,
				OutputTokens: int32(dice.Intn(60)), N: uint16(dice.Intn(3)), Stream: true}
			if dice.Intn(3) == 0 {
				ev = Event{Kind: Gone, Ref: record.Ref{Slot: slot - 1 - uint32(dice.Intn(3))}}
			}
			for _, e := range core.Step(now, ev, nil) {
				b.move(e.At)
				r := running[e.Ref.Slot]
				weight := 4 * max(int64(r.N), 1)
				switch e.Kind {
				case Refuse:
					refused++
				case Plan:
					admitted++
					running[e.Ref.Slot], weight = ev, 4*max(int64(ev.N), 1)
				}
				if e.Kind == Plan && b.level > 7500*int64(time.Second) || e.Kind == Refuse && b.level <= 7500*int64(time.Second) {
					t.Fatalf("at level %d: %s", b.level, describe(&e))
				}
				switch e.Kind {
				case Plan:
					limit := int64(ev.MaxTokens)
					if limit < 0 {
						limit = 256
					}
					b.add(int64(ev.PromptTokens) + weight*limit)
				case Finish, Cut:
					limit := int64(r.MaxTokens)
					if limit < 0 {
						limit = 256
					}
					b.add(weight * (int64(e.Completion) - limit))
					if want := int64(r.PromptTokens) + weight*int64(e.Completion); int64(e.Charged) != want {
						t.Fatalf("charged %d, want %d", e.Charged, want)
					}
				}
			}
		}
	}
	if admitted < 1000 || refused < 1000 {
		t.Fatalf("%d admitted, %d refused: the test shows little", admitted, refused)
	}
}
