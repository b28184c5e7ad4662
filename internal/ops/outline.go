package ops

import "bytes"

// Classifier classifies the payloads of one stream, as Classify of its operation does. The chunks of a chat are mostly like
// the one before but for their text: those it knows by their outline, without reading them. It belongs to one stream.
type Classifier struct {
	op      *Operation
	outline *Outline // of the chunks that are expected; nil: none is known
	learned int      // outlines of this stream
}

// NewClassifier returns a classifier for a stream of that operation, whose chunks may be like those of another one; like
// is the Outline of that, or nil.
func NewClassifier(op *Operation, like *Outline) Classifier {
	if !op.outlined {
		like = nil
	}
	return Classifier{op: op, outline: like}
}

// Outline returns what the stream's chunks are like, for others of the same backend; nil: nobody knows.
func (c *Classifier) Outline() *Outline { return c.outline }

// Bounds on outlines: in bytes, chunks of the service have up to a thousand; and on how many a stream is worth, since some
// have chunks that are never alike.
const (
	maxOutline = 2 << 10
	maxLearned = 8
)

// Classify returns the meaning of one SSE data payload.
func (c *Classifier) Classify(data []byte) Chunk {
	if c.outline != nil && c.outline.fits(data) {
		return c.outline.chunk
	}
	chunk := c.op.Classify(data)
	if chunk.Kind == ChunkContent && c.op.outlined && len(data) <= maxOutline && c.learned < maxLearned {
		c.learned++
		if o := outlineOf(data, chunk); o != nil {
			c.outline = o
		}
	}
	return chunk
}

// Outline is a chunk that others are like. It is never changed, and so may be shared.
type Outline struct {
	text  []byte
	holes []hole // where others differ
	chunk Chunk  // what it means
}

// hole is a part of a chunk that says nothing of what the chunk means: the inside of a text, or a number.
type hole struct {
	from, to int
	answer   bool // what is said; it must not be empty
	digits   bool
}

// fits reports whether a chunk is the outline with other things in its holes. All else is the same then, byte by byte, and
// so means the same.
func (o *Outline) fits(data []byte) bool {
	from := 0 // in text
	for _, h := range o.holes {
		literal := o.text[from:h.from]
		if !bytes.HasPrefix(data, literal) {
			return false
		}
		data = data[len(literal):]
		end := 0
		if h.digits {
			end = digitsOf(data)
		} else {
			end = textEnd(data)
		}
		if end < 0 || end == 0 && (h.answer || h.digits) {
			return false
		}
		data, from = data[end:], h.to
	}
	return bytes.Equal(data, o.text[from:])
}

func digitsOf(b []byte) (n int) {
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
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

// outliner finds the holes of a chunk.
type outliner struct {
	scan
	holes   []hole
	answers int
}

// hole consumes a text, or a whole number, as a hole.
func (s *outliner) hole(answer bool) {
	h := hole{from: s.i, answer: answer}
	if s.peek() == '"' {
		h.from = s.i + 1
		s.str()
		h.to = s.i - 1
	} else {
		h.from, h.digits = s.i, true
		text := s.literal()
		h.to = s.i
		s.bad = s.bad || digitsOf(text) < len(text)
	}
	s.holes = append(s.holes, h)
	if answer {
		s.answers++
	}
}

// outlineOf returns the outline of a chunk of a chat or completion; nil where it has not one text of an answer. Beside that
// chunks differ in the padding that hides its length, and those of several answers in their id and time.
func outlineOf(data []byte, chunk Chunk) *Outline {
	s := outliner{scan: scan{b: data}}
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			break
		}
		kind := s.peek()
		switch {
		case string(name) == "choices" && kind == '[':
			s.choices()
		case (string(name) == "obfuscation" || string(name) == "id") && kind == '"', string(name) == "created" && '0' <= kind && kind <= '9':
			s.hole(false)
		default:
			s.skip()
		}
	}
	if s.bad || s.answers != 1 {
		return nil
	}
	return &Outline{text: bytes.Clone(data), holes: s.holes, chunk: chunk}
}

// choices consumes the choices.
func (s *outliner) choices() {
	s.open('[')
	for n := 0; s.next(n, ']'); n++ {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		s.texts()
	}
}

// texts consumes an object; holes are its members text and content, also of its delta.
func (s *outliner) texts() {
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return
		}
		switch {
		case (string(name) == "content" || string(name) == "text") && s.peek() == '"':
			s.hole(true)
		case string(name) == "delta" && s.peek() == '{':
			s.texts()
		default:
			s.skip()
		}
	}
}
