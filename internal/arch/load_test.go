package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// modulePath is the module's name in go.mod, in the real tree and in the fixture alike.
const modulePath = "foundrylab"

// tree is a loaded module.
type tree struct {
	dir   string
	fset  *token.FileSet
	units []*unit // sorted by path
}

// unit is one package: its own files and those of its tests, each with the types that go with it.
type unit struct {
	path     string // below the module: "simulator/deployment", "." for the root
	name     string
	class    *class // nil where the table does not name it
	sources  []*source
	unloaded []string // files that the loader left out or cannot check: build constraints, assembly, C
	errors   []packages.Error
}

// source is one Go file.
type source struct {
	pkg       *packages.Package
	file      *ast.File
	test      bool
	generated bool
}

// finding is one broken rule. The zero line stands for a whole file.
type finding struct {
	file string // below the module
	line int
	rule string
	text string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s: %s", f.file, f.line, f.rule, f.text) }

// load reads the module at dir with its tests. A package that does not compile is loaded as far as it goes and carries its errors.
func load(t *testing.T, dir string, env ...string) *tree {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	tr := &tree{dir: dir, fset: token.NewFileSet()}
	visitFolders(t, dir)
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedModule |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax | packages.NeedForTest,
		Dir: dir, Fset: tr.fset, Tests: true, Env: append(os.Environ(), env...),
	}, "./...")
	if err != nil {
		t.Fatalf("loading %s: %v", dir, err)
	}
	units := map[string]*unit{}
	for _, p := range pkgs {
		tr.add(units, p)
	}
	for _, u := range units {
		u.class = classOf(u.path)
		tr.units = append(tr.units, u)
	}
	sort.Slice(tr.units, func(i, j int) bool { return tr.units[i].path < tr.units[j].path })
	return tr
}

// visitFolders reads every folder of the tree, so that go test's cache, which knows only what the test itself has opened, runs the
// test again when a file was added or removed.
func visitFolders(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains([]string{".git", "bin", "out"}, d.Name()) {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// add files p under its unit. The loader gives a package up to three times: alone, together with its inner tests, and its outer
// tests as a package of their own. Each file is taken once.
func (tr *tree) add(units map[string]*unit, p *packages.Package) {
	if strings.HasSuffix(p.ID, ".test") {
		return // the generated test main
	}
	path := p.PkgPath
	if p.ForTest != "" {
		path = p.ForTest
	}
	path = below(path)
	u := units[path]
	if u == nil {
		u = &unit{path: path}
		units[path] = u
	}
	if p.ForTest == "" {
		u.name = p.Name
		u.unloaded = append(append(u.unloaded, p.IgnoredFiles...), p.OtherFiles...)
	}
	for _, e := range p.Errors {
		if p.ForTest == "" || strings.Contains(e.Pos, "_test.go:") {
			u.errors = append(u.errors, e)
		}
	}
	for _, f := range p.Syntax {
		test := strings.HasSuffix(tr.fset.Position(f.FileStart).Filename, "_test.go")
		if test == (p.ForTest != "") {
			u.sources = append(u.sources, &source{pkg: p, file: f, test: test, generated: ast.IsGenerated(f)})
		}
	}
}

// below strips the module's name from an import path; an import path of another module stays as it is.
func below(path string) string {
	if path == modulePath {
		return "."
	}
	return strings.TrimPrefix(path, modulePath+"/")
}

// ours tells a package of this module from all others.
func ours(importPath string) bool {
	return importPath == modulePath || strings.HasPrefix(importPath, modulePath+"/")
}

func classOf(path string) *class {
	for i := range classes {
		if classes[i].path == path {
			return &classes[i]
		}
	}
	return nil
}

// within reports whether path is root or lies below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func withinAny(path string, roots []string) bool {
	for _, r := range roots {
		if within(path, r) {
			return true
		}
	}
	return false
}

// at turns a position into the file below the module and the line.
func (tr *tree) at(pos token.Pos) (string, int) {
	p := tr.fset.Position(pos)
	return tr.rel(p.Filename), p.Line
}

func (tr *tree) rel(file string) string {
	if r, err := filepath.Rel(tr.dir, file); err == nil {
		return filepath.ToSlash(r)
	}
	return file
}

// place reads the "file:line:column" of a loader's error.
func (tr *tree) place(pos string) (string, int) {
	parts := strings.Split(pos, ":")
	if len(parts) < 2 {
		return pos, 0
	}
	line, _ := strconv.Atoi(parts[1])
	return tr.rel(parts[0]), line
}
