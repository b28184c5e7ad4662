package ops

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// InvalidRequest says why a body is not a valid request, in the terms of the model engine's 400 body, whose type is
// invalid_request_error. The wording follows the service's style; only the shape is documented.
type InvalidRequest struct {
	Message string // one sentence for the client
	Param   string // path of the offending parameter as in messages[0].content, or "" for null
	Code    string // error code, or "" for null
}

// Error returns the message.
func (e *InvalidRequest) Error() string { return e.Message }

// reader is a decoder with a sticky first error; after it, every method returns its zero answer at once.
type reader struct {
	dec     *jsontext.Decoder
	err     *InvalidRequest
	scratch []byte // unescaped text before it becomes a string
	parts   int    // of the content that was read last; a text is one
	result  bool   // a part of this message is what a tool returned
	list    string // the member that holds the messages
	lenient bool   // what is out of range counts as absent
}

// place names a value in a request body. message and part count from 1, 0 is none. It is a value and not a path,
// so that the path is built only for an error.
type place struct {
	message, part int
	name          string
}

// path spells a place in the body at hand.
func (r *reader) path(at place) string {
	path := at.name
	if at.message > 0 {
		path = r.list + "[" + strconv.Itoa(at.message-1) + "]"
		if at.part > 0 {
			path += ".content[" + strconv.Itoa(at.part-1) + "]"
		}
		if at.name != "" {
			path += "." + at.name
		}
	}
	return path
}

// enter consumes '{' or '['.
func (r *reader) enter(kind jsontext.Kind, at place) {
	if r.is(kind, at) {
		r.dec.ReadToken()
	}
}

// more tells whether the open object or array has another member; if not, its end is consumed.
func (r *reader) more(end jsontext.Kind) bool {
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case end:
		r.dec.ReadToken()
		return false
	case 0:
		r.syntax()
		return false
	}
	return true
}

// name consumes a member name and returns it quoted, without needless escapes.
func (r *reader) name() []byte {
	raw, err := r.dec.ReadValue()
	if err != nil {
		r.syntax()
		return nil
	}
	if bytes.IndexByte(raw, '\\') >= 0 {
		name, _ := jsontext.AppendUnquote(nil, raw)
		raw, _ = jsontext.AppendQuote(nil, name)
	}
	return raw
}

// text consumes a string.
func (r *reader) text(at place) string {
	if !r.is('"', at) {
		return ""
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		r.syntax()
		return ""
	}
	switch string(raw) { // the usual roles cost no allocation
	case `"user"`:
		return "user"
	case `"assistant"`:
		return "assistant"
	case `"system"`:
		return "system"
	case `"developer"`:
		return "developer"
	case `"tool"`:
		return "tool"
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	r.scratch, _ = jsontext.AppendUnquote(r.scratch[:0], raw)
	return string(r.scratch)
}

// bool consumes true, false or null, which counts as absent.
func (r *reader) bool(at place, absent bool) bool {
	if r.null() {
		return absent
	}
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case 't':
		r.skip()
		return true
	case 'f':
		r.skip()
		return false
	}
	r.is('t', at)
	return false
}

// choice reads a string that is one of the options; null is "".
func (r *reader) choice(at place, options []string) string {
	if r.null() {
		return ""
	}
	text := r.text(at)
	switch {
	case r.err != nil || slices.Contains(options, text):
	case r.lenient:
		return ""
	default:
		r.fail(at, "invalid_value", "Invalid value: '"+text+"'. Supported values are: '"+strings.Join(options, "', '")+"'.")
	}
	return text
}

// int consumes a whole number from 1 to most, or null, which counts as absent.
func (r *reader) int(at place, absent, most int) int {
	if r.null() || !r.is('0', at) {
		return absent
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		r.syntax()
		return absent
	}
	v, err := strconv.Atoi(string(raw))
	switch {
	case err != nil && bytes.ContainsAny(raw, ".eE"):
		r.fail(at, "invalid_type", "Invalid type for '"+r.path(at)+"': expected an integer, but got a decimal number instead.")
	case r.lenient && (err != nil || v < 1 || v > most):
	case v < 1:
		r.fail(at, "integer_below_min_value", "Invalid '"+r.path(at)+"': integer below minimum value. Expected a value >= 1, but got "+string(raw)+" instead.")
	case err != nil || v > most:
		r.fail(at, "integer_above_max_value", "Invalid '"+r.path(at)+"': integer above maximum value. Expected a value <= "+strconv.Itoa(most)+", but got "+string(raw)+" instead.")
	default:
		return v
	}
	return absent
}

// null consumes a null and tells whether there was one.
func (r *reader) null() bool {
	if r.err != nil || r.dec.PeekKind() != 'n' {
		return false
	}
	r.skip()
	return true
}

// raw consumes a value and returns a copy of its text, nil for null.
func (r *reader) raw() []byte {
	if r.null() || r.err != nil {
		return nil
	}
	value, err := r.dec.ReadValue()
	if err != nil {
		r.syntax()
		return nil
	}
	return bytes.Clone(value)
}

func (r *reader) skip() {
	if r.err == nil && r.dec.SkipValue() != nil {
		r.syntax()
	}
}

// end demands that nothing follows.
func (r *reader) end() {
	if r.err != nil {
		return
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		r.syntax()
	}
}

// is tells whether a value of that kind comes next, and notes the error if not.
func (r *reader) is(kind jsontext.Kind, at place) bool {
	if r.err != nil {
		return false
	}
	got := r.dec.PeekKind()
	switch {
	case got == kind:
		return true
	case r.dec.SkipValue() != nil: // a kind is only the first byte of a value
		r.syntax()
	case at == place{}:
		r.fail(at, "", "The request body must be a JSON object, but it is "+article(got)+".")
	default:
		r.fail(at, "invalid_type", "Invalid type for '"+r.path(at)+"': expected "+article(kind)+", but got "+article(got)+" instead.")
	}
	return false
}

func (r *reader) syntax() {
	r.fail(place{}, "", "The request body is not valid JSON: it cannot be read after byte "+strconv.FormatInt(r.dec.InputOffset(), 10)+".")
}

func (r *reader) missing(at place) {
	r.fail(at, "missing_required_parameter", "Missing required parameter: '"+r.path(at)+"'.")
}

// fail notes the first error.
func (r *reader) fail(at place, code, message string) {
	if r.err == nil {
		r.err = &InvalidRequest{Message: message, Param: r.path(at), Code: code}
	}
}

func article(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	}
	return "null"
}
