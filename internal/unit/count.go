package unit

import (
	"errors"
	"fmt"
	"strings"
)

// Count is a number of things (tokens, requests, bytes) from 0 to the largest
// int64, written "4000", "300k", "1.5M" or "2B". Decimals need a suffix and
// must come out whole.
type Count int64

// countSuffixes is ordered from the largest: String takes the first of the
// shortest texts.
var countSuffixes = [...]struct {
	name   string
	places int
}{{"B", 9}, {"M", 6}, {"k", 3}}

// Pattern matches every accepted text.
func (Count) Pattern() string {
	return `^` + wholePattern + `(?:(?:\.[0-9]+)?[kMB])?$`
}

// Example is an accepted text.
func (Count) Example() string { return "300k" }

// UnmarshalText reads a whole number, or a decimal number with k, M or B.
func (c *Count) UnmarshalText(text []byte) error {
	s := string(text)
	n, err := parseCount(s)
	if err != nil {
		return fmt.Errorf("%s %w", quoted(s), err)
	}
	*c = Count(n)
	return nil
}

func parseCount(s string) (int64, error) {
	number, places := s, 0
	for _, suffix := range countSuffixes {
		if before, found := strings.CutSuffix(s, suffix.name); found {
			number, places = before, suffix.places
		}
	}
	value, err := parseDecimal(number)
	switch {
	case err != nil && places == 0 && unknownSuffix(s):
		return 0, errors.New("has an unknown suffix: use k (thousand), M (million) or B (billion)")
	case err != nil:
		return 0, err
	case places == 0 && value.places > 0:
		return 0, errors.New("is not a whole number: decimals need k, M or B")
	}
	n, err := value.times(pow10(places))
	switch {
	case errors.Is(err, errInexact):
		return 0, errors.New("does not come out whole: use fewer decimals")
	case err != nil:
		return 0, errors.New("is too large: the largest count is 9223372036854775807")
	}
	return n, nil
}

// unknownSuffix tells "300K" (a suffix we do not know) from "3e5" and "abc".
func unknownSuffix(s string) bool {
	i := strings.IndexFunc(s, isLetter)
	return i > 0 && !strings.ContainsAny(s, "eE") && strings.Trim(s[:i], "0123456789.") == ""
}

// MarshalText writes the canonical text; a negative count has none.
func (c Count) MarshalText() ([]byte, error) {
	if c < 0 {
		return nil, fmt.Errorf("count %s is negative", c)
	}
	return []byte(c.String()), nil
}

// String writes the shortest text of c; of two equally short ones, plain digits
// win, then the larger suffix, but never one that leaves 0 before the point:
// "4k", "1500", "300k", "1.53M".
func (c Count) String() string {
	n, sign := magnitude(int64(c))
	best := formatDecimal(n, 0)
	for _, suffix := range countSuffixes {
		text := formatDecimal(n, suffix.places) + suffix.name
		if text[0] != '0' && len(text) < len(best) {
			best = text
		}
	}
	return sign + best
}
