package assert

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// builtins are the functions of the expression machine that the language
// keeps. The others could turn a missing value into a number, or are of no use.
var builtins = []string{"abs", "all", "any", "count", "filter", "len", "map", "none", "one", "sum"}

// functions returns every name that can be called, sorted.
func functions() []string {
	names := slices.Clone(builtins)
	for _, a := range aggregates {
		names = append(names, a.name)
	}
	for _, e := range All {
		if e.Args != nil {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return names
}

// checkCalls refuses unknown functions before the source is parsed: the
// machine takes their arguments for a syntax error.
func checkCalls(s *source) error {
	known := functions()
	for _, c := range s.calls {
		if e, ok := lookup(c.name); ok && e.Args == nil {
			return &mistake{c.at, fmt.Sprintf("%s is no function: write it without parentheses", c.name)}
		}
		if !slices.Contains(known, c.name) {
			return &mistake{c.at, fmt.Sprintf("there is no function %s%s", c.name, suggest(c.name, known, "functions"))}
		}
	}
	return nil
}

// inspect refuses what the names and types of an admitted tree make
// meaningless, in words of the language; the first mistake in the order of
// evaluation counts.
func inspect(root ast.Node, s *source, names Names) error {
	i := inspector{source: s, names: names}
	i.walk(root)
	if i.err == nil && !i.measured {
		i.fail(root, "the assertion looks at nothing measured, so it could never change: name one of %s", strings.Join(entryNames(), ", "))
		i.err.at = 0
	}
	if i.err != nil {
		return i.err
	}
	return nil
}

type inspector struct {
	source   *source
	names    Names
	measured bool // something of the result is looked at
	err      *mistake
}

func (i *inspector) fail(node ast.Node, format string, args ...any) {
	if i.err == nil {
		i.err = &mistake{i.source.offset(node.Location().From), fmt.Sprintf(format, args...)}
	}
}

func (i *inspector) walk(node ast.Node) {
	for _, child := range children(node) {
		i.walk(*child)
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		i.identifier(n)
	case *ast.BinaryNode:
		i.binary(n)
	case *ast.MemberNode:
		i.member(n)
	case *ast.CallNode:
		i.call(n)
	case *ast.BuiltinNode:
		i.quantifier(n)
	}
}

func (i *inspector) identifier(n *ast.IdentifierNode) {
	if _, ok := lookup(n.Value); !ok {
		i.fail(n, "there is no %s%s", n.Value, suggest(n.Value, entryNames(), "names"))
		return
	}
	i.measured = true
}

func (i *inspector) binary(n *ast.BinaryNode) {
	if n.Operator == "in" {
		if n.Left.Type().Kind() != reflect.String || n.Right.Type().Kind() != reflect.Slice {
			i.fail(n, "in looks a name up in a list, such as .name in [\"chat\"]: compare numbers with == or >=")
		}
		return
	}
	for _, side := range []ast.Node{n.Left, n.Right} {
		switch t := side.Type(); t.Kind() {
		case reflect.Struct:
			i.fail(side, "%s is a group of values: name one of its fields, %s", side, strings.Join(fieldNames(t), ", "))
		case reflect.Slice:
			i.fail(side, "%s is a list: use all(%s, …), any(%s, …) or the like", side, side, side)
		case reflect.Func:
			i.fail(side, "%s needs a name: write %s(\"…\")", side, side)
		}
	}
}

func (i *inspector) member(n *ast.MemberNode) {
	name, ok := n.Property.(*ast.StringNode)
	if !ok {
		return
	}
	switch t := n.Node.Type(); t.Kind() {
	case reflect.Struct:
		if _, ok := fieldOf(t, name.Value); !ok {
			i.fail(n.Property, "%s has no field %s%s", n.Node, name.Value, suggest(name.Value, fieldNames(t), "fields"))
		}
	case reflect.Func:
		i.fail(n.Node, "%s needs a name: write %s(\"…\").%s", n.Node, n.Node, name.Value)
	case reflect.Slice:
		i.fail(n.Property, "%s is a list: write all(%s, .%s …) or the like", n.Node, n.Node, name.Value)
	case reflect.Float64, reflect.Int, reflect.String, reflect.Bool:
		i.fail(n.Property, "%s is a single value, it has no field %s", n.Node, name.Value)
	}
}

func (i *inspector) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		i.fail(n, "%s is no function", n.Callee)
		return
	}
	e, ok := lookup(callee.Value)
	if !ok {
		i.aggregate(callee.Value, n)
		return
	}
	i.measured = true
	if len(n.Arguments) != 1 {
		i.fail(n, "%s takes one name", e.Name)
		return
	}
	name, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return // computed: looked up when judged
	}
	known := e.Args(i.names)
	if !slices.Contains(known, name.Value) {
		i.fail(name, "this scenario has no %s %q%s", e.Arg, name.Value, suggest(name.Value, known, "it has"))
	}
}

// aggregate refuses what min, max and mean cannot take: checkCalls leaves no
// other callee.
func (i *inspector) aggregate(name string, n *ast.CallNode) {
	if len(n.Arguments) == 0 {
		i.fail(n, "%s takes numbers or a list of numbers", name)
	}
	for _, arg := range n.Arguments {
		t := arg.Type()
		if t.Kind() == reflect.Slice {
			t = elementType(arg)
		}
		switch t.Kind() {
		case reflect.Int, reflect.Float64, reflect.Interface:
		default:
			i.fail(arg, "%s takes numbers or a list of numbers: write %s(map(tenants, .goodput)) or the like", name, name)
		}
	}
}

// elementType returns the type of a list's elements, any where it is unknown.
func elementType(list ast.Node) reflect.Type {
	nature := list.Nature()
	switch {
	case nature.Kind != reflect.Slice, nature.Ref != nil && nature.Ref.Type == nil:
		return reflect.TypeFor[any]()
	case nature.Ref != nil:
		return nature.Ref.Type
	}
	return nature.Type.Elem()
}

func (i *inspector) quantifier(n *ast.BuiltinNode) {
	if quantifies(n) && !usesElement(n.Arguments[len(n.Arguments)-1]) {
		i.fail(n.Arguments[len(n.Arguments)-1], "this looks at no element of %s: a field of the element is written with a dot in front, such as .goodput", n.Arguments[0])
	}
}

// usesElement reports whether a predicate's own element is in it: below a
// further quantifier a dot means the element of that one.
func usesElement(node ast.Node) bool {
	if _, ok := node.(*ast.PointerNode); ok {
		return true
	}
	parts := children(node)
	if b, ok := node.(*ast.BuiltinNode); ok && quantifies(b) {
		parts = parts[:1]
	}
	for _, child := range parts {
		if usesElement(*child) {
			return true
		}
	}
	return false
}

func entryNames() []string {
	names := make([]string, len(All))
	for i, e := range All {
		names[i] = e.Name
	}
	return names
}
