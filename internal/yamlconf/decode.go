package yamlconf

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode reads the document into the struct dst points to. What dst held before
// does not matter: absent keys get their defaults. If there is any problem, dst
// is left as it was and the error, of type Problems, has all of them. Lists that
// are empty decode to nil. It panics unless dst is a non-nil pointer to a struct.
func (d *Doc) Decode(dst any) error { return d.decode(dst, nil) }

func (d *Doc) decode(dst any, judge Judge) error {
	target := reflect.ValueOf(dst)
	if target.Kind() != reflect.Pointer || target.IsNil() || shapeOf(target.Type().Elem()) != shapeStruct {
		panic(fmt.Sprintf("yamlconf: Decode into %T, not a pointer to a struct", dst))
	}
	fresh := reflect.New(target.Type().Elem()).Elem()
	dec, root := newDecoder(d), place{node: d.root, at: d.root}
	dec.value(fresh, root, rules{})
	if judge != nil {
		dec.judge(fresh.Addr().Interface(), judge, root)
	}
	if problems := dec.found.sorted(); len(problems) > 0 {
		return problems
	}
	target.Elem().Set(fresh)
	return nil
}

type decoder struct {
	doc   *Doc
	found findings
	// unread counts the problems that keep structs from being validated: all but
	// those that Validate itself found in a struct inside.
	unread int
	// misread holds the paths of these problems, and stray those of the maps
	// with an unknown key that may stand for any absent one.
	misread, stray map[string]bool
}

func newDecoder(doc *Doc) *decoder {
	return &decoder{doc: doc, misread: map[string]bool{}, stray: map[string]bool{}}
}

// fail reports a place that could not be read.
func (d *decoder) fail(p place, format string, args ...any) {
	d.report(p, format, args...)
	d.unread++
	d.misread[p.path] = true
}

// report notes a problem at a place.
func (d *decoder) report(p place, format string, args ...any) {
	problem := Problem{File: d.doc.file, Line: p.at.Line, Col: p.at.Column, Path: p.path, Msg: fmt.Sprintf(format, args...)}
	if label := d.doc.sets[p.at]; label != "" {
		problem.File, problem.Line, problem.Col = label, 0, 0
	}
	d.found.add(problem)
}

// value reads what is at p, which is present, into dst.
func (d *decoder) value(dst reflect.Value, p place, r rules) {
	kind := shapeOf(dst.Type())
	if isNull(p.node) {
		d.fail(p, "has no value: %s", remedy(dst.Type()))
		return
	}
	switch kind {
	case shapePointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		d.value(dst.Elem(), p, r)
	case shapeStruct:
		if p.node.Kind != yaml.MappingNode {
			hint := ""
			if p.node.Kind == yaml.ScalarNode { // a value where something is to be said of it
				hint = " (known keys: " + names(fieldsOf(dst.Type())) + ")"
			}
			d.fail(p, "expected a map, found %s%s", foundText(p.node), hint)
			return
		}
		d.structure(dst, p)
	case shapeUnion:
		d.union(dst, p)
	case shapeList:
		if p.node.Kind != yaml.SequenceNode {
			d.fail(p, "expected a list, found %s", foundText(p.node))
			return
		}
		d.list(dst, p, r)
	default:
		d.scalar(dst, p, r)
	}
}

// remedy says what to write instead of nothing.
func remedy(t reflect.Type) string {
	switch shapeOf(t) {
	case shapePointer:
		return remedy(t.Elem())
	case shapeStruct:
		return "write {} for the defaults, or remove the key"
	case shapeList:
		return "write [] for none, or remove the key"
	}
	return "give one, or remove the key"
}

func (d *decoder) list(dst reflect.Value, p place, r rules) {
	n := len(p.node.Content)
	if n == 0 {
		return
	}
	dst.Set(reflect.MakeSlice(dst.Type(), n, n))
	for i := range n {
		d.value(dst.Index(i), d.doc.item(p, i), r)
	}
}

// structure reads a struct; p is a map or absent.
func (d *decoder) structure(dst reflect.Value, p place) {
	before := d.unread
	fields := fieldsOf(dst.Type())
	d.refuseUnknown(p, fields, false)
	for _, f := range fields {
		d.field(dst.Field(f.index), f, d.doc.key(p, f.name))
	}
	if d.unread == before {
		d.validate(dst, p)
	}
}

