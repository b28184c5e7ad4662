package arch

import (
	"go/ast"
	"go/token"
	"slices"
)

func checkFuncLength(p *pass) {
	p.walk(func(n ast.Node, stack []ast.Node) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			p.measure(n, n.Name.Name)
		case *ast.FuncLit:
			if !slices.ContainsFunc(stack, isFuncDecl) {
				p.measure(n, "function literal") // within a function it counts with that function
			}
		}
	})
}

func isFuncDecl(n ast.Node) bool { _, ok := n.(*ast.FuncDecl); return ok }

// measure counts from the signature, so a long comment costs nothing.
func (p *pass) measure(n ast.Node, name string) {
	start := n.Pos()
	if f, ok := n.(*ast.FuncDecl); ok {
		start = f.Type.Pos()
	}
	_, first := p.at(start)
	_, last := p.at(n.End())
	if lines := last - first + 1; lines > maxFuncLines {
		p.report(start, "%s has %d lines, the limit is %d: give a part of it a name", name, lines, maxFuncLines)
	}
}

func (p *pass) lines() int { return p.fset.File(p.src.file.FileStart).LineCount() }

func checkFileLength(p *pass) {
	limit := maxFileLines
	if p.src.test {
		limit = maxTestFileLines
	}
	if n := p.lines(); n > limit {
		p.report(p.src.file.Package, "%d lines, the limit is %d: the file is about two things", n, limit)
	}
}

func checkMainLength(p *pass) {
	if p.unit.class == nil || p.unit.class.layer != command {
		return
	}
	if n := p.lines(); n > maxMainLines {
		p.report(p.src.file.Package, "%d lines, the limit is %d: main only hands over to internal/cli", n, maxMainLines)
	}
}

func checkPackageComment(p *pass) {
	if p.unit.name == "" || slices.ContainsFunc(p.unit.sources, func(s *source) bool { return !s.test && s.file.Doc != nil }) {
		return
	}
	p.report(p.unit.sources[0].file.Package, "package %s has no package comment: say what it owns and what it refuses", p.unit.path)
}

// obvious names methods whose interface in the standard library says all there is to say.
var obvious = []string{
	"Close", "Error", "Is", "Len", "Less", "MarshalJSON", "MarshalText", "Pop", "Push", "Read", "RoundTrip", "ServeHTTP", "String",
	"Swap", "UnmarshalJSON", "UnmarshalText", "Unwrap", "Write",
}

// checkDocumented wants a comment on every exported function, method of an exported type, type, and on every exported constant and
// variable or on the group it stands in.
func checkDocumented(p *pass) {
	if p.src.file.Name.Name == "main" {
		return
	}
	for _, d := range p.src.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && reachable(d) {
				p.report(d.Type.Pos(), "%s has no comment: say what it promises, with units, ranges, errors", d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				p.specDocumented(d, s)
			}
		}
	}
}

// reachable reports whether users of the package see the function, and no interface has explained it already.
func reachable(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	switch x := t.(type) {
	case *ast.IndexExpr:
		t = x.X
	case *ast.IndexListExpr:
		t = x.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported() && !slices.Contains(obvious, d.Name.Name)
}

func (p *pass) specDocumented(d *ast.GenDecl, s ast.Spec) {
	var names []*ast.Ident
	var own, trailing *ast.CommentGroup
	switch s := s.(type) {
	case *ast.TypeSpec:
		names, own = []*ast.Ident{s.Name}, s.Doc
	case *ast.ValueSpec:
		names, own, trailing = s.Names, s.Doc, s.Comment
	}
	if own != nil || trailing != nil || (d.Doc != nil && (d.Tok != token.TYPE || !d.Lparen.IsValid())) {
		return
	}
	for _, n := range names {
		if n.IsExported() {
			p.report(n.Pos(), "%s has no comment: say what it means, with its unit and range", n.Name)
		}
	}
}
