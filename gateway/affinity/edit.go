package affinity

import "bytes"

// Editor puts a backend's tag on the ids of an answer as it passes, and leaves
// every other byte as it is. It belongs to one answer, and is not safe for
// concurrent use.
type Editor struct {
	tag    Tag
	find   finder
	stream bool
	line   int  // of a stream: how many bytes of a line are as in field; other: it is another line
	cr     bool // the last byte was a CR, to which a LF belongs
}

// field is how the lines of a stream begin that hold JSON. An event may have
// several, which are one text; a blank line ends it.
const field = "data:"

const other = -1

// NewEditor returns an editor of an answer that is JSON or, as a stream,
// server-sent events.
func NewEditor(tag Tag, stream bool) *Editor {
	return &Editor{tag: tag, find: finder{root: answer}, stream: stream}
}

// Append appends the next piece of the answer, cut anywhere.
func (e *Editor) Append(dst, p []byte) []byte {
	if !e.stream {
		return e.json(dst, p)
	}
	for len(p) > 0 {
		n := 1
		switch {
		case e.line == len(field):
			n = lineLength(p)
			dst = e.json(dst, p[:n])
		case e.line == other:
			n = lineLength(p)
			dst = append(dst, p[:n]...)
		default:
			n = 0
		}
		if p = p[n:]; len(p) > 0 {
			e.byte(p[0])
			dst = append(dst, p[0])
			p = p[1:]
		}
	}
	return dst
}

// byte takes in a byte that begins or ends a line.
func (e *Editor) byte(c byte) {
	switch {
	case c == '\n' && e.cr:
		e.cr = false
		return
	case c == '\n' || c == '\r':
		if e.line == 0 {
			e.find.reset()
		}
		e.line = 0
	case c == field[e.line]:
		e.line++
	default:
		e.line = other
	}
	e.cr = c == '\r'
}

// lineLength is how much of p is before the end of its line.
func lineLength(p []byte) int {
	if lf := bytes.IndexByte(p, '\n'); lf >= 0 {
		p = p[:lf]
	}
	if cr := bytes.IndexByte(p, '\r'); cr >= 0 {
		return cr
	}
	return len(p)
}

func (e *Editor) json(dst, p []byte) []byte {
	done := 0
	for at := e.find.next(p, 0); at < len(p); at = e.find.next(p, at+1) {
		dst = append(append(dst, p[done:at]...), e.tag[:]...)
		done = at
	}
	return append(dst, p[done:]...)
}

// Strip takes the tags that are known off the ids of a request's body. bare is
// the body itself where it has none. id is the one whose tag says where the
// request must go, with its tag: the previous response, else the last of the
// items that has one; nil: there is none.
func Strip(body []byte, known func(Tag) bool) (bare, id []byte) {
	f := finder{root: request}
	done, found := 0, false // how far the body is copied; whether id is the previous response
	for at := f.next(body, 0); at < len(body); at = f.next(body, at+1) {
		text := body[bytes.LastIndexByte(body[:at], '"')+1 : at]
		_, tag, ok := Cut(string(text[max(len(text)-Size-1, 0):]))
		if !ok || !known(tag) {
			continue
		}
		if top := f.depth == 1; top || !found {
			id, found = text, top
		}
		bare = append(bare, body[done:at-Size]...)
		done = at
	}
	if id == nil {
		return body, nil
	}
	return append(bare, body[done:]...), id
}
