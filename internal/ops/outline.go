package ops

import "bytes"

// Classifier classifies the payloads of one stream, as Classify of its operation does. The chunks of a chat are mostly like
// the one before but for their text: those it knows by their outline, without reading them. It belongs to one stream.
type Classifier struct {
	op    *Operation
	last  []byte // the chunk that the outline was taken from; empty: there is none
	holes holes  // where its texts stand
	chunk Chunk  // what it means
}

// NewClassifier returns a classifier for a stream of that operation.
func NewClassifier(op *Operation) Classifier { return Classifier{op: op} }

// maxOutline bounds what is remembered of a stream, in bytes: chunks of the service have up to a thousand.
const maxOutline = 2 << 10

// Classify returns the meaning of one SSE data payload.
func (c *Classifier) Classify(data []byte) Chunk {
	if len(c.last) > 0 && c.fits(data) {
		return c.chunk
	}
	chunk := c.op.Classify(data)
	if chunk.Kind == ChunkContent && c.op.outlined && len(data) <= maxOutline {
		if h, ok := holesOf(data); ok {
			c.last, c.holes, c.chunk = append(c.last[:0], data...), h, chunk
		}
	}
	return chunk
}

// fits reports whether a chunk is the last one with other texts in its holes, of which that of the answer is not empty. All
// else is the same then, byte by byte, and so means the same.
func (c *Classifier) fits(data []byte) bool {
	from := 0 // in last
	for _, h := range c.holes.list[:c.holes.n] {
		literal := c.last[from:h.from]
		if !bytes.HasPrefix(data, literal) {
			return false
		}
		data = data[len(literal):]
		end := textEnd(data)
		if end < 0 || h.answer && end == 0 {
			return false
		}
		data, from = data[end:], h.to
	}
	return bytes.Equal(data, c.last[from:])
}

// textEnd returns where the quote stands that ends a string whose inside begins at b; -1: nowhere.
func textEnd(b []byte) int {
	for at := 0; ; at++ {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		slashes := 0
		for at-slashes > 0 && b[at-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
	}
}

// holes are the inside of texts that differ from chunk to chunk: what is said, and the padding that hides its length.
type holes struct {
	list [2]hole
	n    int
}

type hole struct {
	from, to int
	answer   bool
}

func (h *holes) add(s *scan, answer bool) (ok bool) {
	if h.n == len(h.list) {
		return false
	}
	start := s.i + 1
	s.str()
	h.list[h.n] = hole{start, s.i - 1, answer}
	h.n++
	return !s.bad
}

// holesOf finds the holes of a chunk of a chat or completion; ok is false where it has not one choice that says something.
func holesOf(data []byte) (h holes, ok bool) {
	s := scan{b: data}
	answers := 0
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			break
		}
		switch {
		case string(name) == "choices" && s.peek() == '[':
			answers += s.choiceHole(&h)
		case string(name) == "obfuscation" && s.peek() == '"':
			if !h.add(&s, false) {
				return h, false
			}
		default:
			s.skip()
		}
	}
	return h, !s.bad && answers == 1
}

// choiceHole consumes the choices, and returns how many texts of answers there are among them.
func (s *scan) choiceHole(h *holes) (answers int) {
	s.open('[')
	for n := 0; s.next(n, ']'); n++ {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		answers += s.textHole(h)
	}
	return answers
}

// textHole consumes an object, and returns how many texts of answers are in it: those of the members text and content,
// also of its delta.
func (s *scan) textHole(h *holes) (answers int) {
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return answers
		}
		switch {
		case (string(name) == "content" || string(name) == "text") && s.peek() == '"':
			if answers++; !h.add(s, true) {
				return 2
			}
		case string(name) == "delta" && s.peek() == '{':
			answers += s.textHole(h)
		default:
			s.skip()
		}
	}
}
