package assert

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"foundrylab/internal/record"
)

// source is an assertion whose literals with units have become the plain
// numbers that the expression machine reads: `5s` is 5000, `99%` is 0.99.
// Offsets count runes, as the machine does.
type source struct {
	original []rune
	text     string
	literals []literal // in order
	calls    []call    // in order
}

// literal is one rewritten number: [from, to) in text was [at, end) in the
// original.
type literal struct {
	from, to, at, end int
	kind              kind
}

// call is an identifier in front of a parenthesis.
type call struct {
	name string
	at   int // in the original
}

// mistake is an error at an offset of the original.
type mistake struct {
	at   int
	text string
}

func (m *mistake) Error() string { return m.text }

// original offset of an offset in text.
func (s *source) offset(at int) int {
	shift := 0
	for _, l := range s.literals {
		switch {
		case at < l.from:
			return at + shift
		case at < l.to:
			return l.at
		}
		shift = l.end - l.to
	}
	return at + shift
}

// kindAt returns the unit of the number at an offset in text.
func (s *source) kindAt(at int) kind {
	for _, l := range s.literals {
		if l.from == at {
			return l.kind
		}
	}
	return plain
}

// rewrite reads just enough of the grammar to tell numbers from what only
// looks like them: strings, comments and identifiers are copied as they are.
func rewrite(src string) (*source, error) {
	s := &source{original: []rune(src)}
	rs := s.original
	out := make([]rune, 0, len(rs)+16)
	for i := 0; i < len(rs); {
		end := i + 1
		switch c := rs[i]; {
		case c == '"' || c == '\'' || c == '`':
			end = stringEnd(rs, i)
		case c == '/' && has(rs, i+1, '/'):
			end = until(rs, i+2, "\n")
		case c == '/' && has(rs, i+1, '*'):
			end = until(rs, i+2, "*/")
		case isWord(c) && !isDigit(c):
			end = wordEnd(rs, i)
			s.noteCall(i, end)
		case isDigit(c) || c == '.' && i+1 < len(rs) && isDigit(rs[i+1]):
			number, kind, stop, err := readNumber(rs, i)
			if err != nil {
				return nil, err
			}
			end = stop
			if kind != plain {
				from := len(out)
				out = append(out, []rune(number)...)
				s.literals = append(s.literals, literal{from, len(out), i, end, kind})
				// What follows may touch the literal: `99%and`.
				out = append(out, ' ')
				s.literals[len(s.literals)-1].to++
				i = end
				continue
			}
		}
		out = append(out, rs[i:end]...)
		i = end
	}
	s.text = string(out)
	return s, nil
}

// noteCall remembers the word in [from, to) if it is called as a function.
func (s *source) noteCall(from, to int) {
	rs := s.original
	before, after := from-1, to
	for before >= 0 && unicode.IsSpace(rs[before]) {
		before--
	}
	for after < len(rs) && unicode.IsSpace(rs[after]) {
		after++
	}
	name := string(rs[from:to])
	member := before >= 0 && rs[before] == '.'
	if has(rs, after, '(') && !member && !isOperatorWord(name) {
		s.calls = append(s.calls, call{name, from})
	}
}

// readNumber reads the number at i and what unit it has. A plain number is
// left to the expression machine to read.
func readNumber(rs []rune, i int) (text string, k kind, end int, err error) {
	digits, exact := digitsEnd(rs, i)
	end = digits
	if !exact { // hexadecimal, binary, octal, exponent
		return "", plain, end, nil
	}
	if end < len(rs) && isWord(rs[end]) {
		us, end, err := readDuration(rs, i)
		return record.Millis(us).String(), millis, end, err
	}
	sign := end
	for sign < len(rs) && unicode.IsSpace(rs[sign]) {
		sign++
	}
	if has(rs, sign, '%') && !operandFollows(rs, sign+1) {
		ppm, err := scaled(rs[i:digits], 10_000)
		if err != nil {
			return "", plain, end, &mistake{i, "a percentage " + err.Error()}
		}
		return record.Ratio(ppm).String(), percent, sign + 1, nil
	}
	return "", plain, end, nil
}

