package assert

import "github.com/expr-lang/expr/ast"

// dimension infers the unit of an expression, and refuses sums of different
// ones. What it cannot infer is a plain number.
func (j *judging) dimension(node ast.Node) dimension {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return dimension{kind: j.source.kindAt(node.Location().From)}
	case *ast.IdentifierNode:
		if e, ok := lookup(n.Value); ok {
			return dimension{kind: e.kind}
		}
	case *ast.MemberNode:
		if name, ok := n.Property.(*ast.StringNode); ok {
			if f, ok := fieldOf(n.Node.Type(), name.Value); ok {
				return dimensionOf(f)
			}
		}
	case *ast.UnaryNode:
		if !isNot(n) {
			return j.dimension(n.Node)
		}
	case *ast.BinaryNode:
		return j.arithmetic(n)
	case *ast.PredicateNode:
		return j.dimension(n.Node)
	case *ast.BuiltinNode:
		switch n.Name {
		case "abs", "sum", "map":
			return j.dimension(n.Arguments[len(n.Arguments)-1])
		case "count", "len":
			return dimension{kind: counted}
		}
	case *ast.CallNode: // min, max, mean
		if len(n.Arguments) > 0 {
			return j.dimension(n.Arguments[0])
		}
	}
	return dimension{}
}

func (j *judging) arithmetic(n *ast.BinaryNode) dimension {
	left, right := j.dimension(n.Left), j.dimension(n.Right)
	switch n.Operator {
	case "+", "-":
		if clash(left.kind, right.kind) {
			j.fail(n, "%s and %s cannot be added or subtracted", left.kind.noun(), right.kind.noun())
		}
		if left.kind == plain {
			left.kind = right.kind
		}
		if left.absent == "" {
			left.absent = right.absent
		}
		return left
	case "*", "/":
		// A multiple of a duration is one; any other product or quotient is a
		// new quantity.
		if left.kind == millis && isConstant(n.Right) && right.kind == plain {
			return left
		}
		return dimension{absent: left.absent}
	case "%":
		return left
	}
	return dimension{}
}
