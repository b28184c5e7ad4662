package affinity

// shape is what an object or list is, as far as ids are in it.
type shape uint8

// The shapes of the Responses API, by OpenAI's specification.
const (
	shapeless shape = iota // nothing is looked for in it
	answer                 // any of its whole answers, or an event
	response
	request
	items
	item
)

// shapes says where ids stand. Deeper than this, a member called id is somebody
// else's: metadata, a schema, a result. What is encrypted can be read only where
// it was made, so it counts as an id; clients that keep the conversation send it
// back, and some leave the ids out.
var shapes = [...]struct {
	ids   []string // members that are ids, or as good as one
	inner []inner  // members that hold some
	each  shape    // of a list: its elements
}{
	answer: {
		ids:   []string{"id", previous, "item_id", "first_id", "last_id"},
		inner: []inner{{"output", items}, {"data", items}, {"item", item}, {"response", response}},
	},
	response: {ids: []string{"id", previous}, inner: []inner{{"output", items}}},
	request:  {ids: []string{previous}, inner: []inner{{"input", items}}},
	items:    {each: item},
	item:     {ids: []string{"id", "encrypted_content", "approval_request_id"}},
}

type inner struct {
	name string
	of   shape
}

func (s shape) isList() bool { return shapes[s].each != shapeless }

const previous = "previous_response_id"

const (
	maxDepth = 4                 // of containers that have a shape, one in another
	maxName  = len(previous) + 1 // of a member, as far as it is looked at
)

// finder finds the ids in JSON that comes piece by piece. It reads no more than
// it must: of what is no JSON it finds something or nothing. The memory that it
// needs is its own size.
type finder struct {
	root  shape
	stack [maxDepth]shape // of the containers that are open
	depth int             // how many of them have a shape
	below int             // and how many more, in which nothing is found

	name   [maxName]byte
	length int // of name

	quoted, escaped bool  // in a string, after a backslash
	naming          bool  // that string is a member's name
	members         bool  // in an object, where a name may come
	filled          bool  // that string has something in it
	id              bool  // the member's value is an id
	inner           shape // of the member's value
}

// reset prepares for another JSON value.
func (f *finder) reset() { *f = finder{root: f.root} }

// next returns where, from an offset on, the closing quote of the next id is; or
// the length of p, when more must come.
func (f *finder) next(p []byte, at int) int {
	for at < len(p) {
		if !f.quoted {
			f.token(p[at])
		} else if n := plain(p[at:]); n > 0 && !f.escaped {
			f.keep(p[at : at+n])
			at += n
			continue
		} else if f.escaped || p[at] == '\\' {
			f.escaped = !f.escaped
			f.keep(p[at : at+1])
		} else if f.closes() {
			return at
		}
		at++
	}
	return at
}

// plain is how much of p, which is in a string, neither ends it nor begins an
// escape.
func plain(p []byte) int {
	for i, c := range p {
		if c == '"' || c == '\\' {
			return i
		}
	}
	return len(p)
}

// keep takes in what a string holds.
func (f *finder) keep(p []byte) {
	f.filled = true
	if f.naming {
		f.length += copy(f.name[f.length:], p)
	}
}

// closes ends a string, and reports whether that was an id.
func (f *finder) closes() bool {
	f.quoted = false
	if f.naming {
		f.naming = false
		f.lookUp()
		return false
	}
	return f.id && f.filled
}

// lookUp finds out what the member's value is.
func (f *finder) lookUp() {
	s, name := f.stack[f.depth-1], f.name[:f.length]
	f.id, f.inner = false, shapeless
	for _, id := range shapes[s].ids {
		f.id = f.id || string(name) == id
	}
	for _, in := range shapes[s].inner {
		if string(name) == in.name {
			f.inner = in.of
		}
	}
}

// token takes in what stands between strings.
func (f *finder) token(c byte) {
	switch c {
	case '"':
		f.quoted, f.filled, f.length = true, false, 0
		f.naming = f.members
	case '{', '[':
		f.open(c)
	case '}', ']':
		f.close()
	case ',':
		if f.below == 0 {
			f.members = f.depth > 0 && !f.stack[f.depth-1].isList()
		}
	case ':':
		f.members = false
	}
}

func (f *finder) open(c byte) {
	s := f.inner
	if f.depth == 0 {
		s = f.root
	} else if top := f.stack[f.depth-1]; top.isList() {
		s = shapes[top].each
	}
	f.id, f.inner = false, shapeless
	if f.below > 0 || s == shapeless || (c == '[') != s.isList() {
		f.below++
		return
	}
	f.stack[f.depth] = s
	f.depth++
	f.members = c == '{'
}

func (f *finder) close() {
	f.id, f.inner = false, shapeless
	switch {
	case f.below > 0:
		f.below--
	case f.depth > 0:
		f.depth--
		f.members = false
	}
}
