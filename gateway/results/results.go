// Package results counts how attempts ended over the last while. It refuses
// clocks, and to judge what it counts.
package results

import (
	"time"

	"foundrylab/internal/tick"
)

// parts is how finely a window slides.
const parts = 10

// Window counts what ended within the last while, a tenth of it at a time. Its
// zero value has seen nothing. Not safe for concurrent use.
type Window struct {
	good, bad [parts]int64
	part      int64 // number of the latest part, in parts since 1970
}

// Note adds an end. span is how long the window is, the same at each call.
func (w *Window) Note(now tick.Instant, span time.Duration, failed bool) {
	w.slide(now, span)
	if failed {
		w.bad[w.part%parts]++
	} else {
		w.good[w.part%parts]++
	}
}

// Count returns how many ends there are within the span up to now, and how many
// of them are failures.
func (w *Window) Count(now tick.Instant, span time.Duration) (all, bad int64) {
	w.slide(now, span)
	for i := range w.good {
		all += w.good[i] + w.bad[i]
		bad += w.bad[i]
	}
	return all, bad
}

// slide forgets what is too old.
func (w *Window) slide(now tick.Instant, span time.Duration) {
	part := int64(now) / max(int64(span)/parts, 1)
	for p := max(w.part+1, part-parts+1); p <= part; p++ {
		w.good[p%parts], w.bad[p%parts] = 0, 0
	}
	w.part = max(w.part, part)
}
