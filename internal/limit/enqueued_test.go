package limit

import (
	"math"
	"math/rand"
	"testing"
)

func TestEnqueued(t *testing.T) {
	e := NewEnqueued(100)
	for i, step := range []struct {
		admit, release, resize int64
		fits                   bool
		held                   int64
	}{
		{admit: 60, fits: true, held: 60},
		{admit: 41, held: 60},
		{admit: math.MaxInt64, held: 60},
		{admit: 40, fits: true, held: 100},
		{admit: 0, fits: true, held: 100},
		{admit: 1, held: 100},
		{release: 30, fits: true, held: 70},
		{admit: 31, held: 70},
		{admit: 30, fits: true, held: 100},
		{resize: 50, fits: true, held: 100}, // more than may be: nothing fits, and what is done is given back
		{admit: 0, held: 100},
		{release: 60, fits: true, held: 40},
		{admit: 10, fits: true, held: 50},
	} {
		fits := true
		switch {
		case step.release > 0:
			e.Release(step.release)
		case step.resize > 0:
			e.Resize(step.resize)
		default:
			fits = e.Admit(step.admit)
		}
		if fits != step.fits || e.Held() != step.held {
			t.Errorf("step %d: fits %v, %d held, want %v, %d", i, fits, e.Held(), step.fits, step.held)
		}
	}
}

// Over random work: as much is held as is not done, and never more than may be.
func TestEnqueuedConserves(t *testing.T) {
	dice := rand.New(rand.NewSource(1))
	e := NewEnqueued(10_000)
	var jobs []int64
	refused, sum := 0, int64(0)
	for range 20_000 {
		if n := dice.Int63n(2_000); dice.Intn(2) == 0 {
			if fits := sum+n <= e.Limit(); e.Admit(n) != fits {
				t.Fatalf("%d of %d: fits %v", n, sum, fits)
			} else if fits {
				jobs, sum = append(jobs, n), sum+n
			} else {
				refused++
			}
		} else if len(jobs) > 0 {
			e.Release(jobs[0])
			sum -= jobs[0]
			jobs = jobs[1:]
		}
		if e.Held() != sum || sum > e.Limit() {
			t.Fatalf("%d held, %d handed in and not done", e.Held(), sum)
		}
	}
	if refused < 500 {
		t.Errorf("only %d were refused", refused)
	}
}

func TestEnqueuedGivesNoMoreBack(t *testing.T) {
	for _, n := range []int64{-1, 6} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d of 5 were given back", n)
				}
			}()
			e := NewEnqueued(10)
			e.Admit(5)
			e.Release(n)
		}()
	}
}
