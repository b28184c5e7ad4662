package arch

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// machinery is what a pure package must not import; each stands for all below it.
var machinery = []string{
	"context", "crypto/rand", "database/sql", "hash/maphash", "io/ioutil", "log", "math/rand", "net", "os", "plugin", "runtime",
	"sync", "syscall", "unsafe", "golang.org/x/sys",
}

// console lists the functions of package fmt that talk to the process's own streams.
var console = []string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}

func checkMachine(p *pass) {
	p.eachImport(func(spec *ast.ImportSpec, path string, own bool) {
		if withinAny(path, machinery) {
			p.report(spec.Pos(), "a pure package must not import %s: hand in what it would give", path)
		}
	})
	p.eachUse(func(id *ast.Ident, obj types.Object, _ []ast.Node) {
		if f := stdFunc(obj, "fmt"); slices.Contains(console, f) {
			p.report(id.Pos(), "fmt.%s talks to the process's streams: take an io.Writer", f)
		}
		if b, ok := obj.(*types.Builtin); ok && (b.Name() == "print" || b.Name() == "println") {
			p.report(id.Pos(), "%s talks to the process's streams: take an io.Writer", b.Name())
		}
	})
}

// eachUse visits every identifier that stands for something declared elsewhere.
func (p *pass) eachUse(visit func(id *ast.Ident, obj types.Object, stack []ast.Node)) {
	p.walk(func(n ast.Node, stack []ast.Node) {
		if id, ok := n.(*ast.Ident); ok && p.info.Uses[id] != nil {
			visit(id, p.info.Uses[id], stack)
		}
	})
}

// stdFunc gives the name of a package-level function of the named standard package, or "".
func stdFunc(obj types.Object, pkg string) string {
	f, ok := obj.(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path() != pkg || f.Signature().Recv() != nil {
		return ""
	}
	return f.Name()
}

// clockNames is what package time knows of the machine's clock, its waiting, and where the machine stands.
var clockNames = []string{
	"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Timer", "Ticker", "Local", "LoadLocation",
}

// checkClock sees package-level names and the method Time.Local. time.Unix answers in the machine's own zone, so it must be
// followed by UTC() or In(...) at once.
func checkClock(p *pass) {
	p.eachUse(func(id *ast.Ident, obj types.Object, stack []ast.Node) {
		if obj.Pkg() == nil || obj.Pkg().Path() != "time" {
			return
		}
		switch name := obj.Name(); {
		case name == "Local":
			p.report(id.Pos(), "time's Local is the machine's zone: use UTC")
		case obj.Parent() == obj.Pkg().Scope() && slices.Contains(clockNames, name):
			p.report(id.Pos(), "time.%s: a pure package is told the time, and says by NextWake or an effect when it wants to be called", name)
		case slices.Contains([]string{"Unix", "UnixMilli", "UnixMicro"}, stdFunc(obj, "time")) && !inUTC(stack):
			p.report(id.Pos(), "time.%s answers in the machine's zone: add .UTC()", name)
		}
	})
}

// inUTC reports whether the called function named at the end of stack is a call whose result goes straight into UTC() or In().
func inUTC(stack []ast.Node) bool {
	for i := len(stack) - 1; i > 0; i-- {
		if _, ok := stack[i].(*ast.CallExpr); ok {
			sel, ok := stack[i-1].(*ast.SelectorExpr)
			return ok && (sel.Sel.Name == "UTC" || sel.Sel.Name == "In")
		}
	}
	return false
}

func checkConcurrency(p *pass) {
	p.walk(func(n ast.Node, _ []ast.Node) {
		switch n := n.(type) {
		case *ast.GoStmt:
			p.report(n.Pos(), "a pure package starts no goroutine: return an effect and let the shell do it")
		case *ast.SelectStmt:
			p.report(n.Pos(), "select waits: a pure package never waits")
		case *ast.ChanType:
			p.report(n.Pos(), "a pure package knows no channel: events come in as arguments, effects go out as values")
		case *ast.SendStmt:
			p.report(n.Pos(), "a send waits: return an effect")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				p.report(n.Pos(), "a receive waits: take the value as an event")
			}
		case *ast.RangeStmt:
			if anyTerm(p.info.TypeOf(n.X), isChan) {
				p.report(n.Pos(), "range over a channel waits: take the values as events")
			}
		}
	})
	p.eachUse(func(id *ast.Ident, obj types.Object, _ []ast.Node) {
		if f := stdFunc(obj, "iter"); f != "" {
			p.report(id.Pos(), "iter.%s runs a coroutine: range over the sequence", f)
		}
	})
}

