package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

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
