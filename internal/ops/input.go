package ops

import (
	"strconv"
)

// Input is one text that a request is about where there are no messages: what to embed, or what to complete. A client
// may send tokens instead of text; then Text holds their numbers, one space between them.
type Input struct {
	Text   string
	Tokens int // sent as so many tokens; 0: sent as text
}

// maxInputs is the documented maximum of an embedding request's inputs.
const maxInputs = 2048

// inputs reads a text, a list of texts, a list of tokens or a list of those, and notes the sizes in p.
func (r *reader) inputs(p *Peeked, name string) {
	p.Inputs, p.PartChars = p.Inputs[:0], p.PartChars[:0]
	at := place{name: name}
	if r.err == nil && r.dec.PeekKind() == '"' {
		r.input(p, r.text(at), 0)
		return
	}
	var one tokenList
	r.enter('[', at)
	for r.more(']') {
		switch kind := r.dec.PeekKind(); {
		case len(p.Inputs) >= maxInputs:
			r.fail(at, "", "Invalid '"+name+"': the array has more than "+strconv.Itoa(maxInputs)+" elements.")
		case kind == '0' && len(p.Inputs) == 0:
			one.read(r, at)
		case kind == '"' && one.count == 0:
			r.input(p, r.text(at), 0)
		case kind == '[' && one.count == 0:
			var list tokenList
			r.enter('[', at)
			for r.more(']') {
				list.read(r, at)
			}
			r.input(p, string(list.text), list.count)
		case one.count > 0:
			r.is('0', at)
		default:
			r.is('"', at)
		}
	}
	if one.count > 0 {
		r.input(p, string(one.text), one.count)
	}
	if r.err == nil && len(p.Inputs) == 0 {
		r.fail(at, "", "Invalid '"+name+"': the array must not be empty.")
	}
}

// input notes one input. What was sent as tokens counts as four characters each, the service's own guess turned round.
func (r *reader) input(p *Peeked, text string, tokens int) {
	chars := 4 * tokens
	if tokens == 0 {
		chars = characters(text)
	}
	p.Inputs = append(p.Inputs, Input{text, tokens})
	p.PartChars = append(p.PartChars, chars)
	p.TextChars += chars
}

type tokenList struct {
	text  []byte
	count int
}

// read takes one token in.
func (l *tokenList) read(r *reader, at place) {
	if !r.is('0', at) {
		return
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		r.syntax()
		return
	}
	if n, err := strconv.Atoi(string(raw)); err != nil || n < 0 || n >= 1<<24 {
		r.fail(at, "", "Invalid '"+r.path(at)+"': "+string(raw)+" is no token.")
		return
	}
	if l.count++; l.count > 1 {
		l.text = append(l.text, ' ')
	}
	l.text = append(l.text, raw...)
}
