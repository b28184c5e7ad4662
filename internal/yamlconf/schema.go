package yamlconf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Schema returns the JSON Schema (draft 2020-12) of the type of v, a config
// struct or a pointer to one, as indented JSON that is the same bytes for the
// same types: one definition per named struct, keys in struct order. It accepts
// whatever Decode accepts and refuses what Decode refuses, but for Validate,
// for bounds written with a unit (told in the description), and for what a
// pattern cannot say about a text.
func Schema(v any, title string) []byte {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if shapeOf(t) != shapeStruct {
		panic(fmt.Sprintf("yamlconf: Schema of %T, not a struct", v))
	}
	w := schemaWriter{names: map[reflect.Type]string{}}
	root := w.typeSchema(t, rules{})
	schema := object{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}}
	schema = append(append(schema, root...), member{"$defs", w.defs})
	compact, err := schema.MarshalJSON()
	if err != nil {
		panic(fmt.Sprintf("yamlconf: schema of %s: %v", t, err))
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		panic(fmt.Sprintf("yamlconf: schema of %s: %v", t, err))
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(m.key); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := encoder.Encode(m.value); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// schemaWriter collects the definitions of named structs in the order met.
type schemaWriter struct {
	names map[reflect.Type]string // only looked up
	defs  object
}

// typeSchema returns the schema of a type under the rules of its field.
func (w *schemaWriter) typeSchema(t reflect.Type, r rules) object {
	switch shapeOf(t) {
	case shapePointer:
		return w.typeSchema(t.Elem(), r)
	case shapeStruct, shapeUnion:
		return w.reference(t)
	case shapeList:
		return object{{"type", "array"}, {"items", w.typeSchema(t.Elem(), r)}}
	case shapeText:
		return textSchema(t, r)
	case shapeString:
		return append(object{{"type", "string"}}, enumSchema(r)...)
	case shapeBool:
		return object{{"type", "boolean"}}
	}
	return append(object{{"type", "integer"}}, intBounds(t, r)...)
}

// reference defines a struct on first sight; an unnamed one stands in place.
func (w *schemaWriter) reference(t reflect.Type) object {
	if t.Name() == "" {
		return w.define(t)
	}
	name, known := w.names[t]
	if !known {
		name = w.freeName(t)
		w.names[t] = name
		w.defs = append(w.defs, member{name, nil})
		at := len(w.defs) - 1
		w.defs[at].value = w.define(t)
	}
	return object{{"$ref", "#/$defs/" + name}}
}

var notPlain = regexp.MustCompile(`[^A-Za-z0-9_.]+`)

// freeName is package.Type, numbered when two packages share their last name.
func (w *schemaWriter) freeName(t reflect.Type) string {
	base := notPlain.ReplaceAllString(t.String(), "_")
	name := base
	for n := 2; w.defines(name); n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	return name
}

func (w *schemaWriter) defines(name string) bool {
	for _, m := range w.defs {
		if m.key == name {
			return true
		}
	}
	return false
}

func (w *schemaWriter) define(t reflect.Type) object {
	if shapeOf(t) == shapeUnion {
		return w.unionSchema(t)
	}
	properties, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		properties = append(properties, member{f.name, w.fieldSchema(f)})
		if isNeeded(f) {
			required = append(required, f.name)
		}
	}
	schema := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	return append(schema, member{"additionalProperties", false})
}

// isNeeded tells required keys, and structs that read as {} when absent and
// have required keys inside.
func isNeeded(f field) bool {
	if f.required || shapeOf(f.typ) != shapeStruct {
		return f.required
	}
	for _, inner := range fieldsOf(f.typ) {
		if isNeeded(inner) {
			return true
		}
	}
	return false
}

func (w *schemaWriter) unionSchema(t reflect.Type) object {
	var variants []object
	for _, f := range fieldsOf(t) {
		if f.scalar {
			variants = append(variants, w.fieldSchema(f))
		}
		variants = append(variants, object{
			{"type", "object"},
			{"properties", object{{f.name, w.fieldSchema(f)}}},
			{"required", []string{f.name}},
			{"additionalProperties", false},
		})
	}
	return object{{"oneOf", variants}}
}

