package ops

// LongUsage finds what an answer used that is not streamed, and too long to be kept, while it passes. Its zero value has seen
// nothing; it belongs to one answer. It keeps no more than the usage object, and trusts that the answer is JSON.
type LongUsage struct {
	depth           int // of containers that are open
	quoted, escaped bool
	name            [5]byte // beginning of the latest string
	length          int     // of it
	value           bool    // a colon came since

	within bool   // the usage object
	object []byte // as far as it came
	over   bool   // all of it did, or it is longer than one can be
}

// maxUsage bounds a usage object, in bytes: the service's have some hundred.
const maxUsage = 4 << 10

// Take reads the next piece of the answer.
func (l *LongUsage) Take(p []byte) {
	for at := 0; at < len(p) && !l.over; at++ {
		switch {
		case l.quoted && !l.escaped:
			n := plain(p[at:])
			l.keep(p[at : at+n])
			at += n
		case !l.quoted && !l.within:
			at += between(p[at:])
		}
		if at == len(p) {
			return
		}
		l.token(p[at])
		if l.within {
			l.object = append(l.object, p[at])
			l.over = l.depth == 1 || len(l.object) > maxUsage
		}
	}
}

// plain is how much of p, which is in a string, neither ends it nor begins an escape.
func plain(p []byte) int {
	for i, c := range p {
		if c == '"' || c == '\\' {
			return i
		}
	}
	return len(p)
}

// matters tells the bytes between strings that are looked at: not those of numbers, nor commas.
var matters = [256]bool{'"': true, ':': true, '{': true, '}': true, '[': true, ']': true}

// between is how much of p, which is between strings, is not looked at.
func between(p []byte) int {
	for i, c := range p {
		if matters[c] {
			return i
		}
	}
	return len(p)
}

// keep takes in what a string holds.
func (l *LongUsage) keep(p []byte) {
	if l.length < len(l.name) {
		copy(l.name[l.length:], p)
	}
	l.length += len(p)
	if l.within {
		l.object = append(l.object, p...)
		l.over = len(l.object) > maxUsage
	}
}

// token takes in a byte that is not the plain inside of a string.
func (l *LongUsage) token(c byte) {
	switch {
	case l.escaped:
		l.escaped = false
		l.length++
	case l.quoted:
		l.quoted, l.escaped = c != '"', c == '\\'
	case c == '"':
		l.quoted, l.length, l.value = true, 0, false
	case c == ':':
		l.value = true
	case c == '{' || c == '[':
		l.within = l.within || l.depth == 1 && c == '{' && l.value && l.length == len(l.name) && string(l.name[:]) == "usage"
		l.depth++
		l.value = false
	case c == '}' || c == ']':
		l.depth--
	}
}

// Of returns what an answer to that operation used, as its Usage would.
func (l *LongUsage) Of(op *Operation) (u Used, ok bool) {
	if !l.over || len(l.object) > maxUsage {
		return Used{}, false
	}
	return op.Usage(append(append([]byte(`{"usage":`), l.object...), '}'))
}
