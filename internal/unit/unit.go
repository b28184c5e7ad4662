// Package unit owns the units people write in configuration files: Duration
// ("6m30s"), Count ("300k"), Rate ("2.5/s") and Ratio ("99.5%"). Each is an
// integer underneath, reads itself from text and writes itself back as text
// that reads to the same value.
//
// Every type implements encoding.TextUnmarshaler (pointer receiver; the
// receiver is left alone when the text is refused), encoding.TextMarshaler and
// fmt.Stringer (value receivers), Pattern, a regular expression in the common
// subset of RE2 and ECMA 262 that every accepted text matches and that only
// range and precision narrow further, and Example, one accepted text.
//
// The package refuses what makes a figure ambiguous: a duration or rate
// without its unit, a sign, an exponent, thousands separators, leading zeros,
// and any text that would have to be rounded. It uses no floating point, no
// clock and no state; all functions are safe for concurrent use.
package unit

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// wholePattern is the unsigned whole number all units begin with.
const wholePattern = `(?:0|[1-9][0-9]*)`

// maxDigits is how many digits always fit in a uint64, as does 10^maxDigits.
const maxDigits = 19

var (
	errInexact = errors.New("not a whole number of the smallest step")
	errRange   = errors.New("out of range")
)

// decimal is an unsigned decimal number as written: digits / 10^places.
type decimal struct {
	digits uint64
	places int
}

// parseDecimal reads a number matching `wholePattern(\.[0-9]+)?`; its errors
// finish the sentence `"text" ...`.
func parseDecimal(s string) (decimal, error) {
	whole, frac, point := strings.Cut(s, ".")
	switch {
	case s == "":
		return decimal{}, errors.New("does not start with a number")
	case strings.HasPrefix(s, "-"):
		return decimal{}, errors.New("is negative")
	case !allDigits(whole) || point && !allDigits(frac):
		return decimal{}, fmt.Errorf("is not a plain number: %s", spelling(s))
	case len(whole) > 1 && whole[0] == '0':
		return decimal{}, errors.New("starts with a needless 0: remove it")
	case len(whole)+len(frac) > maxDigits:
		return decimal{}, fmt.Errorf("has more than %d digits", maxDigits)
	}
	digits, err := strconv.ParseUint(whole+frac, 10, 64)
	if err != nil {
		return decimal{}, err
	}
	return decimal{digits: digits, places: len(frac)}, nil
}

// spelling says what to change in s, which has characters no number has.
func spelling(s string) string {
	switch {
	case strings.HasPrefix(strings.TrimLeft(strings.ToLower(s), "0123456789."), "e"):
		return "write it without an exponent"
	case strings.ContainsAny(s, "_,' "):
		return "write it without spaces or separators"
	case strings.HasPrefix(s, "+"):
		return "write it without a sign"
	}
	return "write digits, and at most one point between digits"
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// times returns d * scale, or errInexact or errRange when that is not an int64.
func (d decimal) times(scale uint64) (int64, error) {
	divisor := pow10(d.places)
	hi, lo := bits.Mul64(d.digits, scale)
	if hi >= divisor {
		return 0, errRange
	}
	quotient, remainder := bits.Div64(hi, lo, divisor)
	if remainder != 0 {
		return 0, errInexact
	}
	if quotient > math.MaxInt64 {
		return 0, errRange
	}
	return int64(quotient), nil
}

// formatDecimal writes v / 10^places without trailing zeros.
func formatDecimal(v uint64, places int) string {
	divisor := pow10(places)
	whole, frac := v/divisor, v%divisor
	text := strconv.FormatUint(whole, 10)
	if frac == 0 {
		return text
	}
	digits := strconv.FormatUint(frac, 10)
	digits = strings.Repeat("0", places-len(digits)) + digits
	return text + "." + strings.TrimRight(digits, "0")
}

// pow10 returns 10^n for 0 <= n <= maxDigits.
func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// magnitude returns |v| and the sign to print before it.
func magnitude(v int64) (uint64, string) {
	if v < 0 {
		return -uint64(v), "-"
	}
	return uint64(v), ""
}

// quoted shows text in an error, cut short so that a hostile one stays readable.
func quoted(text string) string {
	const show = 40
	if len(text) > show {
		return strconv.Quote(text[:show]) + "..."
	}
	return strconv.Quote(text)
}
