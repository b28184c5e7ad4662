package core

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/gateway/route"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

func routeWeight(name string, weight int64) route.Weight {
	return route.Weight{Backend: name, Weight: weight}
}

// busy returns a core with so many requests in flight under those timeouts, and the refs of their
// attempts by slot.
func busy(inFlight int, timeouts Timeouts) (*Core, []record.Ref, []Effect) {
	cfg := policy()
	cfg.Timeouts, cfg.Route.Groups = timeouts, [][]string{{"a", "b"}, {"c", "d"}}
	c := New(cfg, Options{Seed: 1, Backends: []string{"a", "b", "c", "d"}})
	attempts := make([]record.Ref, inFlight)
	out := make([]Effect, 0, 16)
	for i := range attempts {
		out = c.Step(1, Event{Kind: Request, Ref: record.Ref{Slot: uint32(i)}, Key: uint64(i)}, out[:0])
		attempts[i] = out[0].Ref
	}
	return c, attempts, out
}

// turn ends one request, after a failure that is tried elsewhere, and starts
// another in its slot: five steps.
func turn(c *Core, attempts []record.Ref, n int, out []Effect) []Effect {
	slot := n % len(attempts)
	now := tick.Instant(n + 2)
	out = c.Step(now, Event{Kind: End, Ref: attempts[slot], Status: 404, Outcome: record.Failed}, out[:0])
	ref := record.Ref{Slot: uint32(slot), Gen: uint32(n/len(attempts) + 1)}
	out = c.Step(now, Event{Kind: Request, Ref: ref, Key: uint64(n)}, out[:0])
	out = c.Step(now, Event{Kind: End, Ref: out[0].Ref, Status: 408, Outcome: record.Failed}, out[:0])
	attempts[slot] = out[0].Ref
	out = c.Step(now, Event{Kind: Head, Ref: attempts[slot]}, out[:0])
	return c.Step(now, Event{Kind: Wake}, out[:0])
}

func TestStepDoesNotAllocate(t *testing.T) {
	c, attempts, out := busy(100, Timeouts{})
	n := 0
	if got := testing.AllocsPerRun(1000, func() { out = turn(c, attempts, n, out); n++ }); got != 0 {
		t.Errorf("%v allocations in five steps", got)
	}
}

// BenchmarkStep has five steps per operation. That 100,000 requests in flight
// cost what 10 do is the promise.
func BenchmarkStep(b *testing.B) {
	for _, inFlight := range []int{10, 100_000} {
		b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
			c, attempts, out := busy(inFlight, Timeouts{})
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				out = turn(c, attempts, n, out)
			}
		})
	}
}

// Nor does a request with a pin that waits for what it builds upon, is asked for again in vain, and leaves.
func TestLagDoesNotAllocate(t *testing.T) {
	cfg := policy()
	cfg.Affinity.Lag = unit.Duration(time.Second)
	c := New(cfg, Options{Seed: 1, Backends: []string{"a"}})
	now, ref, out := tick.Instant(1), record.Ref{}, make([]Effect, 0, 16)
	turn := func() {
		ref.Gen++
		out = c.Step(now, Event{Kind: Request, Ref: ref, Pin: 1}, out[:0])
		for range 3 {
			out = c.Step(now, Event{Kind: End, Ref: out[len(out)-1].Ref, Status: 400, Outcome: record.Failed, Reason: record.PreviousMissing}, out[:0])
			now = c.NextWake()
			out = c.Step(now, Event{Kind: Wake}, out[:0])
		}
		out = c.Step(now, Event{Kind: Gone, Ref: ref}, out[:0])
	}
	if got := testing.AllocsPerRun(1000, turn); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
