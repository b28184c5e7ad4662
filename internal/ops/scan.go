package ops

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// scan walks JSON bytes without decoding values. It is lenient: it finds members and skips values quickly and
// does not check what it skips, because it runs once per streamed token. On valid JSON it is exact.
// After the first thing it cannot follow, bad is set and every call returns its zero answer.
type scan struct {
	b   []byte
	i   int
	bad bool
}

// peek returns the first byte of the next token, or 0 at the end.
func (s *scan) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// open consumes c, the opening '{' or '['.
func (s *scan) open(c byte) {
	if s.bad || s.peek() != c {
		s.bad = true
		return
	}
	s.i++
}

// member moves to the value of member n (counted from 0) of the open object and returns its name, still escaped
// only if the name itself holds escapes. It returns false when the object is closed.
func (s *scan) member(n int) (name []byte, more bool) {
	if !s.next(n, '}') {
		return nil, false
	}
	name = s.str()
	if s.peek() != ':' || s.bad {
		s.bad = true
		return nil, false
	}
	s.i++
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, s.b[s.i-len(name)-3:s.i-1])
	}
	return name, true
}

// next moves to element n (counted from 0) of the open array, or member of the open object, that ends with end.
// It returns false when there is none, with the end consumed.
func (s *scan) next(n int, end byte) bool {
	if s.bad {
		return false
	}
	c := s.peek()
	if c == end {
		s.i++
		return false
	}
	if n > 0 {
		if c != ',' {
			s.bad = true
			return false
		}
		s.i++
	}
	return true
}

// str consumes a string and returns what stands between its quotes, still escaped.
func (s *scan) str() []byte {
	if s.bad || s.peek() != '"' {
		s.bad = true
		return nil
	}
	start := s.i + 1
	for at := start; ; {
		n := bytes.IndexByte(s.b[at:], '"')
		if n < 0 {
			s.bad = true
			return nil
		}
		at += n
		slashes := 0
		for at-slashes > start && s.b[at-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			s.i = at + 1
			return s.b[start:at]
		}
		at++
	}
}

// skip consumes one value of any kind.
func (s *scan) skip() {
	switch c := s.peek(); c {
	case '"':
		s.str()
	case '{', '[':
		s.skipNested()
	default:
		s.literal()
	}
}

// skipNested consumes an object or array. Braces and brackets count alike: in valid JSON they nest properly.
func (s *scan) skipNested() {
	depth := 0
	for s.i < len(s.b) && !s.bad {
		switch s.b[s.i] {
		case '"':
			s.str()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				s.i++
				return
			}
		}
		s.i++
	}
	s.bad = true
}

// literal consumes a number, true, false or null and returns its text.
func (s *scan) literal() []byte {
	s.peek()
	start := s.i
	for s.i < len(s.b) && !s.bad {
		switch s.b[s.i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			s.bad = s.i == start
			return s.b[start:s.i]
		case '"', '{', '[', ':':
			s.bad = true
			return nil
		}
		s.i++
	}
	s.bad = s.bad || s.i == start
	return s.b[start:s.i]
}

// count consumes one value and returns it if it is a whole number from 0 to 10^15-1, otherwise -1.
func (s *scan) count() int {
	c := s.peek()
	if c < '0' || c > '9' {
		s.skip()
		return -1
	}
	text := s.literal()
	if len(text) > 15 {
		return -1
	}
	v := 0
	for _, d := range text {
		if d < '0' || d > '9' {
			return -1
		}
		v = v*10 + int(d-'0')
	}
	return v
}

// seek opens an object and moves to its first member of that name whose value begins with kind; the rest of the object
// is left.
func (s *scan) seek(name string, kind byte) bool {
	s.open('{')
	for n := 0; ; n++ {
		got, more := s.member(n)
		if !more {
			return false
		}
		if string(got) == name && s.peek() == kind {
			return true
		}
		s.skip()
	}
}

// textOf consumes an object and returns its member of that name where it is a string, else nothing.
func (s *scan) textOf(name string) (text string) {
	s.open('{')
	for n := 0; ; n++ {
		got, more := s.member(n)
		if !more {
			return text
		}
		if string(got) == name && s.peek() == '"' {
			text = string(s.str())
			continue
		}
		s.skip()
	}
}

// filled consumes one value and tells whether it carries something: a non-empty string, array or object.
func (s *scan) filled() bool {
	switch s.peek() {
	case '"':
		return len(s.str()) > 0
	case '{', '[':
		start := s.i
		s.skip()
		return !s.bad && len(bytes.TrimSpace(s.b[start+1:s.i-1])) > 0
	}
	s.skip()
	return false
}

// Complete reports whether a text is one JSON object from its first brace to its last, with nothing behind it. It looks at the
// structure and not at every value: of what was cut off, or is something else, it tells at a tenth of the cost of a validation.
func Complete(text []byte) bool {
	s := scan{b: text}
	if s.peek() != '{' {
		return false
	}
	s.skip()
	return !s.bad && s.peek() == 0
}
