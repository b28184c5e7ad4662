package cli

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"foundrylab/gateway"
	"foundrylab/scenarios"
	"foundrylab/simulator"
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

// commands returns a shell fence's commands without their comments.
func (f docsFence) commands() (list []string, comments []string) {
	if f.lang != "sh" {
		return nil, nil
	}
	for line := range strings.Lines(strings.ReplaceAll(f.body, "\\\n", " ")) {
		line, comment, _ := strings.Cut(strings.TrimSpace(line), "# ")
		if line = strings.TrimSpace(line); line != "" {
			list, comments = append(list, line), append(comments, comment)
		}
	}
	return list, comments
}

// shellWords splits a command as a shell does, as far as the pages need it.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && unicode.IsSpace(r):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// TestDocsCommands runs what the pages tell people to run, and holds the output
// that they show against what it prints today.
func TestDocsCommands(t *testing.T) {
	ran := 0
	for _, p := range docsPages(t) {
		t.Run(p.name, func(t *testing.T) {
			fences := p.fences()
			t.Chdir(t.TempDir())
			for _, f := range fences {
				if name, ok := strings.CutPrefix(f.mark, "file "); ok {
					if err := os.WriteFile(name, []byte(f.body), 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, f := range fences {
				if command, ok := strings.CutPrefix(f.mark, "output of: "); ok {
					_, out, _ := docsRun(t, command)
					docsShows(t, p, f, command, out)
				}
				if f.mark != "run" {
					continue
				}
				lines, comments := f.commands()
				for i, line := range lines {
					want := 0
					if code, ok := strings.CutPrefix(comments[i], "exit "); ok {
						want, _ = strconv.Atoi(strings.TrimRight(strings.Fields(code)[0], ":,.;"))
					}
					if code, out, errs := docsRun(t, line); code != want {
						t.Errorf("%s:%d: %s: exit code %d, want %d\n%s%s", p.name, f.line, line, code, want, out, errs)
					}
					ran++
				}
			}
		})
	}
	if ran < 10 {
		t.Errorf("only %d commands of the pages are run", ran)
	}
}

func docsRun(t *testing.T, line string) (code int, out, errs string) {
	t.Helper()
	words := shellWords(line)
	if words[0] != "foundrylab" {
		t.Fatalf("%s: only foundrylab can be run here", line)
	}
	var o, e bytes.Buffer
	code = Main(words[1:], Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func docsShows(t *testing.T, p docsPage, f docsFence, command, out string) {
	t.Helper()
	printed := strings.Split(out, "\n")
	at := 0
	for i, want := range strings.Split(strings.TrimSuffix(f.body, "\n"), "\n") {
		if want = strings.TrimRight(want, " "); want == "" || want == "…" {
			continue
		}
		found := slices.IndexFunc(printed[at:], func(s string) bool { return strings.TrimRight(s, " ") == want })
		if found < 0 {
			t.Fatalf("%s:%d: %s does not print this line, or not after the ones before:\n%s\nIt prints:\n%s", p.name, f.line+1+i, command, want, out)
		}
		at += found + 1
	}
}

// TestDocsFlags parses every foundrylab command of every page, also those that
// are not run: the command, its flags and its arguments are right.
func TestDocsFlags(t *testing.T) {
	parsed := 0
	for _, p := range docsPages(t) {
		for _, f := range p.fences() {
			lines, _ := f.commands()
			for _, line := range lines {
				i := strings.LastIndex(line, "foundrylab ")
				if i < 0 || strings.HasPrefix(line, "docker build") || strings.HasPrefix(line, "go ") {
					continue
				}
				command, _, _ := strings.Cut(line[i:], " > ")
				if strings.HasSuffix(line[:i], "$(") {
					command, _, _ = strings.Cut(command, ")")
				}
				args := shellWords(strings.TrimSuffix(command, " &"))[1:]
				c, rest, err := newRoot(Streams{}).Find(args)
				if err == nil {
					err = c.ParseFlags(rest)
				}
				if err == nil {
					err = c.ValidateArgs(c.Flags().Args())
				}
				if err != nil || !c.HasParent() {
					t.Errorf("%s:%d: %s: %v", p.name, f.line, line, err)
				}
				parsed++
			}
		}
	}
	if parsed < 15 {
		t.Errorf("only %d commands in the pages", parsed)
	}
}

// TestDocsScenarios loads every YAML block: a whole scenario as it is, a part of
// one in place of that part of ptu-outage.
func TestDocsScenarios(t *testing.T) {
	base, read, ok := scenarios.Shipped("ptu-outage")
	if !ok {
		t.Fatal("ptu-outage is not shipped")
	}
	loaded := 0
	for _, p := range docsPages(t) {
		for _, f := range p.fences() {
			if f.lang != "yaml" || f.mark == "not a scenario" {
				continue
			}
			if f.mark == "gateway" {
				if _, err := gateway.ReadFile(fmt.Sprintf("%s:%d", p.name, f.line), []byte(f.body)); err != nil {
					t.Error(err)
				}
				continue
			}
			if f.mark == "resources" {
				if _, err := simulator.ReadResources(fmt.Sprintf("%s:%d", p.name, f.line), []byte(f.body)); err != nil {
					t.Error(err)
				}
				continue
			}
			src := f.body
			if !strings.HasPrefix(src, "version:") {
				src = withSections(string(base), src)
			}
			if _, err := scenarios.Load(fmt.Sprintf("%s:%d", p.name, f.line), []byte(src), nil, read); err != nil {
				t.Errorf("%v\nin\n%s", err, src)
			}
			loaded++
		}
	}
	if loaded < 5 {
		t.Errorf("only %d YAML blocks", loaded)
	}
}

// withSections replaces the top-level keys of a YAML text by those of another.
func withSections(base, part string) string {
	keys, texts := sections(part)
	baseKeys, baseTexts := sections(base)
	for i, key := range baseKeys {
		if !slices.Contains(keys, key) {
			texts = append(texts, baseTexts[i])
		}
	}
	return strings.Join(texts, "")
}

func sections(text string) (keys, texts []string) {
	for line := range strings.Lines(text) {
		if key, _, ok := strings.Cut(line, ":"); ok && unicode.IsLetter(rune(line[0])) {
			keys, texts = append(keys, key), append(texts, "")
		}
		if len(texts) > 0 {
			texts[len(texts)-1] += line
		}
	}
	return keys, texts
}

var docsLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestDocsLinks follows the links within the repository, headings included.
func TestDocsLinks(t *testing.T) {
	for _, p := range docsPages(t) {
		for i, line := range p.lines {
			for _, m := range docsLink.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				path, anchor, _ := strings.Cut(m[1], "#")
				target := p.name
				if path != "" {
					target = filepath.Join(filepath.Dir(p.name), path)
				}
				if _, err := os.Stat(filepath.Join(docsRoot, target)); err != nil {
					t.Errorf("%s:%d: %v", p.name, i+1, err)
				} else if anchor != "" && !slices.Contains(docsPageNamed(t, target).anchors(), anchor) {
					t.Errorf("%s:%d: %s has no heading #%s", p.name, i+1, target, anchor)
				}
			}
		}
	}
}

// anchors returns the headings as GitHub links to them.
func (p docsPage) anchors() []string {
	var all []string
	inFence := false
	for _, line := range p.lines {
		inFence = inFence != strings.HasPrefix(line, "```")
		title := strings.TrimLeft(line, "#")
		if inFence || title == line {
			continue
		}
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title)))
	}
	return all
}

var (
	docsTest   = regexp.MustCompile("`((?:Test|Benchmark|Fuzz|Example)[A-Z]\\w*)`")
	docsPath   = regexp.MustCompile("`((?:cmd|docs|gateway|internal|loadgen|reports|scenarios|simulator|tools)/[\\w./-]*\\w)`")
	docsTarget = regexp.MustCompile("(?m)(?:`|^)make ([a-z]+)")
)

// TestDocsNames looks for the tests, files and make targets that the pages name.
func TestDocsNames(t *testing.T) {
	tests := map[string]bool{}
	err := filepath.WalkDir(docsRoot, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (\w+)\(`).FindAllSubmatch(src, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	makefile := docsPageNamed(t, "Makefile").text
	for _, p := range docsPages(t) {
		for _, m := range docsTest.FindAllStringSubmatch(p.text, -1) {
			if !tests[m[1]] {
				t.Errorf("%s: there is no test %s", p.name, m[1])
			}
		}
		for _, m := range docsPath.FindAllStringSubmatch(p.text, -1) {
			if !strings.Contains(m[1], "/yours") && !docsExists(m[1]) { // a file that is yet to be written
				t.Errorf("%s: there is no %s", p.name, m[1])
			}
		}
		for _, m := range docsTarget.FindAllStringSubmatch(p.text, -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: there is no make %s", p.name, m[1])
			}
		}
	}
}

// docsExists reports whether a path of the repository is there, or, written as
// gateway/route.Policies, a name in a package.
func docsExists(path string) bool {
	if _, err := os.Stat(filepath.Join(docsRoot, path)); err == nil {
		return true
	}
	i := strings.LastIndex(path, ".")
	if i < 0 {
		return false
	}
	files, _ := filepath.Glob(filepath.Join(docsRoot, path[:i], "*.go"))
	name := regexp.MustCompile(`\b` + path[i+1:] + `\b`)
	return slices.ContainsFunc(files, func(file string) bool {
		src, err := os.ReadFile(file)
		return err == nil && name.Match(src)
	})
}

// TestDocsGo builds the Go code of the pages as a module of somebody else's
// would, and runs its tests.
func TestDocsGo(t *testing.T) {
	dir := t.TempDir()
	blocks := 0
	for _, p := range docsPages(t) {
		for _, f := range p.fences() {
			switch f.mark {
			case "go test":
			case "go openai":
				f.body = openAIFrame + f.body + "return answer, err\n}\n"
			default:
				continue
			}
			blocks++
			docsWrite(t, filepath.Join(dir, fmt.Sprintf("p%d", blocks), "yours_test.go"), f.body)
		}
	}
	if blocks == 0 {
		t.Fatal("no Go code in the pages")
	}
	root, err := filepath.Abs(docsRoot)
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(docsPageNamed(t, "go.mod").text, "module foundrylab\n", "module example.com/yours\n", 1)
	docsWrite(t, filepath.Join(dir, "go.mod"), mod+"\nrequire foundrylab v0.0.0\n\nreplace foundrylab => "+root+"\n")
	docsWrite(t, filepath.Join(dir, "go.sum"), docsPageNamed(t, "go.sum").text)
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// openAIFrame is what a page leaves out around its lines.
const openAIFrame = `package yours

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func Answer(ctx context.Context) (*openai.ChatCompletion, error) {
`

func docsWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
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
