package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// chunks reads a body in chunks (RFC 9112, 7.1) as streams have it: a size in plain digits, the data, and again. What it
// does not expect where a chunk begins (the last one with its trailers, extensions, what is malformed) it leaves to
// net/http's reader, which has read nothing yet, from there on.
//
// One that lies alone in the memory of its reader is handed out without being copied: so events come that are paced.
type chunks struct {
	in     *bufio.Reader
	other  io.Reader // net/http's
	left   int       // bytes of the chunk that are to come
	ending bool      // its data is over, the line end behind it is not read yet
	given  int       // bytes of in that were handed out
	over   bool      // other reads
}

var errChunk = errors.New("malformed chunked encoding")

// maxSizeLine is how long the line before a chunk may be, digits and line end, to be read here: 256 MB.
const maxSizeLine = 7 + 2

// settle lets go of what was handed out.
func (c *chunks) settle() {
	if c.given > 0 {
		c.in.Discard(c.given)
		c.given = 0
	}
}

// alone returns the data that is there, where it is all of one chunk or the beginning of it, and nothing of another is
// there; else nil. It is good until the next call of any method. It does not wait.
func (c *chunks) alone() []byte {
	if c.over {
		return nil
	}
	buf, _ := c.in.Peek(c.in.Buffered())
	at, left := 0, c.left
	if c.ending {
		if !bytes.HasPrefix(buf, crlf) {
			return nil
		}
		at = len(crlf)
	}
	if left == 0 {
		size, length := sizeOf(buf[at:])
		if size == 0 {
			return nil
		}
		at, left = at+length, size
	}
	data := buf[at:]
	switch behind := len(data) - left; {
	case len(data) == 0 || behind > len(crlf) || behind > 0 && !bytes.HasPrefix(crlf, data[left:]):
		return nil
	case behind < 0:
		c.left, c.ending, c.given = -behind, false, len(buf)
		return data
	case behind < len(crlf):
		c.given = at + left
	default:
		c.given = len(buf)
	}
	c.left, c.ending = 0, c.given < len(buf) || len(data) == left
	return data[:left]
}

var crlf = []byte("\r\n")

// sizeOf reads the line before a chunk at the beginning of b, and returns the size of the chunk and the length of the line;
// 0 where it is not all there, or is none that is read here.
func sizeOf(b []byte) (size, length int) {
	end := bytes.IndexByte(b[:min(len(b), maxSizeLine)], '\n')
	if end < 2 || b[end-1] != '\r' {
		return 0, 0
	}
	for _, c := range b[:end-1] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, 0
		}
		size = size<<4 | int(c)
	}
	return size, end + 1
}

// Read implements io.Reader. It returns what is there, of as many chunks as there are, and waits only where nothing is.
func (c *chunks) Read(p []byte) (n int, err error) {
	c.settle()
	for n < len(p) && !c.over {
		switch more, err := c.next(n == 0); {
		case err != nil:
			return n, err
		case !more:
			return n, nil
		case c.over: // another begins where this one ends
			if n > 0 {
				return n, nil
			}
			continue
		}
		m, _ := c.in.Read(p[n:min(len(p), n+c.left)]) // there is something
		n += m
		c.left -= m
		c.ending = c.left == 0
	}
	if c.over && n == 0 {
		return c.other.Read(p)
	}
	return n, nil
}

// next goes to where data is, and reports whether there is some, or that net/http's reader must go on; where wait is
// false, more is false instead of waiting.
func (c *chunks) next(wait bool) (more bool, err error) {
	if c.ending {
		if !wait && c.in.Buffered() < len(crlf) {
			return false, nil
		}
		end, err := c.in.Peek(len(crlf))
		if err != nil {
			return false, cut(err)
		}
		if !bytes.Equal(end, crlf) {
			return false, errChunk
		}
		c.in.Discard(len(crlf))
		c.ending = false
	}
	for c.left == 0 {
		there := c.in.Buffered()
		buf, _ := c.in.Peek(there)
		size, length := sizeOf(buf)
		switch {
		case size > 0:
			c.in.Discard(length)
			c.left = size
		case there >= maxSizeLine || bytes.IndexByte(buf, '\n') >= 0:
			c.over = true
			return true, nil
		case !wait:
			return false, nil
		default:
			if _, err := c.in.Peek(there + 1); err != nil {
				return false, cut(err)
			}
		}
	}
	if c.in.Buffered() > 0 {
		return true, nil
	}
	if !wait {
		return false, nil
	}
	if _, err := c.in.Peek(1); err != nil {
		return false, cut(err)
	}
	return true, nil
}

// cut is the error of a body that ends before its last chunk.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
