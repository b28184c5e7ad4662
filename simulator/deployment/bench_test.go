package deployment

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// mill keeps a number of requests in flight: one that ends makes room for the
// next, in the same slot.
type mill struct {
	core *Core
	now  tick.Instant
	out  []Effect
	gens []uint32
	key  uint64
}

// newMill starts n requests that take about ten seconds each, spread over five
// seconds, each in its own phase.
func newMill(n int) *mill {
	cfg := standard(1_000_000_000_000, 1_000_000_000)
	cfg.MaxInFlight = n
	m := &mill{core: New(cfg, Options{Seed: 1}), gens: make([]uint32, n)}
	for slot := range n {
		m.now += tick.Instant(5*int64(time.Second)/int64(n)) + 1
		m.start(uint32(slot))
	}
	for range 3 * n {
		m.step()
	}
	return m
}

func (m *mill) start(slot uint32) {
	m.key++
	m.out = m.core.Step(m.now, Event{Kind: Start, Ref: record.Ref{Slot: slot, Gen: m.gens[slot]}, Key: m.key, PromptTokens: 1000, PromptEstimate: 1001,
		OutputTokens: 900 + int32(m.key%128), MaxTokens: -1, Stream: true}, m.out[:0])
	m.gens[slot]++
}

// step does what is due next.
func (m *mill) step() {
	m.now = m.core.NextWake()
	m.out = m.core.Step(m.now, Event{Kind: Wake}, m.out[:0])
	for i := 0; i < len(m.out); i++ {
		if m.out[i].Kind == Finish {
			m.start(m.out[i].Ref.Slot)
			return // the effects are overwritten; two ends never share an instant here
		}
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	for _, cfg := range []*Config{standard(1_000_000_000, 1_000_000_000), provisioned(100_000)} {
		m := newMill(1000)
		if n := testing.AllocsPerRun(5000, m.step); n != 0 {
			t.Errorf("%s: %v allocations a step", cfg.SKU, n)
		}
		core := New(cfg, Options{})
		out := make([]Effect, 0, 8)
		now, gen := tick.Instant(0), uint32(0)
		for name, ev := range map[string]Event{"refused": {PromptEstimate: 1 << 28, PromptTokens: 1 << 30, MaxTokens: -1}, "left": {MaxTokens: 10}} {
			if n := testing.AllocsPerRun(1000, func() {
				ev.Kind, ev.Ref = Start, record.Ref{Gen: gen}
				out = core.Step(now, ev, out[:0])
				out = core.Step(now, Event{Kind: Gone, Ref: ev.Ref}, out[:0])
				now += 1000
				gen++
			}); n != 0 {
				t.Errorf("%s, %s: %v allocations a step", cfg.SKU, name, n)
			}
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, n := range []int{10, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d in flight", n), func(b *testing.B) {
			m := newMill(n)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				m.step()
			}
			if m.core.Active() != n {
				b.Fatalf("%d in flight", m.core.Active())
			}
		})
	}
}
