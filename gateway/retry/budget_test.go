package retry

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		name     string
		extra    Extra
		requests int           // each of which fails, evenly over the time
		over     time.Duration // that they take
		want     int           // retries
	}{
		{"what is saved up", Extra{0, 0, 50}, 100, 0, 50},
		{"and what the requests add", Extra{unit.One / 5, 0, 50}, 1000, 0, 249}, // the first adds to what is full
		{"and what the seconds add", Extra{unit.One / 5, 10, 50}, 1000, 20 * time.Second, 449},
		{"a day adds no more than the burst", Extra{0, 10, 50}, 2, 24 * time.Hour, 2},
		{"nothing adds", Extra{0, 0, 1}, 10, time.Hour, 1},
		{"every request may", Extra{unit.One, 0, 1}, 1000, 0, 1000},
	} {
		var b Budget
		got, now := 0, tick.Instant(1)
		for range c.requests {
			now = now.Add(c.over / time.Duration(c.requests))
			if b.Request(&c.extra); b.Take(now, &c.extra) {
				got++
			}
		}
		if got != c.want {
			t.Errorf("%s: %d retries, want %d", c.name, got, c.want)
		}
	}
}

// Whatever happens, a budget never gives more than it was given.
func TestBudgetIsConserved(t *testing.T) {
	for seed := range int64(50) {
		dice := rand.New(rand.NewSource(seed))
		x := Extra{unit.Ratio(dice.Intn(500_000)), dice.Int63n(20), 1 + dice.Int63n(30)}
		var b Budget
		var took, asked int64
		now := tick.Instant(0)
		for range 2000 {
			now = now.Add(time.Duration(dice.Intn(300)) * time.Millisecond)
			if dice.Intn(2) == 0 {
				b.Request(&x)
				asked++
			} else if b.Take(now, &x) {
				took++
			}
			if given := x.Burst*attempt + asked*int64(x.Share)*1000 + int64(now)*x.PerSecond; took*attempt > given {
				t.Fatalf("%+v: %d retries of %d billionths", x, took, given)
			}
		}
	}
}
