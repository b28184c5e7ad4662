package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// offline keeps the go command inside the fixture: no workspace, no network.
var offline = []string{"GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off"}

// fixture writes the module that breaks every rule into a directory of the test and gives the directory.
func fixture(t *testing.T) (string, []txtar.File) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/violations.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files := append(a.Files,
		long("gateway/core/long.go", "func-length", maxFuncLines+1, 0),
		long("gateway/core/fits.go", "", maxFuncLines, 0),
		long("gateway/core/pages.go", "file-length", 1, maxFileLines+1),
		long("gateway/core/page.go", "", 1, maxFileLines),
		long("gateway/core/pages_test.go", "file-length", 1, maxTestFileLines+1),
		long("gateway/core/page_test.go", "", maxFuncLines+1, maxTestFileLines),
	)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, files
}

// long makes a file of package core with one function of funcLines lines, filled up with comments to fileLines lines (0: as it is).
// It wants the rule at the function or at the package clause, whichever the rule is about.
func long(name, want string, funcLines, fileLines int) txtar.File {
	mark := func(rule string) string {
		if want != rule {
			return ""
		}
		return " // want " + rule
	}
	fn := strings.NewReplacer("/", "_", ".", "_").Replace(name)
	body := "{}"
	if funcLines > 1 {
		body = "{" + mark("func-length") + strings.Repeat("\n\t_ = 0", funcLines-2) + "\n}"
	}
	text := fmt.Sprintf("// Package core is long.\npackage core%s\n\nfunc %s() %s\n", mark("file-length"), fn, body)
	if rest := fileLines - strings.Count(text, "\n"); rest > 0 {
		text += strings.Repeat("//\n", rest)
	}
	return txtar.File{Name: name, Data: []byte(text)}
}

var wantMark = regexp.MustCompile(`(?://|#) want ([a-z][a-z -]*)$`)

// wanted reads the marks of the fixture: "file:line: rule".
func wanted(files []txtar.File) []string {
	var want []string
	for _, f := range files {
		for i, l := range strings.Split(string(f.Data), "\n") {
			if m := wantMark.FindStringSubmatch(l); m != nil {
				for _, rule := range strings.Fields(m[1]) {
					want = append(want, fmt.Sprintf("%s:%d: %s", f.Name, i+1, rule))
				}
			}
		}
	}
	slices.Sort(want)
	return want
}

// TestEveryRuleCanFail runs the rules over a module that breaks them: each marked line is reported by the rule it names, no other
// line is, and each rule is broken at least once.
func TestEveryRuleCanFail(t *testing.T) {
	dir, files := fixture(t)
	tr := load(t, dir, offline...)
	want := slices.DeleteFunc(wanted(files), func(w string) bool { return strings.HasSuffix(w, ": fused") })
	var got []string
	for _, r := range rules {
		found := r.apply(tr)
		if len(found) == 0 {
			t.Errorf("rule %s found nothing in testdata/violations.txtar: add a line that breaks it", r.name)
		}
		for _, f := range found {
			got = append(got, fmt.Sprintf("%s:%d: %s", f.file, f.line, f.rule))
		}
	}
	compare(t, got, want)
}

// TestFusedCanFail proves that TestNoFusedMultiplyAdd reads the compiler's listing.
func TestFusedCanFail(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiles for arm64")
	}
	dir, files := fixture(t)
	var got []string
	for _, f := range fusedIn(t, &tree{dir: dir}, []string{"gateway/queue"}, offline...) {
		got = append(got, fmt.Sprintf("%s:%d: %s", f.file, f.line, f.rule))
	}
	compare(t, got, slices.DeleteFunc(wanted(files), func(w string) bool { return !strings.HasSuffix(w, ": fused") }))
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	got = slices.Compact(got)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("not reported: %s", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("reported, but not marked: %s", g)
		}
	}
}

// TestDockerfileCanFail breaks the real Dockerfile one line at a time: each line that the rule speaks of is missed.
func TestDockerfileCanFail(t *testing.T) {
	good, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, complaint string }{
		{"FROM scratch", "WORKDIR /", "two stages"},
		{"USER 65532:65532", "USER 0:0", "numeric USER"},
		{"USER 65532:65532", "USER nonroot", "numeric USER"},
		{"USER 65532:65532", "", "numeric USER"},
		{`ENTRYPOINT ["/foundrylab"]`, "", "ENTRYPOINT"},
		{"CGO_ENABLED=0", "", "CGO_ENABLED=0"},
		{"-trimpath", "", "-trimpath"},
		{"EXPOSE 8080", "", "EXPOSE 8080"},
	} {
		bad := strings.Replace(string(good), c.old, c.new, 1)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		var found []finding
		checkDockerfile(&pass{tree: &tree{dir: dir}, found: &found})
		if len(found) != 1 || !strings.Contains(found[0].text, c.complaint) {
			t.Errorf("%q replaced by %q: got %v, want one complaint about %s", c.old, c.new, found, c.complaint)
		}
	}
}
