package ops

import (
	"bytes"
	"errors"
)

// ErrEventTooLong is the error of a Framer that met a line or an event larger than its bound.
var ErrEventTooLong = errors.New("server-sent event is longer than the allowed maximum; raise the bound or end the stream")

// Framer cuts a byte stream into the data payloads of its server-sent events, whatever the read boundaries.
// Lines end with LF, CRLF or CR; data lines of one event are joined by LF; comments and other fields are dropped
// (WHATWG HTML, section "Interpreting an event stream"). It belongs to one stream and is not safe for concurrent use.
//
//	for data, rest, ok := f.Next(read); ok; data, rest, ok = f.Next(rest) { ... }
//	if f.Err() != nil { ... }
type Framer struct {
	max     int
	line    []byte // start of a line whose end has not been read
	data    []byte // data of the current event, if it could not be left in the caller's bytes
	pending bool   // the current event has a data line
	spent   bool   // data was handed out by the last Next
	skipLF  bool   // the last line ended with CR: a LF that follows belongs to it
	started bool   // the first line, which may begin with a byte order mark, is over
	err     error
}

// NewFramer returns a Framer that holds at most max bytes per line and per event (max >= 1).
func NewFramer(max int) *Framer { return &Framer{max: max} }

// Err returns ErrEventTooLong after a line or event exceeded the bound. Then Next and End return nothing more.
func (f *Framer) Err() error { return f.err }

// Idle reports whether no event is under way: everything so far was whole events, comments, or lines without data.
func (f *Framer) Idle() bool { return !f.pending && len(f.line) == 0 }

// Next consumes bytes up to the end of the next event. ok tells that data is the payload of an event; rest is to be
// passed to the next call. When ok is false all of in is consumed and more must be read.
// data is valid until the next call, and only as long as in is not changed: an event that lies within in is not copied.
func (f *Framer) Next(in []byte) (data, rest []byte, ok bool) {
	if f.spent {
		f.data, f.spent = f.data[:0], false
	}
	if data, rest, ok := f.whole(in); ok {
		return data, rest, true
	}
	var inside []byte // data of the current event as long as it is one slice of in
	for len(in) > 0 && f.err == nil {
		if f.skipLF {
			f.skipLF = false
			if in[0] == '\n' {
				in = in[1:]
				continue
			}
		}
		end := lineEnd(in)
		if end < 0 {
			f.line = f.keep(f.line, in)
			break
		}
		line := in[:end]
		f.skipLF = in[end] == '\r'
		in = in[end+1:]
		carried := len(f.line) > 0
		if carried {
			f.line = f.keep(f.line, line)
			line = f.line
		}
		if len(line) == 0 && f.pending {
			f.pending = false
			if inside == nil {
				inside, f.spent = f.data, true
			}
			return inside, in, true
		}
		inside = f.field(line, inside, carried)
		f.line = f.line[:0]
	}
	if inside != nil {
		f.data = f.keep(f.data, inside)
	}
	return nil, nil, false
}

// whole returns the data of an event that in begins with, where that is as nearly all are: one line of data and a blank one,
// both ending with LF, with nothing under way before. It keeps nothing.
func (f *Framer) whole(in []byte) (data, rest []byte, ok bool) {
	const field = "data: "
	if f.pending || f.skipLF || !f.started || len(f.line) > 0 || f.err != nil || !bytes.HasPrefix(in, []byte(field)) {
		return nil, nil, false
	}
	end := bytes.IndexByte(in, '\n')
	if end < 0 || end+1 >= len(in) || in[end+1] != '\n' || end > f.max || bytes.IndexByte(in[:end], '\r') >= 0 {
		return nil, nil, false
	}
	return in[len(field):end], in[end+2:], true
}

// End returns the data of an event that the stream left without its closing blank line. (The standard drops it;
// some servers end with a bare [DONE] line.) Of a stream that was cut it may be half a payload.
func (f *Framer) End() (data []byte, ok bool) {
	if f.spent {
		f.data, f.spent = f.data[:0], false
	}
	if len(f.line) > 0 && f.err == nil {
		f.field(f.line, nil, true)
		f.line = f.line[:0]
	}
	ok = f.pending && f.err == nil
	f.pending, f.spent = false, true
	if !ok {
		return nil, false
	}
	return f.data, true
}

// field takes one line into the event. inside is its data so far where that is a slice of the caller's bytes;
// the result is the same after this line. carried says that line itself is not in the caller's bytes.
func (f *Framer) field(line, inside []byte, carried bool) []byte {
	if !f.started {
		f.started = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if f.err == nil && len(line) > f.max {
		f.err = ErrEventTooLong
	}
	name, value, _ := bytes.Cut(line, []byte{':'})
	if f.err != nil || string(name) != "data" {
		return inside
	}
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	if !f.pending && !carried {
		f.pending = true
		return value
	}
	if inside != nil {
		f.data = f.keep(f.data, inside)
	}
	if f.pending {
		f.data = f.keep(f.data, []byte{'\n'})
	}
	f.data = f.keep(f.data, value)
	f.pending = true
	return nil
}

// keep appends within the bound.
func (f *Framer) keep(dst, src []byte) []byte {
	if len(dst)+len(src) > f.max {
		f.err = ErrEventTooLong
		return dst
	}
	return append(dst, src...)
}

// lineEnd returns the index of the first LF or CR, or -1.
func lineEnd(b []byte) int {
	lf := bytes.IndexByte(b, '\n')
	if lf >= 0 {
		b = b[:lf]
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 {
		return cr
	}
	return lf
}
