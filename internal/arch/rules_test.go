package arch

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"testing"

	"golang.org/x/tools/go/packages"
)

// rule is one promise and its check. Exactly one of the three checks is set.
type rule struct {
	name    string
	promise string
	file    func(*pass) // called for every Go file, tests included
	unit    func(*pass) // called for every package
	repo    func(*pass) // called once, for what is not Go
}

// rules is the whole list. A line here without a line in testdata/violations.txtar that breaks it fails TestEveryRuleCanFail.
var rules = []rule{
	{name: "compiles", promise: "every package and its tests compile", unit: checkCompiles},
	{name: "classified", promise: "every package has a line in the table of classes", unit: checkClassified},
	{name: "direction", promise: "imports run cmd -> internal/cli -> shells -> core -> leaves, and what is pure imports what is pure", file: checkDirection},
	{name: "border", promise: "the imports that the tables never, only and onlyBy rule out", file: checkBorders},
	{name: "module", promise: "third-party modules are the listed ones, each only where the list says", file: checkModules},
	{name: "direct", promise: "go.mod requires directly the listed modules", repo: checkDirect},

	{name: "machine", promise: "pure packages import nothing that reaches the machine", file: inPure(checkMachine)},
	{name: "clock", promise: "pure packages take time as an argument", file: inPure(checkClock)},
	{name: "concurrency", promise: "pure packages start no goroutine and know no channel", file: inPure(checkConcurrency)},
	{name: "map-order", promise: "pure packages never depend on the order of a map", file: inPure(checkMapOrder)},
	{name: "inexact-math", promise: "pure packages call only functions of package math that are exact on every processor", file: inPure(checkMath)},
	{name: "float", promise: "exact packages calculate in integers", file: checkFloat},
	{name: "constrained", promise: "pure packages are the same files on every platform", unit: checkConstrained},

	{name: "package-state", promise: "package variables do not change", file: inProduct(checkPackageState)},
	{name: "init", promise: "no init functions: tables are literals", file: inProduct(checkInit)},
	{name: "sleeping-test", promise: "no test sleeps, but in a synctest bubble", file: checkSleepingTest},

	{name: "package-name", promise: "no package is called after nothing in particular", unit: checkPackageName},
	{name: "package-comment", promise: "every package says what it owns", unit: checkPackageComment},
	{name: "documented", promise: "every exported name has a comment", file: inProduct(byHand(checkDocumented))},
	{name: "func-length", promise: "a function fits on one screen", file: inProduct(byHand(checkFuncLength))},
	{name: "file-length", promise: "a file is about one thing", file: byHand(checkFileLength)},
	{name: "main-length", promise: "main only hands over", file: inProduct(checkMainLength)},

	{name: "dockerfile", promise: "the image is built in two stages, static, and runs as nobody", repo: checkDockerfile},
	{name: "race-list", promise: "make test runs every shell package under the race detector", repo: checkRaceList},
	{name: "contributing", promise: "CONTRIBUTING.md names every rule and the tables of the extension points", repo: checkContributing},
}

// pass is one check at work on one file, package or repository.
type pass struct {
	*tree
	unit  *unit
	src   *source
	info  *types.Info
	all   []rule
	rule  string
	found *[]finding
}

// report files a finding at pos.
func (p *pass) report(pos token.Pos, format string, args ...any) {
	file, line := p.at(pos)
	p.reportAt(file, line, format, args...)
}

func (p *pass) reportAt(file string, line int, format string, args ...any) {
	*p.found = append(*p.found, finding{file, line, p.rule, fmt.Sprintf(format, args...)})
}

// purity of the package at hand; one that the table does not name has promised nothing.
func (p *pass) purity() purity {
	if p.unit.class == nil {
		return worldly
	}
	return p.unit.class.purity
}

// inPure limits a check to the product files of pure packages.
func inPure(check func(*pass)) func(*pass) {
	return func(p *pass) {
		if p.purity() >= pure && !p.src.test {
			check(p)
		}
	}
}

// inProduct limits a check to files that are not tests.
func inProduct(check func(*pass)) func(*pass) {
	return func(p *pass) {
		if !p.src.test {
			check(p)
		}
	}
}

// byHand limits a check to files that no generator wrote.
func byHand(check func(*pass)) func(*pass) {
	return func(p *pass) {
		if !p.src.generated {
			check(p)
		}
	}
}

// walk visits every node of the file with the nodes that enclose it, outermost first.
func (p *pass) walk(visit func(n ast.Node, stack []ast.Node)) {
	ast.PreorderStack(p.src.file, nil, func(n ast.Node, stack []ast.Node) bool {
		visit(n, stack)
		return true
	})
}

// apply runs one rule over the tree.
func (r rule) apply(tr *tree) []finding {
	var found []finding
	p := &pass{tree: tr, all: rules, rule: r.name, found: &found}
	if r.repo != nil {
		r.repo(p)
	}
	for _, u := range tr.units {
		p.unit = u
		if r.unit != nil {
			r.unit(p)
		}
		for _, s := range u.sources {
			if r.file != nil {
				p.src, p.info = s, s.pkg.TypesInfo
				r.file(p)
			}
		}
	}
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.text, b.text))
	})
	return slices.Compact(found)
}

func TestArchitecture(t *testing.T) {
	tr := load(t, "../..")
	if !slices.ContainsFunc(tr.units, func(u *unit) bool { return u.path == "internal/arch" }) {
		t.Fatalf("the loader found %d packages but not this one: nothing was checked", len(tr.units))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.apply(tr) {
				t.Errorf("%s", f)
			}
		})
	}
}

// checkCompiles repeats what the loader said. An error without a place is the compiler's summary of others that have one.
func checkCompiles(p *pass) {
	errs := p.unit.errors
	placed := slices.DeleteFunc(slices.Clone(errs), func(e packages.Error) bool { return e.Pos == "" || e.Pos == "-" })
	for _, e := range placed {
		file, line := p.place(e.Pos)
		p.reportAt(file, line, "%s", e.Msg)
	}
	if len(placed) == 0 && len(errs) > 0 {
		p.reportAt(p.unit.path, 1, "%s", errs[0].Msg)
	}
}
