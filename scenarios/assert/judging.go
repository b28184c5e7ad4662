package assert

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// comparison is one comparison of the source.
type comparison struct {
	op          string
	left, right dimension
	term        int
	shown       bool // it is a term of the top-level chain: its value is shown
	mirrored    bool // the measurement is on the right: 5s > x

	// polarity says what a missing value makes of it: +1 false, -1 true (below
	// a not), so that it never helps. 0, where neither is safe (within count,
	// filter, ==): the whole assertion fails.
	polarity int
}

func (c *comparison) holds(left, right any) bool {
	switch c.op {
	case "==":
		return runtime.Equal(left, right)
	case "!=":
		return !runtime.Equal(left, right)
	case "<":
		return runtime.Less(left, right)
	case "<=":
		return runtime.LessOrEqual(left, right)
	case ">":
		return runtime.More(left, right)
	}
	return runtime.MoreOrEqual(left, right)
}

// text is the measured side in its unit; the other one is added only where it
// is what is missing.
func (c *comparison) text(left, right any) string {
	shown, other := c.left.text(left), right
	otherSide := c.right
	if c.mirrored {
		shown, other = c.right.text(right), left
		otherSide = c.left
	}
	if isMissing(other) {
		return shown + " against " + otherSide.missing()
	}
	return shown
}

// absent is what the missing side is called.
func (c *comparison) absent(left any) string {
	if isMissing(left) {
		return c.left.missing()
	}
	return c.right.missing()
}

// judging is the pass that turns comparisons into calls of
// judgement.compare, and other terms of the top-level chain into calls of
// judgement.term.
type judging struct {
	source      *source
	comparisons []comparison
	terms       int
	err         *mistake
}

// place is where in the assertion a node lies.
type place struct {
	term     int    // which term of the top-level chain, or undecided
	polarity int    // see comparison
	witness  string // name field of the element whose failing fails an all(); "": none
}

// undecided: still within the top-level and/or chain itself.
const undecided = -1

func (j *judging) walk(node *ast.Node, at place) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if isLogic(n.Operator) {
			if n.Operator == "or" || n.Operator == "||" {
				at.witness = "" // one side may fail and the element still pass
			}
			again := sharesMiddle(n)
			j.walk(&n.Left, at)
			if again && at.term == undecided {
				at.term = j.terms - 1
			}
			j.walk(&n.Right, at)
			return
		}
	case *ast.UnaryNode:
		if isNot(n) && (at.term != undecided || isChain(n.Node)) {
			j.walk(&n.Node, place{at.term, -at.polarity, ""})
			return
		}
	}
	shown := at.term == undecided
	if shown {
		at.term = j.terms
		j.terms++
	}
	if n, ok := (*node).(*ast.BinaryNode); ok && isComparison(n.Operator) {
		c := j.describe(n, at, shown) // while the types of both sides are known
		j.parts(*node, at)
		ast.Patch(node, j.compare(n, c, at))
		return
	}
	j.parts(*node, at)
	if shown {
		ast.Patch(node, invoke(termName, &ast.IntegerNode{Value: at.term}, *node))
	}
}

// parts walks into a node that is no and, or.
func (j *judging) parts(node ast.Node, at place) {
	within := place{term: at.term} // polarity 0: nothing is known
	switch n := node.(type) {
	case *ast.UnaryNode:
		if isNot(n) {
			within.polarity = -at.polarity
		}
	case *ast.BuiltinNode:
		if !quantifies(n) {
			break
		}
		predicate := within
		switch n.Name {
		case "all":
			predicate = place{at.term, at.polarity, elementName(n.Arguments[0])}
		case "any":
			predicate.polarity = at.polarity
		case "none":
			predicate.polarity = -at.polarity
		}
		j.walk(&n.Arguments[0], within)
		body := n.Arguments[1].(*ast.PredicateNode)
		j.walk(&body.Node, predicate)
		return
	}
	for _, child := range children(node) {
		j.walk(child, within)
	}
}

