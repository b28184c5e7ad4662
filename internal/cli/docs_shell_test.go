package cli

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

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
