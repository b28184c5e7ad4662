package unit

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// Rate is how often something happens: Num millionths of an event per Per
// nanoseconds. It is written "6/s", "2.5/s", "120/m" or "10/h", with up to six
// decimals, and keeps the period it was written with ("120/m" is not "2/s"
// underneath, though they are as often).
//
// A rate that was read is above 0 and at most one event per nanosecond. The
// zero Rate means "not set" and has no text.
type Rate struct {
	Num int64 // micro-events, > 0
	Per int64 // nanoseconds: one second, minute or hour
}

// microEvent is the resolution of Num.
const microEvent = 1_000_000

var ratePeriods = [...]struct {
	name string
	ns   int64
}{{"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}

// Pattern matches every accepted text.
func (Rate) Pattern() string {
	return `^` + wholePattern + `(?:\.[0-9]{1,6})?/[smh]$`
}

// Example is an accepted text.
func (Rate) Example() string { return "2.5/s" }

// UnmarshalText reads a number, a slash and one of s, m and h.
func (r *Rate) UnmarshalText(text []byte) error {
	s := string(text)
	parsed, err := parseRate(s)
	if err != nil {
		return fmt.Errorf("%s %w", quoted(s), err)
	}
	*r = parsed
	return nil
}

func parseRate(s string) (Rate, error) {
	number, period, slash := strings.Cut(s, "/")
	value, err := parseDecimal(number)
	switch {
	case strings.HasPrefix(s, "-"):
		return Rate{}, errors.New("is negative: a rate must be above 0")
	case err != nil:
		return Rate{}, err
	case !slash:
		return Rate{}, fmt.Errorf("has no period: write %s/s, %s/m or %s/h", number, number, number)
	case value.places > 6:
		return Rate{}, errors.New("has more than 6 decimals")
	case value.digits == 0:
		return Rate{}, errors.New("is zero: a rate must be above 0")
	}
	for _, p := range ratePeriods {
		if p.name != period {
			continue
		}
		num, err := value.times(microEvent)
		if err == nil && num <= maxNum(p.ns) {
			return Rate{Num: num, Per: p.ns}, nil
		}
		return Rate{}, errors.New("is too fast: the highest rate is 1000000000/s")
	}
	return Rate{}, fmt.Errorf("has the unknown period %s: use s, m or h", quoted(period))
}

// maxNum is one event per nanosecond, or the largest int64 where that is lower.
func maxNum(per int64) int64 {
	if per > math.MaxInt64/microEvent {
		return math.MaxInt64
	}
	return per * microEvent
}

// MarshalText writes the canonical text; a rate that cannot be read has none.
func (r Rate) MarshalText() ([]byte, error) {
	for _, p := range ratePeriods {
		if p.ns == r.Per && r.Num > 0 && r.Num <= maxNum(r.Per) {
			return []byte(r.String()), nil
		}
	}
	return nil, fmt.Errorf("rate {%d %d} has no text", r.Num, r.Per)
}

// String writes "2.5/s", with a period other than a second, minute or hour as
// a duration ("5/10s") that UnmarshalText does not read.
func (r Rate) String() string {
	num, sign := magnitude(r.Num)
	period := Duration(r.Per).String()
	for _, p := range ratePeriods {
		if p.ns == r.Per {
			period = p.name
		}
	}
	return sign + formatDecimal(num, 6) + "/" + period
}

// Scale returns the rate num/den times as high, with the same period, rounded
// half up to a millionth of an event and kept within what a Rate can be. It
// panics unless the rate, num and den are all above 0.
func (r Rate) Scale(num, den int64) Rate {
	if r.Num <= 0 || r.Per <= 0 || num <= 0 || den <= 0 {
		panic(fmt.Sprintf("unit: Scale of rate {%d %d} by %d/%d", r.Num, r.Per, num, den))
	}
	highest := maxNum(r.Per)
	scaled, ok := mulDivRound(uint64(r.Num), uint64(num), uint64(den))
	switch {
	case !ok || scaled > uint64(highest):
		return Rate{Num: highest, Per: r.Per}
	case scaled == 0:
		return Rate{Num: 1, Per: r.Per}
	}
	return Rate{Num: int64(scaled), Per: r.Per}
}

// MeanGap returns the mean time between two events, in nanoseconds, at least 1,
// rounded half up and capped at the largest int64. It panics unless the rate is
// above 0.
func (r Rate) MeanGap() (ns int64) {
	if r.Num <= 0 || r.Per <= 0 {
		panic(fmt.Sprintf("unit: MeanGap of rate {%d %d}", r.Num, r.Per))
	}
	gap, ok := mulDivRound(uint64(r.Per), microEvent, uint64(r.Num))
	if !ok || gap > math.MaxInt64 {
		return math.MaxInt64
	}
	return max(int64(gap), 1)
}

// mulDivRound returns a*b/c rounded half up; ok is false when that is no uint64.
func mulDivRound(a, b, c uint64) (quotient uint64, ok bool) {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, c/2, 0)
	hi += carry
	if hi >= c {
		return 0, false
	}
	quotient, _ = bits.Div64(hi, lo, c)
	return quotient, true
}
