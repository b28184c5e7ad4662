// Package tick is the time of every decision: an instant is a plain int64 of
// Unix nanoseconds that is passed in, never read. It refuses to know a clock.
package tick

import (
	"math"
	"math/bits"
	"time"
)

// Instant is a moment in Unix nanoseconds. Live: wall time at start plus the
// monotonic time elapsed since; virtual: the scenario's start plus simulated
// time. It never decreases within a run.
type Instant int64

// Never is later than every instant a run can reach.
const Never Instant = math.MaxInt64

// Grid is the resolution of every modelled latency. What is below it is the
// phase: a nanosecond offset that each concurrent request owns alone, so that
// no two planned events of different requests coincide.
const Grid = 100 * time.Microsecond

// Add returns t+d; what is too late to be represented is Never, and Never
// stays Never.
func (t Instant) Add(d time.Duration) Instant {
	if t == Never || d > 0 && t > Never-Instant(d) {
		return Never
	}
	return t + Instant(d)
}

// Sub returns t-u.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Floor returns t without its phase: the last grid point at or before t.
func (t Instant) Floor() Instant { return t - Instant(int64(t)%int64(Grid)) }

// InPhaseOf returns the first instant from t on that has the phase of another.
func (t Instant) InPhaseOf(other Instant) Instant {
	d := (other - t) % Instant(Grid)
	if d < 0 {
		d += Instant(Grid)
	}
	return t.Add(time.Duration(d))
}

// Units is a span counted in grid units (100 us); it fits 4.9 days.
type Units uint32

// ToUnits rounds a span to grid units, half up; a negative span is zero.
func ToUnits(d time.Duration) Units {
	if d <= 0 {
		return 0
	}
	u := (int64(d) + int64(Grid)/2) / int64(Grid)
	return Units(min(u, math.MaxUint32))
}

// Plus returns u+v, saturating.
func (u Units) Plus(v Units) Units {
	if u > math.MaxUint32-v {
		return math.MaxUint32
	}
	return u + v
}

// Span returns the units as a duration.
func (u Units) Span() time.Duration { return time.Duration(u) * Grid }

// After returns the instant u units after t, in t's phase.
func (t Instant) After(u Units) Instant { return t.Add(u.Span()) }

// MulDiv returns a*b/c rounded down, through 128 bits; it saturates at
// MaxInt64. a and b must not be negative and c must be positive.
func MulDiv(a, b, c int64) int64 {
	if a < 0 || b < 0 || c <= 0 {
		panic("tick: MulDiv out of range")
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}

// CeilMulDiv returns a*b/c rounded up, with the bounds of MulDiv.
func CeilMulDiv(a, b, c int64) int64 {
	if a < 0 || b < 0 || c <= 0 {
		panic("tick: CeilMulDiv out of range")
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	lo, carry := bits.Add64(lo, uint64(c)-1, 0)
	hi += carry
	if hi >= uint64(c) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, math.MaxInt64))
}
