package arch

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// changers lists the functions of the standard library that change their first argument in place.
var changers = map[string][]string{
	"slices": {"Compact", "CompactFunc", "Delete", "DeleteFunc", "Insert", "Replace", "Reverse", "Sort", "SortFunc", "SortStableFunc"},
	"sort":   {"Float64s", "Ints", "Slice", "SliceStable", "Sort", "Stable", "Strings"},
	"maps":   {"Copy", "DeleteFunc", "Insert"},
}

// checkPackageState reports what changes a package-level variable of any package, or could let somebody else change it: assignment
// to it or to a part of it, ++ and --, its address, a method with a pointer receiver, the builtins and library functions that
// change their argument. It does not follow a slice, map or pointer that was copied out of the variable first.
func checkPackageState(p *pass) {
	p.walk(func(n ast.Node, stack []ast.Node) {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				p.changed(l, "assigned to")
			}
		case *ast.IncDecStmt:
			p.changed(n.X, "counted with")
		case *ast.RangeStmt:
			p.changed(n.Key, "assigned to")
			p.changed(n.Value, "assigned to")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				p.changed(n.X, "given away by its address")
			}
		case *ast.CallExpr:
			if len(n.Args) > 0 && p.changesArgument(n.Fun) {
				p.changed(n.Args[0], "changed in place")
			}
		case *ast.SelectorExpr:
			if p.takesAddress(n) {
				p.changed(n.X, "given away by its address")
			}
		}
	})
}

func (p *pass) changed(e ast.Expr, how string) {
	if v := p.packageVar(e); v != nil && !lock(v) {
		p.report(e.Pos(), "package variable %s is %s: keep state in a value that the caller owns", v.Name(), how)
	}
}

// lock reports whether v is a lock: it guards something else, such as a library's own global. Pure packages cannot import sync.
func lock(v *types.Var) bool {
	n, ok := types.Unalias(v.Type()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync"
}

// packageVar gives the package-level variable that e is, or is a part of.
func (p *pass) packageVar(e ast.Expr) *types.Var {
	for e != nil {
		switch x := e.(type) {
		case *ast.Ident:
			return p.packageLevel(x)
		case *ast.SelectorExpr:
			if v := p.packageLevel(x.Sel); v != nil {
				return v // another package's variable
			}
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
	return nil
}

func (p *pass) packageLevel(id *ast.Ident) *types.Var {
	v, ok := p.info.Uses[id].(*types.Var)
	if !ok || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}

// changesArgument reports whether fun is a builtin or library function that writes to its first argument.
func (p *pass) changesArgument(fun ast.Expr) bool {
	fun = ast.Unparen(fun)
	if x, ok := fun.(*ast.IndexExpr); ok {
		fun = x.X // explicit instantiation
	}
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		fun = sel.Sel
	}
	id, ok := fun.(*ast.Ident)
	if !ok {
		return false
	}
	obj := p.info.Uses[id]
	if b, ok := obj.(*types.Builtin); ok {
		return slices.Contains([]string{"append", "clear", "copy", "delete"}, b.Name())
	}
	if obj == nil || obj.Pkg() == nil {
		return false
	}
	names := changers[obj.Pkg().Path()]
	return slices.Contains(names, stdFunc(obj, obj.Pkg().Path()))
}

// takesAddress reports whether sel picks a method with a pointer receiver from a variable that is not a pointer: the compiler
// takes the address by itself.
func (p *pass) takesAddress(sel *ast.SelectorExpr) bool {
	s := p.info.Selections[sel]
	if s == nil || s.Kind() != types.MethodVal {
		return false
	}
	f, ok := s.Obj().(*types.Func)
	if !ok || f.Signature().Recv() == nil {
		return false
	}
	_, wants := f.Signature().Recv().Type().Underlying().(*types.Pointer)
	_, has := s.Recv().Underlying().(*types.Pointer)
	return wants && !has && !s.Indirect()
}

func checkInit(p *pass) {
	for _, d := range p.src.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			p.report(f.Pos(), "init runs unasked and in an order nobody sees: write a table literal or a constructor")
		}
	}
}