// fieldSchema adds to the schema of a field's type what its tags say.
func (w *schemaWriter) fieldSchema(f field) object {
	schema := w.typeSchema(f.typ, f.rules)
	if f.required {
		switch shapeOf(f.typ) {
		case shapeList:
			schema = append(schema, member{"minItems", 1})
		case shapeString:
			schema = append(schema, member{"minLength", 1})
		}
	}
	if doc := f.description(); doc != "" {
		schema = append(schema, member{"description", doc})
	}
	if f.hasDefault {
		setDefault(reflect.New(f.typ).Elem(), f) // panics when it does not fit
		schema = append(schema, member{"default", jsonValue(defaultNode(f))})
	}
	return schema
}

// description is the doc tag and the bounds a schema cannot compare.
func (f field) description() string {
	parts := []string{}
	if f.doc != "" {
		parts = append(parts, f.doc)
	}
	if f.rules.min != "" && !isNumber(f.rules.min) {
		parts = append(parts, "At least "+f.rules.min+".")
	}
	if f.rules.max != "" && !isNumber(f.rules.max) {
		parts = append(parts, "At most "+f.rules.max+".")
	}
	return strings.Join(parts, " ")
}

// textSchema allows numbers as well as strings where the pattern does.
func textSchema(t reflect.Type, r rules) object {
	if r.enum != nil {
		return append(object{{"type", "string"}}, enumSchema(r)...)
	}
	told, ok := reflect.New(t).Interface().(TextSchema)
	if !ok {
		return object{{"type", []string{"string", "number"}}}
	}
	pattern := regexp.MustCompile(told.Pattern())
	schema := object{{"type", "string"}}
	switch {
	case pattern.MatchString("0.5"):
		schema = object{{"type", []string{"string", "number"}}}
	case pattern.MatchString("1"):
		schema = object{{"type", []string{"string", "integer"}}}
	}
	schema = append(schema, member{"pattern", told.Pattern()})
	if isNumber(r.min) {
		schema = append(schema, member{"minimum", json.Number(r.min)})
	} else if pattern.MatchString("1") && !pattern.MatchString("-1") {
		schema = append(schema, member{"minimum", 0})
	}
	if isNumber(r.max) {
		schema = append(schema, member{"maximum", json.Number(r.max)})
	}
	return append(schema, member{"examples", []string{told.Example()}})
}

func enumSchema(r rules) object {
	if r.enum == nil {
		return nil
	}
	return object{{"enum", r.enum}}
}

// intBounds are the tags' or else the type's, which for 64 bits go without
// saying.
func intBounds(t reflect.Type, r rules) object {
	low, high := limits(t)
	bounds := object{}
	if r.min == "" && (t.Bits() < 64 || low == "0") {
		r.min = low
	}
	if r.max == "" && t.Bits() < 64 {
		r.max = high
	}
	if r.min != "" {
		bounds = append(bounds, member{"minimum", json.Number(r.min)})
	}
	if r.max != "" {
		bounds = append(bounds, member{"maximum", json.Number(r.max)})
	}
	return bounds
}

var jsonNumber = regexp.MustCompile(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$`)

// isNumber tells a text that is a JSON number without exponent.
func isNumber(text string) bool { return jsonNumber.MatchString(text) }

// jsonValue turns the YAML of a default into JSON.
func jsonValue(n *yaml.Node) any {
	switch {
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, jsonValue(item))
		}
		return list
	case n.Kind == yaml.MappingNode:
		o := object{}
		for i := 0; i < len(n.Content); i += 2 {
			o = append(o, member{n.Content[i].Value, jsonValue(n.Content[i+1])})
		}
		return o
	case n.Tag == "!!bool":
		return strings.EqualFold(n.Value, "true")
	case (n.Tag == "!!int" || n.Tag == "!!float") && isNumber(n.Value):
		return json.Number(n.Value)
	}
	return n.Value
}
