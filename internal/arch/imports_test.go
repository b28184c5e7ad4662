package arch

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

func checkClassified(p *pass) {
	if p.unit.class != nil || len(p.unit.sources) == 0 {
		return
	}
	p.report(p.unit.sources[0].file.Package, "%s has no line in the table of classes in internal/arch/tables_test.go: say there which layer it is in and what it promises", p.unit.path)
}

// eachImport visits the imports of a file, those of this module below its name.
func (p *pass) eachImport(visit func(spec *ast.ImportSpec, path string, own bool)) {
	for _, spec := range p.src.file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the loader has said so already
		}
		visit(spec, below(path), ours(path))
	}
}

func checkDirection(p *pass) {
	from := p.unit.class
	if p.src.test || from == nil {
		return
	}
	p.eachImport(func(spec *ast.ImportSpec, path string, own bool) {
		to := classOf(path)
		switch {
		case !own || to == nil || path == p.unit.path:
		case from.layer == tool && to.layer > core:
			p.report(spec.Pos(), "a tool builds on core and leaves, not on %s, a %s", path, to.layer)
		case to.layer > from.layer:
			p.report(spec.Pos(), "%s is a %s and may not import %s, a %s", p.unit.path, from.layer, path, to.layer)
		case to.purity < min(from.purity, pure):
			p.report(spec.Pos(), "%s is pure and may not import %s, which is not", p.unit.path, path)
		}
	})
}

func checkBorders(p *pass) {
	if p.src.test {
		return
	}
	p.eachImport(func(spec *ast.ImportSpec, path string, own bool) {
		for _, b := range never {
			if own && within(p.unit.path, b.who) && withinAny(path, b.what) {
				p.report(spec.Pos(), "%s never imports %s: %s", b.who, path, b.why)
			}
		}
		for _, b := range only {
			if own && within(p.unit.path, b.who) && !within(path, b.who) && !slices.Contains(b.what, path) {
				p.report(spec.Pos(), "%s imports only %s, not %s: %s", b.who, strings.Join(b.what, ", "), path, b.why)
			}
		}
		for _, b := range onlyBy {
			if within(path, b.who) && !within(p.unit.path, b.who) && !withinAny(p.unit.path, b.what) {
				p.report(spec.Pos(), "%s is imported only by %s: %s", b.who, strings.Join(b.what, ", "), b.why)
			}
		}
	})
}

func checkModules(p *pass) {
	p.eachImport(func(spec *ast.ImportSpec, path string, own bool) {
		first, _, _ := strings.Cut(path, "/")
		if own || !strings.Contains(first, ".") {
			return // this module or the standard library
		}
		d, ok := dependencyOf(path)
		switch {
		case !ok:
			p.report(spec.Pos(), "%s belongs to no module of the dependency table in internal/arch/tables_test.go", path)
		case p.src.test:
		case d.reach == inTests:
			p.report(spec.Pos(), "%s is for tests only: it must not be linked into the binary", d.module)
		case d.reach == inShells && p.purity() >= pure:
			p.report(spec.Pos(), "%s is for shells only: a pure package must not import it", d.module)
		}
	})
}

func dependencyOf(path string) (dependency, bool) {
	i := slices.IndexFunc(dependencies, func(d dependency) bool { return within(path, d.module) })
	if i < 0 {
		return dependency{}, false
	}
	return dependencies[i], true
}

func checkPackageName(p *pass) {
	nothing := []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "lib", "base"}
	if p.unit.name != "" && slices.Contains(nothing, p.unit.name) {
		p.report(p.unit.sources[0].file.Package, "a package called %s owns nothing in particular: name it after what it owns", p.unit.name)
	}
}
