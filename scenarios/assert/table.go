package assert

import (
	"fmt"
	"reflect"

	"foundrylab/internal/record"
)

// Entry is one name that the language sees.
type Entry struct {
	Name    string
	Help    string // one sentence without the full stop
	Example string // a whole assertion
	kind    kind   // of a plain number; the fields of structs carry theirs in tags

	// Arg is what the one argument of a function is the name of, and Args the
	// names that it may be; "" and nil where the entry is no function.
	Arg  string
	Args func(Names) []string

	// Value is what the name stands for in a result: a number, a struct, a
	// slice of structs, or a func(string) (struct, error). Its type is the
	// same for every result.
	Value func(*record.Result) any
}

// All is the language: one line per name, sorted.
var All = []Entry{
	backendEntry,
	backendsEntry,
	failoverEntry,
	fairnessEntry,
	generatorEntry,
	goodputEntry,
	retryAmplificationEntry,
	tenantEntry,
	tenantsEntry,
	totalsEntry,
}

// lookup returns the entry of that name.
func lookup(name string) (Entry, bool) {
	for _, e := range All {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// The names of the two functions that only the compiler can write: a space is
// no part of an identifier.
const (
	compareName = "compare "
	termName    = "term "
)

// environment is what the expression machine looks names up in.
func environment(res *record.Result, j *judgement) map[string]any {
	env := make(map[string]any, len(All)+2)
	for _, e := range All {
		env[e.Name] = e.Value(res)
	}
	env[compareName] = j.compare
	env[termName] = j.term
	return env
}

// shape returns the struct whose fields an entry shows, or nil, and how the
// entry is written in front of a field.
func (e Entry) shape() (reflect.Type, string) {
	t := reflect.TypeOf(e.Value(&record.Result{}))
	switch t.Kind() {
	case reflect.Struct:
		return t, e.Name
	case reflect.Slice:
		return t.Elem(), e.Name + "[i]"
	case reflect.Func:
		return t.Out(0), e.Name + `("…")`
	}
	return nil, e.Name
}

// fieldOf returns the field of a view that the language calls name.
func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for f := range t.Fields() {
		if f.Tag.Get("expr") == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// fieldNames returns the fields of a view in their order.
func fieldNames(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		names = append(names, f.Tag.Get("expr"))
	}
	return names
}

// dimensionOf returns how a field's value is printed.
func dimensionOf(f reflect.StructField) dimension {
	return dimension{kind: kind(f.Tag.Get("unit")), absent: f.Tag.Get("absent")}
}

// absentError says that the result lacks a name that the scenario has.
func absentError(what, name string) error {
	return fmt.Errorf("this run has no %s %q", what, name)
}
