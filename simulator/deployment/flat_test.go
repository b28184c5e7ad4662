package deployment

import (
	"os"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// crowd is a deployment with sliding windows of so many entries, and 10,000
// answers in flight that take hours.
type crowd struct {
	core *Core
	now  tick.Instant
	gap  tick.Instant // between entries
	gen  uint32
	out  []Effect
}

const inFlight = 10_000

func newCrowd(entries int) *crowd {
	cfg := standard(1_000_000_000_000, 1_000_000_000)
	cfg.Profile, cfg.Latency = "azure-2024", paced(time.Second, 1)
	cfg.MaxInFlight = inFlight + 1
	c := &crowd{core: New(cfg, Options{Seed: 1}), gap: tick.Instant(int(time.Minute) / entries), out: make([]Effect, 0, 8)}
	for slot := range uint32(inFlight) {
		c.out = c.core.Step(c.now, Event{Kind: Start, Ref: record.Ref{Slot: slot + 1}, Key: uint64(slot), PromptEstimate: 100, OutputTokens: 100_000, MaxTokens: -1}, c.out[:0])
	}
	c.now = tick.Instant(2 * time.Minute)
	for range 2 * entries {
		c.admit()
	}
	return c
}

// admit lets one request in and gone again.
func (c *crowd) admit() {
	c.now += c.gap
	ref := record.Ref{Gen: c.gen}
	c.gen++
	c.out = c.core.Step(c.now, Event{Kind: Start, Ref: ref, Key: uint64(c.gen), PromptEstimate: 100, OutputTokens: 10, MaxTokens: -1}, c.out[:0])
	c.out = c.core.Step(c.now, Event{Kind: Gone, Ref: ref}, c.out[:0])
}

func TestAdmissionDoesNotAllocate(t *testing.T) {
	c := newCrowd(10_000)
	if c.core.Active() != inFlight {
		t.Fatalf("%d in flight", c.core.Active())
	}
	if n := testing.AllocsPerRun(20_000, c.admit); n != 0 {
		t.Errorf("%v allocations an admission", n)
	}
}

func BenchmarkAdmission(b *testing.B) {
	for _, entries := range []int{10, 1000, 100_000} {
		b.Run(unit.Count(entries).String()+" entries", func(b *testing.B) {
			c := newCrowd(entries)
			b.ReportAllocs()
			for b.Loop() {
				c.admit()
			}
		})
	}
}

// An admission costs as much with 100,000 entries in the window as with ten,
// within a factor of two.
func TestAdmissionIsFlat(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("measures time: run make bench")
	}
	cost := func(entries int) time.Duration {
		best := time.Hour
		for range 5 {
			c := newCrowd(entries)
			began := time.Now()
			for range 200_000 {
				c.admit()
			}
			best = min(best, time.Since(began)/200_000)
		}
		return best
	}
	few, many := cost(10), cost(100_000)
	t.Logf("%v with 10 entries in the window, %v with 100,000; %d answers in flight", few, many, inFlight)
	if many > 2*few {
		t.Errorf("not flat: %v against %v", many, few)
	}
}