// readDuration reads a duration such as 5s or 1m30s in microseconds.
func readDuration(rs []rune, i int) (us int64, end int, err error) {
	for end = i; end < len(rs) && (isDigit(rs[end]) || rs[end] == '.'); {
		digits, _ := digitsEnd(rs, end)
		unit := digits
		for unit < len(rs) && isWord(rs[unit]) && !isDigit(rs[unit]) {
			unit++
		}
		scale := microseconds(string(rs[digits:unit]))
		if scale == 0 {
			return 0, unit, &mistake{i, fmt.Sprintf("cannot read %s: units are ms, s, m, h and %%, as in 250ms or 99.5%%", string(rs[i:wordEnd(rs, unit)]))}
		}
		part, err := scaled(rs[end:digits], scale)
		if err != nil {
			return 0, unit, &mistake{i, "a duration " + err.Error()}
		}
		us += part
		end = unit
	}
	return us, end, nil
}

func microseconds(unit string) int64 {
	switch unit {
	case "ms":
		return 1000
	case "s":
		return 1_000_000
	case "m":
		return 60_000_000
	case "h":
		return 3_600_000_000
	}
	return 0
}

// scaled returns the decimal number in digits times scale, which must come out
// whole. Its result is at most 1e15, so that a sum of a few cannot overflow
// and a float64 holds it exactly.
func scaled(digits []rune, scale int64) (int64, error) {
	var v, fraction int64
	whole := true
	for _, c := range digits {
		switch {
		case c == '_':
		case c == '.':
			whole = false
		case whole:
			v = v*10 + int64(c-'0')*scale
		case scale%10 == 0:
			scale /= 10
			fraction += int64(c-'0') * scale
		case c != '0':
			return 0, fmt.Errorf("has too many decimals: the record is exact to 1 µs and to 0.0001%%")
		}
		if v > 1e15 {
			return 0, fmt.Errorf("is too large")
		}
	}
	return v + fraction, nil
}

// digitsEnd returns the end of the number at i, and whether it is a decimal
// number without exponent.
func digitsEnd(rs []rune, i int) (end int, exact bool) {
	if rs[i] == '0' && i+1 < len(rs) && strings.ContainsRune("xXoObB", rs[i+1]) {
		return wordEnd(rs, i), false
	}
	point := false
	for ; i < len(rs); i++ {
		switch c := rs[i]; {
		case isDigit(c) || c == '_':
		case c == '.' && !point && i+1 < len(rs) && isDigit(rs[i+1]):
			point = true
		case c == 'e' || c == 'E':
			if i+1 < len(rs) && (rs[i+1] == '+' || rs[i+1] == '-') {
				i++
			}
			return wordEnd(rs, i+1), false
		default:
			return i, true
		}
	}
	return i, true
}

// operandFollows tells `10 % 3` from `99% and ...`.
func operandFollows(rs []rune, i int) bool {
	for i < len(rs) && unicode.IsSpace(rs[i]) {
		i++
	}
	if i == len(rs) {
		return false
	}
	if isWord(rs[i]) {
		return !isOperatorWord(string(rs[i:wordEnd(rs, i)]))
	}
	return strings.ContainsRune("([{\"'`#.", rs[i])
}

func isOperatorWord(word string) bool {
	return slices.Contains([]string{"and", "or", "not", "in", "contains", "matches", "startsWith", "endsWith"}, word)
}

// stringEnd returns the end of the string literal at i; where it is not
// closed, the end of the source, for the expression machine to complain.
func stringEnd(rs []rune, i int) int {
	quote := rs[i]
	for i++; i < len(rs); i++ {
		switch {
		case rs[i] == '\\' && quote != '`':
			i++
		case rs[i] == quote:
			return i + 1
		}
	}
	return len(rs)
}

// until returns the offset behind the first stop at or after i.
func until(rs []rune, i int, stop string) int {
	rest := string(rs[i:])
	if at := strings.Index(rest, stop); at >= 0 {
		return i + utf8.RuneCountInString(rest[:at+len(stop)])
	}
	return len(rs)
}

func wordEnd(rs []rune, i int) int {
	for i < len(rs) && isWord(rs[i]) {
		i++
	}
	return i
}

func has(rs []rune, i int, c rune) bool { return i < len(rs) && rs[i] == c }

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

// isWord is the machine's own notion of what an identifier may hold.
func isWord(c rune) bool {
	return c == '_' || c == '$' || unicode.IsLetter(c) || unicode.IsDigit(c)
}
