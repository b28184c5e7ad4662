package breaker

import (
	"time"

	"foundrylab/internal/tick"
)

// parts is how finely a window of results slides.
const parts = 10

// results counts what a backend answered within the last window, a tenth of it at a time.
type results struct {
	good, bad [parts]int64
	part      int64 // number of the latest part, in parts since 1970
}

// note adds a result, and returns how many there are within the window up to now, and how many of them are failures.
func (r *results) note(now tick.Instant, window time.Duration, failed bool) (all, bad int64) {
	part := int64(now) / max(int64(window)/parts, 1)
	for p := max(r.part+1, part-parts+1); p <= part; p++ {
		r.good[p%parts], r.bad[p%parts] = 0, 0
	}
	r.part = max(r.part, part)
	if failed {
		r.bad[r.part%parts]++
	} else {
		r.good[r.part%parts]++
	}
	for i := range r.good {
		all += r.good[i] + r.bad[i]
		bad += r.bad[i]
	}
	return all, bad
}