// describe refuses comparisons of what cannot be compared.
func (j *judging) describe(n *ast.BinaryNode, at place, shown bool) comparison {
	c := comparison{
		op: n.Operator, left: j.dimension(n.Left), right: j.dimension(n.Right),
		term: at.term, shown: shown, mirrored: isConstant(n.Left) && !isConstant(n.Right), polarity: at.polarity,
	}
	for _, side := range []ast.Node{n.Left, n.Right} {
		switch side.Type().Kind() {
		case reflect.Int, reflect.Float64, reflect.String, reflect.Bool:
		default:
			j.fail(side, "%s has no type that is known beforehand: compare a number, a name or true and false", side)
		}
	}
	if clash(c.left.kind, c.right.kind) {
		j.fail(n, "%s cannot be compared with %s", c.left.kind.noun(), c.right.kind.noun())
	}
	j.refuseWholePercent(n.Left, c.left, n.Right)
	j.refuseWholePercent(n.Right, c.right, n.Left)
	return c
}

func (j *judging) compare(n *ast.BinaryNode, c comparison, at place) ast.Node {
	j.comparisons = append(j.comparisons, c)
	var who ast.Node = &ast.StringNode{}
	if at.witness != "" && !c.shown {
		who = &ast.MemberNode{Node: &ast.PointerNode{}, Property: &ast.StringNode{Value: at.witness}}
	}
	return invoke(compareName, &ast.IntegerNode{Value: len(j.comparisons) - 1}, n.Left, n.Right, who)
}

// refuseWholePercent catches `goodput <= 99`, which could never fail.
func (j *judging) refuseWholePercent(measured ast.Node, d dimension, limit ast.Node) {
	if d.kind != percent || isConstant(measured) || j.dimension(limit).kind != plain {
		return
	}
	switch n := limit.(type) {
	case *ast.IntegerNode:
		if n.Value > 1 {
			j.fail(n, "%s is a part of 1: for a percentage write %d%%", measured, n.Value)
		}
	case *ast.FloatNode:
		if n.Value > 1 {
			j.fail(n, "%s is a part of 1: for a percentage write %s%%", measured, strconv.FormatFloat(n.Value, 'f', -1, 64))
		}
	}
}

func (j *judging) fail(node ast.Node, format string, args ...any) {
	if j.err == nil {
		j.err = &mistake{j.source.offset(node.Location().From), fmt.Sprintf(format, args...)}
	}
}

// elementName returns "name" where the elements of a list have one.
func elementName(list ast.Node) string {
	if _, ok := fieldOf(elementType(list), "name"); ok {
		return "name"
	}
	return ""
}

// sharesMiddle reports whether an and is what the parser makes of a range such
// as `1s < x < 5s`, whose x is to be shown once.
func sharesMiddle(n *ast.BinaryNode) bool {
	l, ok := n.Left.(*ast.BinaryNode)
	if !ok {
		return false
	}
	r, ok := n.Right.(*ast.BinaryNode)
	return ok && l.Right == r.Left && isConstant(l.Left)
}

func invoke(name string, args ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args}
}

func isLogic(op string) bool { return op == "and" || op == "&&" || op == "or" || op == "||" }

func isNot(n *ast.UnaryNode) bool { return n.Operator == "not" || n.Operator == "!" }

// isChain reports whether a node below a top-level not is itself shown by its
// comparisons.
func isChain(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.BinaryNode:
		return isLogic(n.Operator) || isComparison(n.Operator)
	case *ast.UnaryNode:
		return isNot(n) && isChain(n.Node)
	}
	return false
}

// isConstant reports whether nothing measured is in an expression.
func isConstant(node ast.Node) bool {
	switch node.(type) {
	case *ast.IdentifierNode, *ast.PointerNode, *ast.CallNode:
		return false
	}
	for _, child := range children(node) {
		if !isConstant(*child) {
			return false
		}
	}
	return true
}
