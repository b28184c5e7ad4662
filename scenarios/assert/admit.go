package assert

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// admit refuses the parts of the expression machine's grammar that the
// language does not have. It comes before anything else walks the tree and
// bounds every later walk: of a range such as `1s < x < 5s` the parser makes a
// tree that holds x twice, so ranges within ranges double with each level.
func admit(root ast.Node, s *source) error {
	a := admission{source: s}
	a.walk(root, 0)
	if a.err != nil {
		return a.err
	}
	return nil
}

type admission struct {
	source *source
	visits int
	err    *mistake // the walk ends with the first
}

func (a *admission) fail(node ast.Node, format string, args ...any) {
	if a.err == nil {
		a.err = &mistake{a.source.offset(node.Location().From), fmt.Sprintf(format, args...)}
	}
}

func (a *admission) walk(node ast.Node, nesting int) {
	if a.visits++; a.visits > 2*MaxNodes {
		a.fail(node, tooLarge, MaxNodes)
	}
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.IdentifierNode, *ast.PointerNode,
		*ast.ArrayNode, *ast.MemberNode, *ast.CallNode, *ast.PredicateNode:
	case *ast.UnaryNode:
		a.operator(n, n.Operator)
	case *ast.BinaryNode:
		a.operator(n, n.Operator)
	case *ast.BuiltinNode:
		if quantifies(n) {
			nesting++
		}
		if nesting > MaxNesting {
			a.fail(n, "%s is nested too deep: at most %d conditions lie within each other", n.Name, MaxNesting)
		}
	case *ast.NilNode:
		a.fail(n, "there is no nil: a value that never came fails every comparison")
	default:
		a.fail(n, "this is no part of the assertion language: it has names, literals, comparisons, and, or, not, arithmetic and conditions over lists")
	}
	for _, child := range children(node) {
		if a.err == nil {
			a.walk(*child, nesting)
		}
	}
}

func (a *admission) operator(n ast.Node, op string) {
	if !slices.Contains(operators, op) && !isComparison(op) {
		a.fail(n, "the assertion language has no operator %s", op)
	}
}

// operators are those that the language keeps, comparisons apart.
var operators = []string{
	"and", "&&", "or", "||", "not", "!", "+", "-", "*", "/", "%",
	"in", "contains", "startsWith", "endsWith", "matches",
}

func isComparison(op string) bool {
	return slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, op)
}

// quantifies reports whether a builtin has a predicate.
func quantifies(n *ast.BuiltinNode) bool {
	if len(n.Arguments) < 2 {
		return false
	}
	_, ok := n.Arguments[len(n.Arguments)-1].(*ast.PredicateNode)
	return ok
}

// children returns the parts of a node of the language.
func children(node ast.Node) []*ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		return []*ast.Node{&n.Node}
	case *ast.BinaryNode:
		return []*ast.Node{&n.Left, &n.Right}
	case *ast.MemberNode:
		return []*ast.Node{&n.Node, &n.Property}
	case *ast.PredicateNode:
		return []*ast.Node{&n.Node}
	case *ast.CallNode:
		return pointers(n.Arguments)
	case *ast.BuiltinNode:
		return pointers(n.Arguments)
	case *ast.ArrayNode:
		return pointers(n.Nodes)
	}
	return nil
}

func pointers(nodes []ast.Node) []*ast.Node {
	list := make([]*ast.Node, len(nodes))
	for i := range nodes {
		list[i] = &nodes[i]
	}
	return list
}
