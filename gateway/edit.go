package gateway

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"foundrylab/internal/ops"
)

// editor changes what a client sees of an answer. The meter still reads what
// the backend sent. An editor belongs to one exchange and one goroutine, keeps
// nothing it is given, and changes nothing of it in place.
type editor interface {
	// event returns what takes the place of an event of a stream: raw is all of
	// it, with the comments before it and its blank line, data its payload. Raw
	// itself leaves it as it is, nil drops it.
	event(raw, data []byte) []byte
	// last returns what follows a stream that its transport ended in order, or nil.
	last() []byte
	// body returns what takes the place of a whole answer.
	body(whole []byte) []byte
}

// cutter hands the events of one stream to its editor, whatever the read
// boundaries. It holds at most maxEvent bytes: a longer event passes unedited,
// and the one after it is edited again.
type cutter struct {
	editor editor
	framer *ops.Framer
	held   []byte // the beginning of an event
	out    []byte

	begun   bool // the line has a character
	cr      bool // the last byte was CR: a LF that follows belongs to it
	through bool // the event is too long and has begun to pass
}

func newCutter(e editor) *cutter { return &cutter{editor: e, framer: ops.NewFramer(maxEvent)} }

// next returns what may pass after in was read; it is valid until the next call.
// Comments that stand alone, which keep a connection alive, pass at once.
func (c *cutter) next(in []byte) []byte {
	c.out = c.out[:0]
	for len(in) > 0 {
		n, whole := c.blank(in)
		part := in[:n]
		in = in[n:]
		if !c.through && len(c.held)+n > maxEvent {
			c.out = append(c.out, c.held...)
			c.held, c.through = nil, true
		}
		switch {
		case c.through:
			c.out = append(c.out, part...)
			c.through = !whole
		case !whole:
			c.held = append(c.held, part...)
		case len(c.held) > 0:
			c.held = append(c.held, part...)
			c.event(c.held)
			c.held = c.held[:0]
		default:
			c.event(part)
		}
	}
	return c.out
}

// end returns what is left at the end of the stream. Some servers leave the last
// blank line out; but of a stream that broke it is half an event, which no
// client takes for one, and which the editor might have dropped.
func (c *cutter) end(inOrder bool) []byte {
	if c.out = c.out[:0]; !inOrder {
		return nil
	}
	c.framer.Next(c.held)
	if data, ok := c.framer.End(); ok {
		c.out = append(c.out, c.editor.event(c.held, data)...)
	} else {
		c.out = append(c.out, c.held...)
	}
	return append(c.out, c.editor.last()...)
}

// event takes one event with its blank line, or what is none: a blank line more,
// a comment.
func (c *cutter) event(raw []byte) {
	if data, _, ok := c.framer.Next(raw); ok {
		raw = c.editor.event(raw, data)
	}
	c.out = append(c.out, raw...)
}

// blank returns how many bytes of in lead to the end of its first blank line,
// and whether there is one.
func (c *cutter) blank(in []byte) (n int, found bool) {
	for i, b := range in {
		second := b == '\n' && c.cr
		c.cr = b == '\r'
		switch {
		case second:
		case b != '\n' && b != '\r':
			c.begun = true
		case c.begun:
			c.begun = false
		case c.cr && i+1 < len(in) && in[i+1] == '\n':
			c.cr = false
			return i + 2, true
		default:
			return i + 1, true
		}
	}
	return len(in), false
}

// editWhole replaces the answer of the live attempt by what the editor makes of
// it, shows the meter what it was, and sets the length in h. An answer that is
// too long to be held, or that breaks, passes as it is: edited is nil then, and
// body is all of it.
func editWhole(e editor, h http.Header, from io.Reader, m *meter) (edited []byte, body io.Reader) {
	whole, err := io.ReadAll(io.LimitReader(from, maxMetered+1))
	switch {
	case err != nil:
		return nil, io.MultiReader(bytes.NewReader(whole), failing{err})
	case len(whole) > maxMetered:
		return nil, io.MultiReader(bytes.NewReader(whole), from)
	}
	if len(whole) == 0 {
		return nil, http.NoBody
	}
	m.see(whole)
	edited = e.body(whole)
	h.Set("Content-Length", strconv.Itoa(len(edited)))
	return edited, http.NoBody
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
