package assert

import (
	"strconv"
	"strings"

	"foundrylab/internal/record"
)

// kind is what a number measures, so that it is printed in its unit and not
// compared with something else. Field tags and literals name it.
type kind string

const (
	plain   kind = ""      // unknown or none
	counted kind = "count" // a number of things
	millis  kind = "ms"    // milliseconds
	percent kind = "%"     // a part of a whole, 0 to 1 (utilization may exceed 1)
	index   kind = "ratio" // a ratio or index that is not read as a percentage
)

// noun is how an error names the kind.
func (k kind) noun() string {
	switch k {
	case counted:
		return "a count"
	case millis:
		return "a duration"
	case percent:
		return "a percentage"
	case index:
		return "a ratio"
	}
	return "a number"
}

// clash reports whether two kinds cannot be compared or added.
func clash(a, b kind) bool {
	fractions := (a == percent || a == index) && (b == percent || b == index)
	return a != plain && b != plain && a != b && !fractions
}

// noData is what a missing value is called where its field has no own word.
const noData = "no data"

// dimension is how the value of an expression is printed.
type dimension struct {
	kind   kind
	absent string // what a missing value means; "" is noData
}

func (d dimension) missing() string {
	if d.absent == "" {
		return noData
	}
	return d.absent
}

func (d dimension) text(v any) string {
	if isMissing(v) {
		return d.missing()
	}
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	case int:
		return d.number(float64(v))
	case float64:
		return d.number(v)
	}
	return "a value" // unreachable: Compile admits only the types above
}

func (d dimension) number(v float64) string {
	switch d.kind {
	case millis:
		return decimal(v, 3) + " ms"
	case percent:
		return decimal(v*100, 4) + " %"
	}
	return decimal(v, 6)
}

// decimal prints v with at most the given digits after the point, which are
// those the record holds.
func decimal(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// missing is the number that stands for a value that does not exist: NaN, so
// that whatever is computed from it is missing too.
func missing() float64 {
	var zero float64
	return zero / zero
}

// isMissing also covers the infinities, which only a division by zero yields.
func isMissing(v any) bool {
	f, ok := v.(float64)
	return ok && f-f != 0
}

func fromMillis(m record.Millis) float64 {
	if m == record.Null {
		return missing()
	}
	return float64(m) / 1000
}

func fromRatio(r record.Ratio) float64 {
	if r == record.Null {
		return missing()
	}
	return float64(r) / 1_000_000
}
