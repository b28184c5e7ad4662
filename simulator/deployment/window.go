package deployment

import (
	"math"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/tick"
)

// window counts what was taken, in fixed windows or in one that slides. It is
// no interface: up to five are asked at every admission, and so they lie side
// by side. The zero window is none at all.
type window struct {
	fixed   limit.Window
	sliding *limit.Sliding // nil: fixed
	exists  bool
}

// newWindow returns a window that admits nothing until it is resized.
func newWindow(sliding bool, period time.Duration, start tick.Instant) window {
	if sliding {
		return window{sliding: limit.NewSliding(0, period), exists: true}
	}
	return window{fixed: *limit.NewWindow(0, period, start), exists: true}
}

func (w *window) limit() int64 {
	if w.sliding != nil {
		return w.sliding.Limit()
	}
	return w.fixed.Limit()
}

func (w *window) fits(now tick.Instant, n int64) bool {
	if w.sliding != nil {
		return w.sliding.Fits(now, n)
	}
	return w.fixed.Fits(now, n)
}

func (w *window) take(now tick.Instant, n int64) {
	if w.sliding != nil {
		w.sliding.Take(now, n)
		return
	}
	w.fixed.Take(now, n)
}

func (w *window) used(now tick.Instant) int64 {
	if w.sliding != nil {
		return w.sliding.Used(now)
	}
	return w.fixed.Used(now)
}

// reset returns the time until the window is as good as new.
func (w *window) reset(now tick.Instant) time.Duration {
	if w.sliding != nil {
		return w.sliding.Reset(now)
	}
	return w.fixed.Reset(now)
}

// wait returns the time until n <= limit fit, when nothing else is taken.
func (w *window) wait(now tick.Instant, n int64) time.Duration {
	if w.sliding != nil {
		return w.sliding.Wait(now, n)
	}
	return w.fixed.Wait(now, n)
}

// resize changes the limit; what was taken stays taken.
func (w *window) resize(limit int64) {
	if w.sliding != nil {
		w.sliding.Resize(limit)
		return
	}
	w.fixed.Resize(limit)
}

// inherit goes on from what an earlier window counted: as that one itself,
// where both count alike. The limit is not inherited.
func (w *window) inherit(now tick.Instant, old *window, alike bool) {
	switch {
	case !w.exists || !old.exists:
	case alike:
		*w = *old
	default:
		w.resize(math.MaxInt64) // a sliding window forgets what is beyond its limit
		w.take(now, old.used(now))
	}
}