// checkMapOrder sees range statements, the iterators of package maps unless slices.Sorted takes them at once, and reflection.
func checkMapOrder(p *pass) {
	p.walk(func(n ast.Node, _ []ast.Node) {
		if r, ok := n.(*ast.RangeStmt); ok && anyTerm(p.info.TypeOf(r.X), isMap) {
			p.report(r.Pos(), "range over a map has no order: keep a sorted slice beside it")
		}
	})
	p.eachUse(func(id *ast.Ident, obj types.Object, stack []ast.Node) {
		f := stdFunc(obj, "maps")
		if slices.Contains([]string{"All", "Keys", "Values"}, f) && !p.sortedAtOnce(stack) {
			p.report(id.Pos(), "maps.%s has no order: wrap it in slices.Sorted at once", f)
		}
		if obj.Pkg() != nil && obj.Pkg().Path() == "reflect" && (obj.Name() == "MapRange" || obj.Name() == "MapKeys") {
			p.report(id.Pos(), "reflect's %s has no order: sort the keys elsewhere", obj.Name())
		}
	})
}

// sortedAtOnce reports whether the call around the end of stack is itself an argument of slices.Sorted and its like.
func (p *pass) sortedAtOnce(stack []ast.Node) bool {
	for i := len(stack) - 1; i > 0; i-- {
		if _, ok := stack[i].(*ast.CallExpr); !ok {
			continue
		}
		outer, ok := stack[i-1].(*ast.CallExpr)
		if !ok {
			return false
		}
		fun := ast.Unparen(outer.Fun)
		if sel, ok := fun.(*ast.SelectorExpr); ok {
			fun = sel.Sel
		}
		id, ok := fun.(*ast.Ident)
		return ok && slices.Contains([]string{"Sorted", "SortedFunc", "SortedStableFunc"}, stdFunc(p.info.Uses[id], "slices"))
	}
	return false
}

// anyTerm reports whether is holds for the type, seen through names, aliases and the constraint of a type parameter.
func anyTerm(t types.Type, is func(types.Type) bool) bool {
	if t == nil {
		return false // a package that does not compile
	}
	if _, generic := types.Unalias(t).(*types.TypeParam); !generic {
		return is(t.Underlying())
	}
	return anyInConstraint(t.Underlying(), is)
}

func anyInConstraint(t types.Type, is func(types.Type) bool) bool {
	switch t := t.(type) {
	case *types.Union:
		for i := range t.Len() {
			if anyInConstraint(t.Term(i).Type().Underlying(), is) {
				return true
			}
		}
		return false
	case *types.Interface:
		for i := range t.NumEmbeddeds() {
			e := t.EmbeddedType(i)
			if _, union := e.(*types.Union); !union {
				e = e.Underlying()
			}
			if anyInConstraint(e, is) {
				return true
			}
		}
		return false
	}
	return is(t)
}

func isMap(t types.Type) bool  { _, ok := t.(*types.Map); return ok }
func isChan(t types.Type) bool { _, ok := t.(*types.Chan); return ok }
func isFloat(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
}

func checkConstrained(p *pass) {
	if p.purity() < pure {
		return
	}
	for _, f := range p.unit.unloaded {
		p.reportAt(p.rel(f), 1, "a pure package has no assembly and no file for one platform only: these rules could not see it")
	}
}

func checkSleepingTest(p *pass) {
	if !p.src.test {
		return
	}
	bubble := slices.ContainsFunc(p.src.file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"testing/synctest"` })
	p.eachUse(func(id *ast.Ident, obj types.Object, _ []ast.Node) {
		if stdFunc(obj, "time") == "Sleep" && !bubble {
			p.report(id.Pos(), "a test that sleeps is slow or flaky: wait for the event itself, or run in a testing/synctest bubble")
		}
	})
}