func (d *decoder) field(dst reflect.Value, f field, p place) {
	switch {
	case p.node != nil:
		before := d.found.count()
		d.value(dst, p, f.rules)
		if f.required && d.found.count() == before && isEmpty(dst) {
			d.fail(p, "is required and must not be empty")
		}
	case f.required:
		if !d.misread[p.path] { // else a misspelling of it was told
			d.fail(p, "is required")
		}
	case f.hasDefault:
		setDefault(dst, f)
	case shapeOf(f.typ) == shapeStruct:
		d.structure(dst, p)
	}
}

// isEmpty tells the strings and lists that count as missing when required.
func isEmpty(v reflect.Value) bool {
	return (v.Kind() == reflect.String || v.Kind() == reflect.Slice) && v.Len() == 0
}

// setDefault reads the default tag as if it stood in the document.
func setDefault(dst reflect.Value, f field) {
	node := defaultNode(f)
	dec := newDecoder(&Doc{})
	dec.value(dst, place{node: node, at: node, path: f.name}, f.rules)
	if dec.found.count() > 0 {
		panic(fmt.Sprintf("yamlconf: the default %q does not fit: %v", f.def, dec.found.sorted()))
	}
}

// defaultNode parses the default tag, which for a string is the string itself.
func defaultNode(f field) *yaml.Node {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if shapeOf(t) == shapeString {
		return textNode(f.def)
	}
	node, problems := parseTree("default", []byte(f.def))
	if len(problems) > 0 || node == nil {
		panic(fmt.Sprintf("yamlconf: the default %q of %s is not YAML: %v", f.def, f.name, problems))
	}
	return node
}

// union reads the one key of a map, or the bare scalar of the scalar field.
func (d *decoder) union(dst reflect.Value, p place) {
	before := d.unread
	fields := fieldsOf(dst.Type())
	switch p.node.Kind {
	case yaml.MappingNode:
		d.unionMap(dst, p, fields)
	case yaml.SequenceNode:
		d.fail(p, "expected %s, found a list", expectedUnion(fields))
	default:
		d.unionScalar(dst, p, fields)
	}
	if d.unread == before {
		d.validate(dst, p)
	}
}

func (d *decoder) unionMap(dst reflect.Value, p place, fields []field) {
	d.refuseUnknown(p, fields, true)
	var given []field
	for _, f := range fields {
		if _, value := lookup(p.node, f.name); value != nil {
			given = append(given, f)
		}
	}
	switch {
	case len(given) > 1:
		d.fail(p, "has the keys %s: keep exactly one", names(given))
	case len(given) == 1:
		d.field(dst.Field(given[0].index), given[0], d.doc.key(p, given[0].name))
	case len(p.node.Content) == 0:
		d.fail(p, "is empty: give exactly one of the keys %s", names(fields))
	}
}

func (d *decoder) unionScalar(dst reflect.Value, p place, fields []field) {
	for _, f := range fields {
		if f.name == p.node.Value {
			d.fail(p, "expected a map with one key, found a string: write {%s: ...}", f.name)
			return
		}
	}
	for _, f := range fields {
		if f.scalar {
			d.value(dst.Field(f.index), p, f.rules)
			return
		}
	}
	d.fail(p, "expected %s, found %s", expectedUnion(fields), foundText(p.node))
}

// expectedUnion says in a message how a Union is written.
func expectedUnion(fields []field) string {
	text := "a map with one of the keys " + names(fields)
	for _, f := range fields {
		if f.scalar {
			text += ", or " + expected(f.typ.Elem())
		}
	}
	return text
}

// refuseUnknown reports the keys of a map that no field has.
func (d *decoder) refuseUnknown(p place, fields []field, list bool) {
	if p.node == nil {
		return
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
keys:
	for i := 0; i < len(p.node.Content); i += 2 {
		key := p.node.Content[i]
		for _, name := range known {
			if name == key.Value {
				continue keys
			}
		}
		d.suspect(p, key.Value, known)
		hint := suggestion(key.Value, known)
		if list || hint == "" {
			hint += " (known keys: " + names(fields) + ")"
		}
		d.fail(place{at: key, path: keyPath(p.path, key.Value)}, "unknown key%s", hint)
	}
}

// names lists keys for a message.
func names(fields []field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.name
	}
	return strings.Join(list, ", ")
}

// validate calls the struct's own Validate, if it has one.
func (d *decoder) validate(dst reflect.Value, p place) {
	validator, ok := dst.Addr().Interface().(Validator)
	if !ok {
		return
	}
	validator.Validate(func(path, format string, args ...any) {
		d.report(d.doc.locate(p, path), format, args...)
	})
}

// plainInt is a whole number in the only spelling we read.
func plainInt(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil {
		return strconv.FormatInt(n, 10) == s
	}
	u, err := strconv.ParseUint(s, 10, 64)
	return err == nil && strconv.FormatUint(u, 10) == s
}
