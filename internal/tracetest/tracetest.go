// Package tracetest runs text traces: files of commands, each followed by what
// a core did, indented. A person reads what changed as a diff. Only tests
// import it; it knows no core, the test hands in what obeys a command.
package tracetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Obey does one command, given as its words, and returns what came of it, a
// line each.
type Obey func(words []string) []string

// Run runs the commands of every file testdata/*.txt and compares what comes of
// them with what the file says, or writes it there with update. Lines that
// begin with # and empty ones are passed over. begin makes what obeys the
// commands of one file.
func Run(t *testing.T, update bool, begin func(t *testing.T) Obey) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := play(string(text), begin(t))
			if got == string(text) {
				return
			}
			if update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := strings.Split(string(text), "\n")
			for i, line := range strings.Split(got, "\n") {
				if i >= len(want) || line != want[i] {
					t.Fatalf("%s:%d: the core does\n%s\nwanted\n%s", name, i+1, line, strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
				}
			}
			t.Fatalf("%s: the core does less", name)
		})
	}
}

// play returns the text with what comes of its commands now.
func play(text string, obey Obey) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue // what it did when the file was written
		}
		out.WriteString(line)
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		for _, done := range obey(strings.Fields(line)) {
			out.WriteString("  " + done + "\n")
		}
	}
	return out.String()
}
