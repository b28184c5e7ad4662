package yamlconf

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Union is a struct of which exactly one field, each a pointer, is set. In YAML
// it is a map with one key, {lognormal: {p50: 1k}}, or the bare scalar of its
// field tagged scalar. A Union whose key is absent is left without any field.
type Union interface {
	// OneOf does nothing; it marks the struct (value receiver).
	OneOf()
}

// Validator is a struct with rules that tags cannot express.
type Validator interface {
	// Validate calls fail for every broken rule; path is relative to the struct,
	// such as groups[1].weight, or "" for the struct itself. It is called,
	// children first, once everything in the struct was read without a problem;
	// the Validate of a child may have failed all the same.
	Validate(fail func(path, format string, args ...any))
}

// TextSchema is what a text type may tell the schema about its texts.
type TextSchema interface {
	// Pattern is a regular expression, anchored and in the common subset of RE2
	// and ECMA 262. A type whose pattern takes "1" (or "0.5") may be written as
	// a whole number (or any number) in YAML.
	Pattern() string
	// Example is a text the type accepts.
	Example() string
}

// shape is how a type is written in YAML.
type shape int

const (
	shapeText shape = iota
	shapeUnion
	shapeStruct
	shapePointer
	shapeList
	shapeString
	shapeBool
	shapeInt
	shapeUint
)

// shapeOf classifies a type and panics on one that no config may contain.
func shapeOf(t reflect.Type) shape {
	switch {
	case implements[encoding.TextUnmarshaler](t):
		if !implements[encoding.TextMarshaler](t) {
			panic(fmt.Sprintf("yamlconf: %s has UnmarshalText but no MarshalText", t))
		}
		return shapeText
	case t == reflect.TypeFor[time.Duration]():
		panic("yamlconf: time.Duration would be read as a bare number of nanoseconds: use unit.Duration")
	}
	switch t.Kind() {
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Pointer {
			return shapePointer
		}
	case reflect.Struct:
		if implements[Union](t) {
			return shapeUnion
		}
		return shapeStruct
	case reflect.Slice:
		return shapeList
	case reflect.String:
		return shapeString
	case reflect.Bool:
		return shapeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return shapeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return shapeUint
	}
	panic(fmt.Sprintf("yamlconf: a config cannot contain the type %s", t))
}

// implements looks at the pointer too, which has the methods of both receivers.
func implements[I any](t reflect.Type) bool {
	return t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}

// field is one struct field as its tags describe it.
type field struct {
	index      int
	typ        reflect.Type
	name       string
	doc        string
	def        string
	hasDefault bool
	required   bool
	scalar     bool
	rules      rules
}

// rules are the tags that judge a scalar, or each scalar of a list.
type rules struct {
	enum     []string
	min, max string // "" for none
}

// fieldsOf reads the tags of a struct and panics where they contradict the type.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("yaml")
		if !sf.IsExported() || tag == "-" {
			continue
		}
		if sf.Anonymous || tag == "" || strings.Contains(tag, ",") {
			panic(fmt.Sprintf("yamlconf: field %s.%s needs a yaml tag with its key and nothing else", t, sf.Name))
		}
		f := field{
			index: i, typ: sf.Type, name: tag, doc: sf.Tag.Get("doc"),
			required: flagTag(t, sf, "required"), scalar: flagTag(t, sf, "scalar"),
			rules: rules{min: sf.Tag.Get("min"), max: sf.Tag.Get("max")},
		}
		f.def, f.hasDefault = sf.Tag.Lookup("default")
		if enum := sf.Tag.Get("enum"); enum != "" {
			f.rules.enum = strings.Split(enum, "|")
		}
		if mistake := f.mistake(t); mistake != "" {
			panic(fmt.Sprintf("yamlconf: field %s.%s %s", t, sf.Name, mistake))
		}
		fields = append(fields, f)
	}
	return fields
}

func flagTag(t reflect.Type, sf reflect.StructField, name string) bool {
	text, ok := sf.Tag.Lookup(name)
	if ok && text != "true" {
		panic(fmt.Sprintf(`yamlconf: field %s.%s: the tag %s can only be "true"`, t, sf.Name, name))
	}
	return ok
}

// mistake finishes the sentence "field x ..." when tags and type do not fit.
func (f field) mistake(parent reflect.Type) string {
	leaf := f.typ
	for shapeOf(leaf) == shapePointer || shapeOf(leaf) == shapeList {
		leaf = leaf.Elem()
	}
	kind, ordered := shapeOf(leaf), leaf.Kind() >= reflect.Int && leaf.Kind() <= reflect.Uint64
	union := shapeOf(parent) == shapeUnion
	switch {
	case union && shapeOf(f.typ) != shapePointer:
		return "must be a pointer, as every field of a Union"
	case union && (f.required || f.hasDefault):
		return "can be neither required nor have a default in a Union"
	case f.scalar && !(union && kind != shapeStruct && kind != shapeUnion && shapeOf(f.typ.Elem()) != shapeList):
		return "cannot be tagged scalar: only a pointer to a scalar in a Union can"
	case f.required && f.hasDefault:
		return "is required and has a default: a required key has no use for one"
	case f.hasDefault && kind == shapeStruct:
		return "cannot have a default: give one to the fields of the struct"
	case f.rules.enum != nil && kind != shapeString && kind != shapeText:
		return "cannot have an enum: it is not a string"
	case f.rules.bounded() && !ordered:
		return "cannot have min or max: it is not an int"
	}
	if text := f.rules.badBound(leaf); text != "" {
		return "has the bound " + text + " that its own type does not read"
	}
	return ""
}

func (r rules) bounded() bool { return r.min != "" || r.max != "" }

// badBound returns a bound that is no value of the type.
func (r rules) badBound(leaf reflect.Type) string {
	for _, bound := range [...]string{r.min, r.max} {
		if bound == "" {
			continue
		}
		if _, err := parseBound(leaf, bound); err != nil {
			return strconv.Quote(bound)
		}
	}
	return ""
}

// parseBound reads a min or max as a value of the int or text type it bounds.
func parseBound(t reflect.Type, text string) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	switch shapeOf(t) {
	case shapeText:
		return v, v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	case shapeInt:
		n, err := strconv.ParseInt(text, 10, t.Bits())
		v.SetInt(n)
		return v, err
	default:
		n, err := strconv.ParseUint(text, 10, t.Bits())
		v.SetUint(n)
		return v, err
	}
}
