package unit

import (
	"errors"
	"fmt"
	"strings"
)

// Ratio is a share or a factor in parts per million, from 0 upwards and not
// limited to 1: "99%" is 990000, "1.3" is 1300000. It has up to six decimals, or
// four before a percent sign.
type Ratio int64

// One is the ratio "1", or "100%".
const One Ratio = 1_000_000

// Pattern matches every accepted text.
func (Ratio) Pattern() string {
	return `^` + wholePattern + `(?:(?:\.[0-9]{1,6})?|(?:\.[0-9]{1,4})?%)$`
}

// Example is an accepted text.
func (Ratio) Example() string { return "99.5%" }

// UnmarshalText reads a decimal number, or one with a percent sign.
func (r *Ratio) UnmarshalText(text []byte) error {
	s := string(text)
	ppm, err := parseRatio(s)
	if err != nil {
		return fmt.Errorf("%s %w", quoted(s), err)
	}
	*r = Ratio(ppm)
	return nil
}

func parseRatio(s string) (int64, error) {
	number, percent := strings.CutSuffix(s, "%")
	places := 6
	if percent {
		places = 4
	}
	value, err := parseDecimal(number)
	switch {
	case err != nil:
		return 0, err
	case value.places > places:
		return 0, errors.New("is finer than a millionth: use at most 6 decimals, or 4 before a %")
	}
	ppm, err := value.times(pow10(places))
	if err != nil {
		return 0, errors.New("is too large: the largest ratio is 9223372036854.775807")
	}
	return ppm, nil
}

// MarshalText writes the canonical text; a negative ratio has none.
func (r Ratio) MarshalText() ([]byte, error) {
	if r < 0 {
		return nil, fmt.Errorf("ratio %s is negative", r)
	}
	return []byte(r.String()), nil
}

// String writes a ratio between 0 and 1 in percent and any other as a number:
// "99.5%", "0", "1", "1.3". Both are the shortest text there is.
func (r Ratio) String() string {
	ppm, sign := magnitude(int64(r))
	if 0 < ppm && ppm < uint64(One) {
		return sign + formatDecimal(ppm, 4) + "%"
	}
	return sign + formatDecimal(ppm, 6)
}
