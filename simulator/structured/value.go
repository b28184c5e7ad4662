package structured

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// kind is the type of a JSON value.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// value is a JSON value whose members keep their order.
type value struct {
	kind    kind
	yes     bool
	num     *big.Rat
	str     string
	items   []value
	members []member
}

type member struct {
	name  string
	value value
}

// Bounds on what a schema may hold: a client's schema is no reason to exhaust a server.
const (
	maxDepth    = 100 // levels of nesting
	maxNodes    = 20_000
	maxExponent = 400  // decimal exponent of a number, either way
	maxDigits   = 1000 // digits of a number
)

var errDeep = errors.New("is nested too deeply")

// parse reads one JSON value.
func parse(src []byte) (value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(src), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := read(dec, 0)
	if err == nil && dec.PeekKind() != 0 {
		err = errors.New("is followed by something else")
	}
	return v, err
}

func read(dec *jsontext.Decoder, depth int) (v value, err error) {
	if depth > maxDepth {
		return v, errDeep
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return v, errors.New("is no valid JSON")
	}
	switch tok.Kind() {
	case 'n':
		return value{kind: null}, nil
	case 't', 'f':
		return value{kind: boolean, yes: tok.Kind() == 't'}, nil
	case '"':
		return value{kind: text, str: tok.String()}, nil
	case '0':
		num, err := parseNumber(tok.String())
		return value{kind: number, num: num}, err
	case '[':
		return readArray(dec, depth)
	}
	return readObject(dec, depth)
}

func readArray(dec *jsontext.Decoder, depth int) (value, error) {
	v := value{kind: array}
	for {
		switch dec.PeekKind() {
		case ']':
			dec.ReadToken()
			return v, nil
		case 0:
			return v, errors.New("is no valid JSON")
		}
		item, err := read(dec, depth+1)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
}

// readObject reads an object after its brace. Of several members of one name the last counts, as in most decoders.
func readObject(dec *jsontext.Decoder, depth int) (value, error) {
	v := value{kind: object}
	places := map[string]int{}
	for {
		switch dec.PeekKind() {
		case '}':
			dec.ReadToken()
			return v, nil
		case 0:
			return v, errors.New("is no valid JSON")
		}
		tok, err := dec.ReadToken()
		if err != nil {
			return v, errors.New("is no valid JSON")
		}
		name := tok.String()
		item, err := read(dec, depth+1)
		if err != nil {
			return v, err
		}
		if i, again := places[name]; again {
			v.members[i].value = item
			continue
		}
		places[name] = len(v.members)
		v.members = append(v.members, member{name, item})
	}
}

// parseNumber reads a JSON number exactly, within bounds: 1e999999999 would fill the memory.
func parseNumber(s string) (*big.Rat, error) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	var e int
	if exponent != "" {
		if _, err := fmt.Sscanf(exponent, "%d", &e); err != nil || e > maxExponent || e < -maxExponent {
			return nil, fmt.Errorf("has a number out of range: %.40s", s)
		}
	}
	if len(mantissa) > maxDigits {
		return nil, errors.New("has a number with too many digits")
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("has an unreadable number: %.40s", s)
	}
	return r, nil
}

// get returns a member, or nil.
func (v *value) get(name string) *value {
	for i := range v.members {
		if v.members[i].name == name {
			return &v.members[i].value
		}
	}
	return nil
}

// equal compares as JSON Schema does: numbers by value, objects without order.
func (v *value) equal(w *value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case boolean:
		return v.yes == w.yes
	case number:
		return v.num.Cmp(w.num) == 0
	case text:
		return v.str == w.str
	case array:
		if len(v.items) != len(w.items) {
			return false
		}
		for i := range v.items {
			if !v.items[i].equal(&w.items[i]) {
				return false
			}
		}
	case object:
		if len(v.members) != len(w.members) {
			return false
		}
		for i := range v.members {
			other := w.get(v.members[i].name)
			if other == nil || !v.members[i].value.equal(other) {
				return false
			}
		}
	}
	return true
}

// append writes the value as compact JSON.
func (v *value) append(dst []byte) []byte {
	switch v.kind {
	case null:
		return append(dst, "null"...)
	case boolean:
		if v.yes {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case number:
		return appendNumber(dst, v.num)
	case text:
		dst, _ = jsontext.AppendQuote(dst, v.str)
		return dst
	case array:
		dst = append(dst, '[')
		for i := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.items[i].append(dst)
		}
		return append(dst, ']')
	}
	dst = append(dst, '{')
	for i := range v.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, _ = jsontext.AppendQuote(dst, v.members[i].name)
		dst = append(dst, ':')
		dst = v.members[i].value.append(dst)
	}
	return append(dst, '}')
}

// appendNumber writes a finite decimal exactly and without exponent.
func appendNumber(dst []byte, r *big.Rat) []byte {
	if r.IsInt() {
		return r.Num().Append(dst, 10)
	}
	return append(dst, r.FloatString(decimals(r))...)
}

// decimals returns how many digits after the point write r exactly; each JSON number has such a count, and so has each
// multiple and each sum of them.
func decimals(r *big.Rat) int {
	den := new(big.Int).Set(r.Denom())
	count := func(factor int64) (n int) {
		f, rest := big.NewInt(factor), new(big.Int)
		for {
			q, m := new(big.Int).QuoRem(den, f, rest)
			if m.Sign() != 0 {
				return n
			}
			den = q
			n++
		}
	}
	return max(count(2), count(5))
}

// length counts as JSON Schema does, in characters.
func length(s string) int { return utf8.RuneCountInString(s) }
