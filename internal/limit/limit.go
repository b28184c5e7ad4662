// Package limit holds the integer limiters that simulator quotas and gateway
// budgets share: token windows and leaky buckets. Time is an argument;
// rejections are values with the wait they imply. It refuses clocks and floats.
package limit

import (
	"math"
	"math/bits"
	"time"

	"foundrylab/internal/tick"
)

// Window admits up to Limit units in each period, counted from an origin: the
// fixed window of the service's per-minute token counter and of its request
// sub-windows. The zero Limit admits nothing; use nil for "no limit".
type Window struct {
	limit  int64
	period time.Duration
	end    tick.Instant // of the current window
	used   int64
}

// NewWindow returns a window limiter whose periods start at origin.
func NewWindow(limit int64, period time.Duration, origin tick.Instant) *Window {
	return &Window{limit: limit, period: period, end: origin.Add(period)}
}

// Limit returns the units per period.
func (w *Window) Limit() int64 { return w.limit }

// Period returns the length of the window.
func (w *Window) Period() time.Duration { return w.period }

func (w *Window) roll(now tick.Instant) {
	if now < w.end {
		return
	}
	past := int64(now-w.end)/int64(w.period) + 1
	w.end = w.end.Add(time.Duration(past) * w.period)
	w.used = 0
}

// Fits reports whether n more units fit now. The service lets a request pass
// while the counter is below the limit only if its estimate fits too.
func (w *Window) Fits(now tick.Instant, n int64) bool {
	w.roll(now)
	return w.used+n <= w.limit
}

// Take counts n units, whether or not they fit.
func (w *Window) Take(now tick.Instant, n int64) {
	w.roll(now)
	w.used += n
}

// Remaining returns the units left in the current window, at least 0.
func (w *Window) Remaining(now tick.Instant) int64 {
	w.roll(now)
	return max(w.limit-w.used, 0)
}

// Reset returns the time until the window ends.
func (w *Window) Reset(now tick.Instant) time.Duration {
	w.roll(now)
	return w.end.Sub(now)
}

// Used returns the units counted in the current window.
func (w *Window) Used(now tick.Instant) int64 {
	w.roll(now)
	return w.used
}

// Bucket is a leaky bucket in whole units that drains continuously and
// exactly: the remainder of every drain is carried. Level may rise above any
// bound; who admits decides.
type Bucket struct {
	perMinute int64 // units drained per minute
	level     int64
	carry     int64 // undrained remainder, in unit-nanoseconds below one minute
	at        tick.Instant
}

// NewBucket returns an empty bucket draining perMinute units each minute.
func NewBucket(perMinute int64, now tick.Instant) *Bucket {
	return &Bucket{perMinute: perMinute, at: now}
}

// drain moves the bucket to now: level -= perMinute*dt/60s, exactly.
func (b *Bucket) drain(now tick.Instant) {
	dt := int64(now - b.at)
	if dt <= 0 {
		return
	}
	b.at = now
	if b.level <= 0 {
		b.level, b.carry = 0, 0
		return
	}
	const minute = int64(time.Minute)
	whole := tick.MulDiv(b.perMinute, dt, minute)
	// rest = perMinute*dt mod minute; both factors reduced first so that the
	// product fits 128-bit arithmetic's remainder in int64.
	rest := mulMod(b.perMinute, dt, minute)
	b.carry += rest
	if b.carry >= minute {
		b.carry -= minute
		whole++
	}
	if whole >= b.level {
		b.level, b.carry = 0, 0
		return
	}
	b.level -= whole
}

// Resize changes what drains from now on; the level stays.
func (b *Bucket) Resize(now tick.Instant, perMinute int64) {
	b.drain(now)
	b.perMinute = perMinute
}

// Level returns the units in the bucket at now.
func (b *Bucket) Level(now tick.Instant) int64 {
	b.drain(now)
	return b.level
}

// Add puts n units in, or takes -n out; the level never falls below zero.
func (b *Bucket) Add(now tick.Instant, n int64) {
	b.drain(now)
	b.level = max(b.level+n, 0)
}

// TimeTo returns how long the bucket drains until its level is at most
// target, when nothing else happens: the least such span, to the nanosecond.
func (b *Bucket) TimeTo(now tick.Instant, target int64) time.Duration {
	b.drain(now)
	if b.level <= target {
		return 0
	}
	// least dt with carry + perMinute*dt >= need minutes' worth
	hi, lo := bits.Mul64(uint64(b.level-target), uint64(time.Minute))
	lo, borrow := bits.Sub64(lo, uint64(b.carry), 0)
	lo, carry := bits.Add64(lo, uint64(b.perMinute-1), 0)
	hi += carry - borrow
	if hi >= uint64(b.perMinute) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(b.perMinute))
	return time.Duration(min(q, math.MaxInt64))
}

// mulMod returns a*b mod m without overflow, a, b >= 0, m > 0.
func mulMod(a, b, m int64) int64 {
	q := tick.MulDiv(a, b, m)
	return int64(uint64(a)*uint64(b) - uint64(q)*uint64(m))
}

// Wait returns the time until n <= limit units fit, when nothing else is
// taken; 0 where they fit now.
func (w *Window) Wait(now tick.Instant, n int64) time.Duration {
	if w.Fits(now, n) {
		return 0
	}
	return w.Reset(now)
}

// Resize changes the limit; what was taken stays taken, so that a change of the
// limit opens no fresh window.
func (w *Window) Resize(limit int64) { w.limit = limit }
