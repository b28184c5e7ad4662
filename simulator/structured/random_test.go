package structured

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
)

// inventor makes random schemas that some value meets by construction: it invents a value first and then says true
// things about it.
type inventor struct {
	*rand.Rand
	defs map[string]any
}

type obj = map[string]any

var inventedPatterns = []struct{ pattern, text string }{
	{"^[a-z]{2,5}$", "abc"}, {"^[A-Z]{3}-[0-9]{4}$", "ABC-0042"}, {"^(red|green|blue)$", "red"}, {`^\d+(\.\d+)?$`, "12.5"},
	{"^[^@ ]+@[a-z]+\\.com$", "me@here.com"}, {"foo|bar", "a bar"}, {"^.{3,}$", "long"}, {`^\w+\s\w+$`, "two words"},
	{"^é[α-ω]+$", "éαβ"},
}

var inventedFormats = []string{"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "uri-reference",
	"json-pointer", "relative-json-pointer", "regex", "iri", "iri-reference"}

// schema invents a schema and the value that it is about; the value is nil where it is not known, as for formats.
func (r *inventor) schema(depth int) (s obj, v any) {
	kinds := 7
	if depth <= 0 {
		kinds = 5
	}
	switch r.Intn(kinds) {
	case 0:
		s, v = obj{"type": "boolean"}, r.Intn(2) == 0
	case 1:
		s, v = r.number()
	case 2, 3:
		s, v = r.text()
	case 4:
		s, v = r.listed()
	case 5:
		s, v = r.array(depth - 1)
	default:
		s, v = r.object(depth - 1)
	}
	return r.wrap(s, v, depth), v
}

func (r *inventor) chance(percent int) bool { return r.Intn(100) < percent }

func (r *inventor) number() (obj, any) {
	if r.chance(50) {
		n := r.Intn(2001) - 1000
		s := obj{"type": "integer"}
		if r.chance(20) {
			s["type"] = "number"
		}
		if r.chance(40) {
			s["minimum"] = n - r.Intn(50)
		} else if r.chance(30) {
			s["exclusiveMinimum"] = float64(n) - 0.5
		}
		if r.chance(40) {
			s["maximum"] = n + r.Intn(50)
		} else if r.chance(30) {
			s["exclusiveMaximum"] = n + 1 + r.Intn(9)
		}
		if r.chance(20) && n != 0 {
			s["multipleOf"] = max(n, -n)
		}
		return s, n
	}
	n := json.Number(fmt.Sprintf("%d.%03d", r.Intn(100), r.Intn(1000)))
	s := obj{"type": "number"}
	if r.chance(40) {
		s["minimum"] = n
	}
	if r.chance(30) {
		s["maximum"] = n
	}
	if r.chance(20) {
		s["multipleOf"] = json.Number("0.001")
	}
	return s, n
}

func (r *inventor) text() (obj, any) {
	s := obj{"type": "string"}
	switch {
	case r.chance(25):
		p := inventedPatterns[r.Intn(len(inventedPatterns))]
		s["pattern"] = p.pattern
		if r.chance(30) {
			s["maxLength"] = len(p.text) + r.Intn(3)
		}
		return s, p.text
	case r.chance(25):
		s["format"] = inventedFormats[r.Intn(len(inventedFormats))]
		return s, nil
	}
	text := strings.Repeat("héllo wörld ", r.Intn(12))
	n := len([]rune(text))
	if r.chance(40) {
		s["minLength"] = max(n-r.Intn(20), 0)
	}
	if r.chance(40) {
		s["maxLength"] = n + r.Intn(20)
	}
	return s, text
}

func (r *inventor) listed() (obj, any) {
	list := []any{"a", "b \"quoted\" \\ ", nil, true, 7, json.Number("1.50"), []any{1, "x"}, obj{"k": []any{}}}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	list = list[:1+r.Intn(len(list))]
	if r.chance(20) {
		return obj{"const": list[0]}, list[0]
	}
	return obj{"enum": list}, list[0]
}

func (r *inventor) array(depth int) (obj, any) {
	s, list := obj{"type": "array"}, []any{}
	item, v := r.schema(depth)
	n := r.Intn(5)
	for range n {
		list = append(list, v)
	}
	s["items"] = item
	if r.chance(30) {
		first, w := r.schema(depth)
		s["prefixItems"] = []any{first}
		if n > 0 {
			list[0] = w
		}
	}
	if r.chance(40) {
		s["minItems"] = r.Intn(n + 1)
	}
	if r.chance(40) {
		s["maxItems"] = n + r.Intn(3)
	}
	if r.chance(20) && n <= 1 {
		s["uniqueItems"] = true
	}
	if r.chance(20) && n >= 1 {
		s["contains"] = r.anything(list[n-1])
	}
	return s, list
}

