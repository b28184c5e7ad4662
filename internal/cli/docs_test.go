package cli

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pages are part of the product. What they show is run here, what they list
// is held against the tables of the code (docs_tables_test.go), and what they
// name must be there. Marks are comments in front of a fence:
//
//	<!-- run -->            its foundrylab lines are run, in one directory per page; "# exit 10" is the code to expect
//	<!-- file my.yaml -->   it is put into that directory first
//	<!-- output of: CMD --> its lines are among those that CMD prints, in this order; … stands for any number of lines
//	<!-- resources -->      it is a file of resources, and right
//	<!-- gateway -->        it is the file of a gateway, and right
//	<!-- go test -->        it is a Go file of somebody else's module that uses this one, and its tests pass
//	<!-- go openai -->      it is the inside of a function that uses openai-go, and compiles
const docsRoot = "../.."

type docsPage struct {
	name  string // from the root
	text  string
	lines []string
}

type docsFence struct {
	mark, lang, body string
	line             int
}

func docsPages(t *testing.T) []docsPage {
	t.Helper()
	names := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md"}
	more, err := filepath.Glob(filepath.Join(docsRoot, "docs", "*.md"))
	if err != nil || len(more) == 0 {
		t.Fatalf("no pages in docs: %v", err)
	}
	for _, path := range more {
		names = append(names, "docs/"+filepath.Base(path))
	}
	var pages []docsPage
	for _, name := range names {
		pages = append(pages, docsPageNamed(t, name))
	}
	return pages
}

func docsPageNamed(t *testing.T, name string) docsPage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docsRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return docsPage{name, string(text), strings.Split(string(text), "\n")}
}

func (p docsPage) fences() []docsFence {
	var found []docsFence
	for i := 0; i < len(p.lines); i++ {
		lang, ok := strings.CutPrefix(p.lines[i], "```")
		if !ok {
			continue
		}
		f := docsFence{lang: lang, line: i + 1}
		if i > 0 {
			if mark, ok := strings.CutPrefix(p.lines[i-1], "<!-- "); ok {
				f.mark = strings.TrimSuffix(mark, " -->")
			}
		}
		var body []string
		for i++; i < len(p.lines) && p.lines[i] != "```"; i++ {
			body = append(body, p.lines[i])
		}
		f.body = strings.Join(body, "\n") + "\n"
		found = append(found, f)
	}
	return found
}

// TestReadmeIsShort: who opens it wants the first command, not a manual.
func TestReadmeIsShort(t *testing.T) {
	if n := len(docsPageNamed(t, "README.md").lines); n > 300 {
		t.Errorf("%d lines, the limit is 300: move a part into docs", n)
	}
}

// exitCodes reads the constants, so that one more cannot be forgotten.
func exitCodes(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "cli.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "exit") && len(spec.Values) == 1 {
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				codes = append(codes, lit.Value)
			}
		}
		return true
	})
	if len(codes) < 5 {
		t.Fatalf("exit codes in cli.go: %v", codes)
	}
	return codes
}

// docsUpdating tells whether to write generated parts anew.
func docsUpdating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}
