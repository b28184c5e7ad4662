package unit

import (
	"errors"
	"fmt"
)

// Money is an amount in whatever currency its reader pays in, in millionths,
// from 0 upwards. It has up to six decimals.
type Money int64

// Pattern matches every accepted text.
func (Money) Pattern() string { return `^` + wholePattern + `(?:\.[0-9]{1,6})?$` }

// Example is an accepted text.
func (Money) Example() string { return "2.50" }

// UnmarshalText reads a decimal number.
func (m *Money) UnmarshalText(text []byte) error {
	s := string(text)
	n, err := parseMoney(s)
	if err != nil {
		return fmt.Errorf("%s %w", quoted(s), err)
	}
	*m = Money(n)
	return nil
}

func parseMoney(s string) (int64, error) {
	value, err := parseDecimal(s)
	switch {
	case err != nil:
		return 0, err
	case value.places > 6:
		return 0, errors.New("is finer than a millionth: use at most 6 decimals")
	}
	n, err := value.times(pow10(6))
	if err != nil {
		return 0, errors.New("is too large: the largest amount is 9223372036854.775807")
	}
	return n, nil
}

// MarshalText writes the canonical text; a negative amount has none.
func (m Money) MarshalText() ([]byte, error) {
	if m < 0 {
		return nil, fmt.Errorf("amount %s is negative", m)
	}
	return []byte(m.String()), nil
}

// String writes the shortest text: "2.5", "0.000001", "25".
func (m Money) String() string {
	n, sign := magnitude(int64(m))
	return sign + formatDecimal(n, 6)
}
