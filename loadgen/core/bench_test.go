package core

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
)

// mill keeps a number of requests waiting: each is answered ten seconds after
// it was sent, one in eight of them with a refusal that names a wait.
type mill struct {
	core  *Core
	now   tick.Instant
	out   []Effect
	queue []record.Ref // in the order of their sends, a ring
	from  []tick.Instant
	head  int
	tail  int
}

// newMill starts an open loop whose arrivals in ten seconds are n.
func newMill(n int) *mill {
	var sources []Source
	for i := range 2 {
		cfg := &tenant.Config{Name: fmt.Sprint(i), Client: "openai-go", Stream: true, Timeout: unit.Duration(time.Minute),
			Arrivals: &arrival.Config{Poisson: &arrival.Poisson{Rate: unit.Rate{Num: int64(n) * 50_000, Per: int64(time.Second)}}}}
		sources = append(sources, Source{Tenant: compile(cfg, 1)})
	}
	m := &mill{core: New(Options{Seed: 1, Duration: 1 << 62, MaxInFlight: 10 * n, Sources: sources}),
		queue: make([]record.Ref, 4*n+64), from: make([]tick.Instant, 4*n+64), out: make([]Effect, 0, 64)}
	for m.now < 100*tick.Instant(time.Second) { // so that timers of a minute come and go
		m.step()
	}
	return m
}

// step does what is due next.
func (m *mill) step() {
	ev := Event{}
	m.now = m.core.NextWake()
	if at := m.from[m.head] + 10*tick.Instant(time.Second); m.head != m.tail && at <= m.now {
		m.now = max(at, 0)
		ev = Event{Kind: TryEnd, Ref: m.queue[m.head], Status: 200, Outcome: record.Succeeded, First: m.now - 1, Completion: 100}
		if m.head%8 == 0 {
			ev.Status, ev.Outcome, ev.HasRetry, ev.RetryMs = 429, record.Throttled, true, 500
		}
		m.head = (m.head + 1) % len(m.queue)
	}
	m.out = m.core.Step(m.now, ev, m.out[:0])
	for i := range m.out {
		if m.out[i].Kind == Send {
			m.queue[m.tail], m.from[m.tail] = m.out[i].Ref, m.now
			m.tail = (m.tail + 1) % len(m.queue)
		}
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	m := newMill(1000)
	if n := testing.AllocsPerRun(20_000, m.step); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	think := unit.Duration(time.Second)
	users := &tenant.Config{Name: "u", Client: "none", Users: 100, Think: &tenant.Think{Constant: &think}}
	c := New(Options{Duration: 1 << 62, Sources: []Source{{Tenant: compile(users, 1)}}})
	out := make([]Effect, 0, 8)
	if n := testing.AllocsPerRun(5000, func() {
		now := c.NextWake()
		out = c.Step(now, Event{}, out[:0])
		if len(out) > 0 && out[0].Kind == Send {
			out = c.Step(now, Event{Kind: TryEnd, Ref: out[0].Ref, Status: 200, Outcome: record.Succeeded}, out[:0])
		}
	}); n != 0 {
		t.Errorf("closed loop: %v allocations a step", n)
	}
}

func BenchmarkStep(b *testing.B) {
	for _, n := range []int{10, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d waiting", n), func(b *testing.B) {
			m := newMill(n)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				m.step()
			}
			b.ReportMetric(float64(m.core.Active()), "waiting")
		})
	}
}
