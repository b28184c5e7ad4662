package limit

import (
	"time"

	"foundrylab/internal/tick"
)

// Sliding admits up to a limit of units in every span of its period, wherever
// that span begins: what was taken counts for exactly one period. Taking costs
// O(1) amortised, looking ahead O(log n). It holds at most as many entries as
// the limit has units, or had at its highest: what is older changes no decision.
type Sliding struct {
	limit  int64
	most   int64 // that the limit ever was: a limit that is lowered for a while comes back
	period time.Duration
	ring   []taken // a power of two long
	first  int     // the oldest
	n      int
	total  int64 // units ever taken
}

// taken is what was taken at one instant; before is what had been taken until
// then, so that any run of entries is summed by one subtraction.
type taken struct {
	at     tick.Instant
	before int64
}

// NewSliding returns an empty sliding window.
func NewSliding(limit int64, period time.Duration) *Sliding {
	return &Sliding{limit: limit, most: limit, period: period, ring: make([]taken, 16)}
}

// Limit returns the units per period.
func (w *Sliding) Limit() int64 { return w.limit }

func (w *Sliding) entry(i int) *taken { return &w.ring[(w.first+i)&(len(w.ring)-1)] }

func (w *Sliding) used() int64 {
	if w.n == 0 {
		return 0
	}
	return w.total - w.entry(0).before
}

func (w *Sliding) drop() {
	w.first = (w.first + 1) & (len(w.ring) - 1)
	w.n--
}

func (w *Sliding) expire(now tick.Instant) {
	for w.n > 0 && now.Sub(w.entry(0).at) >= w.period {
		w.drop()
	}
}

// Fits reports whether n more units fit now.
func (w *Sliding) Fits(now tick.Instant, n int64) bool {
	w.expire(now)
	return w.used()+n <= w.limit
}

// Take counts n >= 0 units, whether or not they fit.
func (w *Sliding) Take(now tick.Instant, n int64) {
	w.expire(now)
	if n == 0 {
		return
	}
	if w.n == 0 || w.entry(w.n-1).at != now {
		if w.n == len(w.ring) {
			w.grow()
		}
		w.n++
		*w.entry(w.n - 1) = taken{now, w.total}
	}
	w.total += n
	// While the others fill the window by themselves, nothing fits; and they
	// outlast the oldest.
	for w.n > 1 && w.total-w.entry(1).before >= w.most {
		w.drop()
	}
}

func (w *Sliding) grow() {
	ring := make([]taken, 2*len(w.ring))
	for i := range w.n {
		ring[i] = *w.entry(i)
	}
	w.ring, w.first = ring, 0
}

// Remaining returns the units that fit now, at least 0.
func (w *Sliding) Remaining(now tick.Instant) int64 {
	w.expire(now)
	return max(w.limit-w.used(), 0)
}

// Used returns the units of the period that ends now.
func (w *Sliding) Used(now tick.Instant) int64 {
	w.expire(now)
	return w.used()
}

// Reset returns the time until all that was taken has left the window.
func (w *Sliding) Reset(now tick.Instant) time.Duration {
	w.expire(now)
	if w.n == 0 {
		return 0
	}
	return w.entry(w.n - 1).at.Add(w.period).Sub(now)
}

// Wait returns the least time until n <= limit units fit, when nothing else is
// taken; 0 where they fit now.
func (w *Sliding) Wait(now tick.Instant, n int64) time.Duration {
	w.expire(now)
	if w.used()+n <= w.limit {
		return 0
	}
	// The entries that must leave are the fewest whose going makes room.
	lo, hi := 1, w.n // entries gone
	for lo < hi {
		mid := (lo + hi) / 2
		if w.total-w.entry(mid).before+n <= w.limit {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return w.entry(lo - 1).at.Add(w.period).Sub(now)
}

// Resize changes the limit; what was taken stays taken.
func (w *Sliding) Resize(limit int64) { w.limit, w.most = limit, max(w.most, limit) }