// anything says little about a value, but something true.
func (r *inventor) anything(v any) any {
	if v == nil || r.chance(50) {
		return true
	}
	return obj{"not": obj{"const": "something that nobody invented"}}
}

func (r *inventor) object(depth int) (obj, any) {
	names := []string{"city", "unit", "a b", "x/y", "t~z", "count", "ü", "notes"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:r.Intn(5)]
	props, v, required := obj{}, obj{}, []string{}
	for _, name := range names {
		s, w := r.schema(depth)
		props[name], v[name] = s, w
		if r.chance(60) {
			required = append(required, name)
		}
	}
	s := obj{"type": "object", "properties": props, "required": required}
	switch r.Intn(5) {
	case 0:
		s["additionalProperties"] = false
	case 1:
		s["additionalProperties"] = obj{"type": "integer"}
		s["minProperties"] = len(names) + r.Intn(3)
	case 2:
		s["maxProperties"] = len(names)
	case 3:
		s["patternProperties"] = obj{"^x-": obj{"type": "boolean"}}
		if r.chance(50) {
			s["additionalProperties"] = false
			s["minProperties"] = len(names) + 1
		}
	}
	if r.chance(15) && len(names) > 1 {
		s["dependentRequired"] = obj{names[0]: []string{names[1]}}
	}
	if r.chance(15) && len(names) > 1 {
		s["dependentSchemas"] = obj{names[1]: obj{"required": []string{names[0]}}}
	}
	if r.chance(10) && s["minProperties"] == nil {
		s["propertyNames"] = obj{"minLength": 1}
	}
	return s, v
}

// wrap says the same in another way.
func (r *inventor) wrap(s obj, v any, depth int) obj {
	if depth <= 0 {
		return s
	}
	other, _ := r.schema(depth - 2)
	switch r.Intn(16) {
	case 0:
		return obj{"anyOf": []any{other, s}}
	case 1:
		name := fmt.Sprintf("d%d", len(r.defs))
		r.defs[name] = s
		return obj{"$ref": "#/$defs/" + name, "description": "by reference"}
	case 2:
		return obj{"allOf": []any{s, true, obj{"title": "t"}}}
	case 3:
		return obj{"oneOf": []any{s, obj{"type": "object", "properties": obj{"zz": false}, "required": []string{"zz"}}}}
	case 4:
		return obj{"allOf": []any{s}, "not": obj{"const": "something that nobody invented"}}
	case 5:
		return obj{"anyOf": []any{s, obj{"type": "null"}}}
	case 6:
		return obj{"if": s, "then": true, "else": false}
	case 7:
		r.defs["tree"] = obj{"type": "object", "properties": obj{"value": obj{"type": "integer"}, "kids": obj{"type": "array", "items": obj{"$ref": "#/$defs/tree"}},
			"next": obj{"anyOf": []any{obj{"$ref": "#/$defs/tree"}, obj{"type": "null"}}}}, "required": []string{"value", "kids", "next"}, "additionalProperties": false}
		return obj{"anyOf": []any{s, obj{"$ref": "#/$defs/tree"}}}
	case 8:
		return obj{"oneOf": []any{obj{"allOf": []any{s}, "title": "this"}, obj{"not": true}}}
	}
	return s
}

// strict invents a schema of the kind that strict mode takes.
func (r *inventor) strict(depth int) obj {
	kinds := 8
	if depth <= 0 {
		kinds = 5
	}
	switch r.Intn(kinds) {
	case 0:
		return obj{"type": []string{"string", "null"}}
	case 1:
		return obj{"type": "integer"}
	case 2:
		return obj{"type": "string", "enum": []string{"celsius", "fahrenheit"}}
	case 3:
		s, _ := r.number()
		return s
	case 4:
		s, _ := r.text()
		return s
	case 5:
		return obj{"type": "array", "items": r.strict(depth - 1)}
	case 6:
		return obj{"anyOf": []any{r.strict(depth - 1), r.strict(depth - 1)}}
	}
	return r.strictObject(depth - 1)
}

func (r *inventor) strictObject(depth int) obj {
	props, required := obj{}, []string{}
	for i := range 1 + r.Intn(5) {
		name := fmt.Sprintf("p%d", i)
		props[name] = r.strict(depth)
		required = append(required, name)
	}
	return obj{"type": "object", "properties": props, "required": required, "additionalProperties": false}
}

// document invents a whole schema.
func (r *inventor) document(strict bool) []byte {
	r.defs = map[string]any{}
	var s obj
	if strict {
		s = r.strictObject(3)
	} else {
		s, _ = r.schema(4)
	}
	if len(r.defs) > 0 {
		s = obj{"allOf": []any{s}, "$defs": r.defs}
	}
	src, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return src
}
