package affinity

import (
	"testing"
	"time"

	"foundrylab/internal/unit"
)

// The waits grow, are on the grid, and take no longer than the lag in all.
func TestWait(t *testing.T) {
	for _, c := range []struct {
		lag   time.Duration
		first time.Duration
		waits int
		all   time.Duration
	}{
		{0, 0, 0, 0},
		{40 * time.Second, 312500 * time.Microsecond, 11, 39687500 * time.Microsecond},
		{1280 * time.Millisecond, 10 * time.Millisecond, 11, 1270 * time.Millisecond},
		{10 * time.Millisecond, 0, 11, 9400 * time.Microsecond},
		{time.Microsecond, 0, 11, 0},
	} {
		cfg := Config{Lag: unit.Duration(c.lag)}
		n, sum, last, first := 0, time.Duration(0), time.Duration(0), time.Duration(0)
		for wait, more := cfg.Wait(0); more; wait, more = cfg.Wait(uint16(n)) {
			if wait < last || wait%(100*time.Microsecond) != 0 {
				t.Errorf("%v: wait %d is %v, after one of %v", c.lag, n, wait, last)
			}
			if n == 0 {
				first = wait
			}
			n, sum, last = n+1, sum+wait, wait
		}
		if first != c.first || n != c.waits || sum != c.all {
			t.Errorf("%v: %d waits of %v in all, the first of %v", c.lag, n, sum, first)
		}
	}
}
