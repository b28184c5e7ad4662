package section

import (
	"strconv"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// The decimals of a column of ratios, in percent and as they are.
const (
	percentDecimals = 4
	indexDecimals   = 6
)

// None is printed where there is no value.
const None = "–"

// Count prints a whole number with its thousands set apart.
func Count(n int64) string {
	if n < 0 {
		return None
	}
	return string(grouped(nil, n))
}

func grouped(dst []byte, n int64) []byte {
	digits := strconv.FormatInt(n, 10)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, digits[i])
	}
	return dst
}

// Human prints v / 10^decimals with about three significant digits, half
// rounded up; a negative v is None. decimals is 0 to 18.
func Human(v int64, decimals int) string {
	if v < 0 {
		return None
	}
	if v == 0 {
		return "0"
	}
	scale := pow10(decimals)
	keep := 2
	switch {
	case v/100 >= scale:
		keep = 0
	case v/10 >= scale:
		keep = 1
	}
	return places(v, decimals, min(keep, decimals), true)
}

// places prints v / 10^decimals with keep decimals, halves rounded up or, if
// not round, everything rounded down.
func places(v int64, decimals, keep int, round bool) string {
	step := pow10(decimals - keep)
	q := v / step
	if round && v%step >= (step+1)/2 && step > 1 {
		q++
	}
	unit := pow10(keep)
	out := grouped(nil, q/unit)
	if keep == 0 {
		return string(out)
	}
	frac := strconv.FormatInt(q%unit+unit, 10) // unit: a leading 1 keeps the zeros
	return string(append(append(out, '.'), frac[1:]...))
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// Ms prints a span as a number of milliseconds, without the unit.
func Ms(m record.Millis) string { return Human(int64(m), 3) }

// Span prints a span with the unit that fits it.
func Span(m record.Millis) string {
	const second, minute, hour = 1_000_000, 60_000_000, 3_600_000_000
	v := int64(m)
	switch {
	case v < 0:
		return None
	case v == 0:
		return "0 ms"
	case v < second:
		return trim(Human(v, 3)) + " ms"
	case v < minute:
		return trim(Human(v, 6)) + " s"
	case v < hour:
		return two(v/minute, "min", v%minute/second, "s")
	}
	return two(v/hour, "h", v%hour/minute, "min")
}

func two(big int64, bigUnit string, small int64, smallUnit string) string {
	s := Count(big) + " " + bigUnit
	if small == 0 {
		return s
	}
	return s + " " + Count(small) + " " + smallUnit
}

// trim drops the zeros that end a fraction.
func trim(s string) string {
	dot := -1
	for i := range len(s) {
		if s[i] == '.' {
			dot = i
		}
	}
	if dot < 0 {
		return s
	}
	end := len(s)
	for s[end-1] == '0' {
		end--
	}
	if end-1 == dot {
		end--
	}
	return s[:end]
}

// Percent prints a ratio in percent with two decimals, rounded down, so that
// "100 %" means all of them.
func Percent(r record.Ratio) string {
	if r < 0 {
		return None
	}
	if r%1_000_000 == 0 {
		return Count(int64(r)/10_000) + " %"
	}
	return places(int64(r), percentDecimals, 2, false) + " %"
}

// Index prints a ratio between 0 and 1 with three decimals, rounded down, so
// that "1.000" means exactly one.
func Index(r record.Ratio) string {
	if r < 0 {
		return None
	}
	return places(int64(r), indexDecimals, 3, false)
}

// Figure prints a value of d without its unit; shares and indexes are rounded
// down as Percent and Index are.
func (d *Data) Figure(v int64) string {
	switch {
	case v < 0:
		return None
	case d.Decimals == indexDecimals:
		return Index(record.Ratio(v))
	case d.Decimals == percentDecimals && v > 0:
		return places(v, percentDecimals, 2, false)
	}
	return Human(v, d.Decimals)
}

// Times prints a ratio as a multiple, with two decimals.
func Times(r record.Ratio) string {
	if r < 0 {
		return None
	}
	return places(int64(r), 6, 2, true) + "×"
}

// Clock prints a moment of the run, in milliseconds from its start, as m:ss
// or h:mm:ss.
func Clock(ms int64) string {
	if ms < 0 {
		return None
	}
	s := ms / 1000
	tail := twoDigits(s/60%60) + ":" + twoDigits(s%60)
	if s >= 3600 {
		return strconv.FormatInt(s/3600, 10) + ":" + tail
	}
	if tail[0] == '0' {
		tail = tail[1:]
	}
	return tail
}

func twoDigits(n int64) string { return strconv.FormatInt(n+100, 10)[1:] }

// Plural prints a count with its noun.
func Plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Count(n) + " " + noun
}

// Share returns part/whole in parts per million, Null where whole is 0.
func Share(part, whole int64) record.Ratio {
	if whole <= 0 || part < 0 {
		return record.Null
	}
	return record.Ratio(tick.MulDiv(part, 1_000_000, whole))
}
