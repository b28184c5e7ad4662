package tenancy

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Violation says which rule a body breaks.
type Violation struct {
	Rule    string // for logs and metrics, such as max-tokens
	Message string // for the client: what is wrong and what to do
}

// The rules that a body can break.
const (
	RuleMaxTokens = "max-tokens"
	RuleN         = "n"
	RuleBestOf    = "best-of"
	RuleTools     = "tools"
	RuleJSON      = "body-not-json"
)

// Reads reports whether the rules say anything of the inside of a body; if not, Enforce need not be called.
func (r *Rules) Reads() bool {
	return r.MaxTokens != nil || r.N != nil || r.BestOf != nil || r.Tools == "deny"
}

// cap returns the bound on a member of the body, and its rule; nil where there is none.
func (r *Rules) cap(member string) (*Cap, string) {
	switch member {
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		return r.MaxTokens, RuleMaxTokens
	case "n":
		return r.N, RuleN
	case "best_of":
		return r.BestOf, RuleBestOf
	}
	return nil, ""
}

// span is where a number stands in a body, and what takes its place.
type span struct {
	from, to int
	max      int64
}

// Reader is the working memory of Enforce, kept from one body to the next. The zero value is ready; it keeps a reference to
// the last body, and belongs to one caller at a time.
type Reader struct {
	body  bytes.Buffer
	dec   jsontext.Decoder
	edits []span
}

// Enforce returns the body as it may be sent: the same slice where nothing is to be changed, else a copy in which only
// the numbers above their bounds are others. A body that is no JSON object, names a number that is none, or goes beyond
// what is only rejected, is a violation; then the body is nil.
//
// A member that is there twice counts twice, since servers differ in which one they take.
func (r *Rules) Enforce(in *Reader, body []byte) ([]byte, *Violation) {
	in.body, in.edits = *bytes.NewBuffer(body), in.edits[:0]
	dec := &in.dec
	dec.Reset(&in.body, jsontext.AllowDuplicateNames(true))
	if first, err := dec.ReadToken(); err != nil || first.Kind() != '{' {
		return nil, notJSON
	}
	for dec.PeekKind() != '}' {
		raw, err := dec.ReadValue()
		if err != nil {
			return nil, notJSON
		}
		name := memberName(raw)
		value, err := dec.ReadValue()
		if err != nil {
			return nil, notJSON
		}
		edit, broken := r.judge(name, value)
		if broken != nil {
			return nil, broken
		}
		if edit > 0 {
			end := int(dec.InputOffset())
			in.edits = append(in.edits, span{end - len(value), end, edit})
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, notJSON
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, notJSON
	}
	return apply(body, in.edits), nil
}

// memberName returns the name of a member that a rule can be about, without an allocation; "" is any other.
func memberName(raw jsontext.Value) string {
	if bytes.IndexByte(raw, '\\') >= 0 {
		plain, _ := jsontext.AppendUnquote(nil, raw)
		raw, _ = jsontext.AppendQuote(nil, plain) // the errors only report that invalid UTF-8 was replaced
	}
	for i, quoted := range quotedMembers {
		if string(raw) == quoted {
			return members[i]
		}
	}
	return ""
}

// The members that rules are about, and as they stand in a body.
var (
	members       = [...]string{"max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of", "tools", "functions"}
	quotedMembers = [...]string{`"max_tokens"`, `"max_completion_tokens"`, `"max_output_tokens"`, `"n"`, `"best_of"`, `"tools"`, `"functions"`}
)

var notJSON = &Violation{RuleJSON, "The request body is not a JSON object, so it cannot be held to the rules of your tenant. Send a JSON object."}

// judge returns what a member's number must become, 0: nothing, or the rule that the member breaks.
func (r *Rules) judge(name string, value jsontext.Value) (edit int64, broken *Violation) {
	if r.Tools == "deny" && (name == "tools" || name == "functions") && !isEmpty(value) {
		return 0, &Violation{RuleTools, fmt.Sprintf("Your tenant of the gateway may not use tools. Leave %s out.", name)}
	}
	bound, rule := r.cap(name)
	if bound == nil || value.Kind() == 'n' {
		return 0, nil
	}
	over, whole := exceeds(value, int64(bound.Max))
	switch {
	case !whole:
		return 0, &Violation{rule, fmt.Sprintf("%s must be a whole number of at most %d, written in plain digits.", name, int64(bound.Max))}
	case !over:
		return 0, nil
	case bound.Action == "clamp":
		return int64(bound.Max), nil
	}
	return 0, &Violation{rule, fmt.Sprintf("%s may be at most %d for your tenant of the gateway.", name, int64(bound.Max))}
}

// isEmpty reports whether a value declares nothing.
func isEmpty(value jsontext.Value) bool {
	switch value.Kind() {
	case 'n':
		return true
	case '[', '{':
		return len(bytes.TrimSpace(value[1:len(value)-1])) == 0
	}
	return false
}

// exceeds compares a number with a bound. whole is false for what is no number in plain digits: what a server makes of 1e9
// or of "7" is not known, so it cannot be let through.
func exceeds(value jsontext.Value, most int64) (over, whole bool) {
	digits, negative := bytes.CutPrefix(value, []byte("-"))
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false, false
		}
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return !negative && (err != nil || n > most), len(digits) > 0
}

// apply returns the body with other numbers in those places.
func apply(body []byte, edits []span) []byte {
	if len(edits) == 0 {
		return body
	}
	out := make([]byte, 0, len(body))
	from := 0
	for _, e := range edits {
		out = append(out, body[from:e.from]...)
		out = strconv.AppendInt(out, e.max, 10)
		from = e.to
	}
	return append(out, body[from:]...)
}
