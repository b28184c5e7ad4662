package limit

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

// plainLog is the dumb second version: every entry, summed anew each time.
type plainLog struct {
	limit  int64
	period time.Duration
	at     []tick.Instant
	units  []int64
}

func (p *plainLog) used(now tick.Instant) (sum int64) {
	for i, at := range p.at {
		if now.Sub(at) < p.period {
			sum += p.units[i]
		}
	}
	return sum
}

// Over random takings, fitting or not, the window decides and waits as the
// plain log does.
func TestSlidingAgainstPlainLog(t *testing.T) {
	for seed := range int64(40) {
		dice := rand.New(rand.NewSource(seed))
		limit := 1 + dice.Int63n(300)
		w, p := NewSliding(limit, 10*time.Second), &plainLog{limit: limit, period: 10 * time.Second}
		now := tick.Instant(0)
		for range 1500 {
			now += tick.Instant(dice.Int63n(int64(time.Second)) * dice.Int63n(2))
			n := 1 + dice.Int63n(min(limit, 1<<dice.Intn(9)))
			used := p.used(now)
			fits := used+n <= limit
			if w.Fits(now, n) != fits || w.Remaining(now) != max(limit-used, 0) {
				t.Fatalf("seed %d: %d of %d used: fits %v, remaining %d", seed, used, limit, w.Fits(now, n), w.Remaining(now))
			}
			wait := w.Wait(now, n)
			if later := now.Add(wait); p.used(later)+n > limit || wait > 0 && p.used(later-1)+n <= limit {
				t.Fatalf("seed %d: a wait of %v is not the least", seed, wait)
			}
			if fits || dice.Intn(4) == 0 {
				w.Take(now, n)
				p.at, p.units = append(p.at, now), append(p.units, n)
			}
			if reset := w.Reset(now); p.used(now.Add(reset)) != 0 {
				t.Fatalf("seed %d: not empty after %v", seed, reset)
			}
			if int64(w.n) > limit {
				t.Fatalf("seed %d: %d entries for a limit of %d", seed, w.n, limit)
			}
		}
	}
}

// What does not fit again and again does not make the window grow.
func TestSlidingIsBounded(t *testing.T) {
	w := NewSliding(10, time.Minute)
	for i := range tick.Instant(100_000) {
		w.Take(i, 1)
	}
	if w.n > 10 || len(w.ring) > 16 {
		t.Errorf("%d entries in a ring of %d for a limit of 10", w.n, len(w.ring))
	}
	if wait := w.Wait(100_000, 1); wait != time.Minute-10 {
		t.Errorf("a wait of %v", wait)
	}
}

func TestSlidingDoesNotAllocate(t *testing.T) {
	w := filled(100_000)
	now := tick.Instant(time.Minute)
	if n := testing.AllocsPerRun(10_000, func() {
		now += tick.Instant(time.Minute) / 100_000
		w.Fits(now, 1)
		w.Take(now, 1)
		w.Wait(now, 1<<20)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// filled holds n entries of one unit, evenly spread over its minute.
func filled(n int) *Sliding {
	w := NewSliding(1<<20, time.Minute)
	for i := range n {
		w.Take(tick.Instant(i)*tick.Instant(time.Minute)/tick.Instant(n), 1)
	}
	return w
}

// One admission, with entries in the window: the cost is flat.
func BenchmarkSliding(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprint(n, " entries"), func(b *testing.B) {
			w := filled(n)
			now := tick.Instant(time.Minute)
			b.ReportAllocs()
			for b.Loop() {
				now += tick.Instant(time.Minute) / tick.Instant(n)
				if w.Fits(now, 1) {
					w.Take(now, 1)
				}
			}
		})
	}
}
