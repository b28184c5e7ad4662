package unit

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Duration is a span of time from 0 to about 292 years, in nanoseconds, written
// like Go writes durations: "90s", "6m30s", "1.5h", "100us". The units are h,
// m, s, ms, us and ns.
type Duration time.Duration

// durationUnits is ordered from the largest, and each from "s" on is a thousand
// of the next: String relies on both.
var durationUnits = [...]struct {
	name string
	ns   uint64
}{{"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}

// Pattern matches every accepted text.
func (Duration) Pattern() string {
	return `^(?:` + wholePattern + `(?:\.[0-9]+)?(?:h|m|s|ms|us|ns))+$`
}

// Example is an accepted text.
func (Duration) Example() string { return "90s" }

// UnmarshalText reads one or more numbers, each with its unit, and adds them up.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	ns, err := parseDuration(s)
	if err != nil {
		return fmt.Errorf("%s %w", quoted(s), err)
	}
	*d = Duration(ns)
	return nil
}

// parseDuration adds up the parts of s; a text without any is one empty part.
func parseDuration(s string) (total int64, err error) {
	for {
		number, suffix, rest := cutUnit(s)
		ns, err := durationPart(number, suffix)
		if err != nil {
			return 0, err
		}
		if ns > math.MaxInt64-total {
			return 0, errTooLong
		}
		total += ns
		if rest == "" {
			return total, nil
		}
		s = rest
	}
}

var errTooLong = fmt.Errorf("is too long: the longest duration is %s", Duration(math.MaxInt64))

// cutUnit splits "6m30s" into "6", "m" and "30s". All that precedes the first
// letter counts as number, so that its mistakes are named as a number's.
func cutUnit(s string) (number, suffix, rest string) {
	i := strings.IndexFunc(s, isLetter)
	if i < 0 {
		return s, "", ""
	}
	number, rest = s[:i], s[i:]
	j := strings.IndexFunc(rest, func(r rune) bool { return !isLetter(r) })
	if j < 0 {
		return number, rest, ""
	}
	return number, rest[:j], rest[j:]
}

func isLetter(r rune) bool { return r != '.' && r > '9' && r != '_' }

// durationPart returns the nanoseconds of one number with its suffix.
func durationPart(number, suffix string) (int64, error) {
	value, err := parseDecimal(number)
	if err != nil {
		return 0, err
	}
	if suffix == "" {
		return 0, fmt.Errorf("has no unit: add one, such as %ss or %sms", number, number)
	}
	for _, u := range durationUnits {
		if u.name != suffix {
			continue
		}
		ns, err := value.times(u.ns)
		switch {
		case errors.Is(err, errInexact):
			return 0, errors.New("is finer than a nanosecond: use fewer decimals")
		case err != nil:
			return 0, errTooLong
		}
		return ns, nil
	}
	return 0, fmt.Errorf("has the unknown unit %s: use h, m, s, ms, us or ns", quoted(suffix))
}

// MarshalText writes the canonical text; a negative duration has none.
func (d Duration) MarshalText() ([]byte, error) {
	if d < 0 {
		return nil, fmt.Errorf("duration %s is negative", d)
	}
	return []byte(d.String()), nil
}

// String writes hours, minutes and what remains below a minute in its largest
// fitting unit, and leaves out every part that is zero: "1h", "6m30s", "1.5s",
// "100us", "0s".
func (d Duration) String() string {
	ns, sign := magnitude(int64(d))
	if ns == 0 {
		return "0s"
	}
	text := sign
	for _, u := range durationUnits[:2] {
		if ns >= u.ns {
			text += formatDecimal(ns/u.ns, 0) + u.name
			ns %= u.ns
		}
	}
	places := 9
	for _, u := range durationUnits[2:] {
		if ns >= u.ns {
			return text + formatDecimal(ns, places) + u.name
		}
		places -= 3
	}
	return text
}
