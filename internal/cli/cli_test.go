package cli

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// full is a stream that takes nothing, such as a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestUnwritableOutput: what could not be said is an internal error, and no
// mistake of the person.
func TestUnwritableOutput(t *testing.T) {
	dir := t.TempDir()
	if _, diagnostics, code := call("run", "trace-replay", "--quiet", "--out", dir); code != exitPass {
		t.Fatal(diagnostics)
	}
	report := filepath.Join(dir, "report.json")
	for _, args := range [][]string{
		{"run", "trace-replay"}, {"lint", "trace-replay"}, {"explain", "trace-replay"}, {"schema"}, {"compare", report, report},
	} {
		var e bytes.Buffer
		code := Main(args, Streams{In: strings.NewReader(""), Out: full{}, Err: &e})
		if code != exitInternal || e.String() != "foundrylab: no space left\n" {
			t.Errorf("%v: exit code %d, stderr %q", args, code, e.String())
		}
	}
}

// TestPanic: a defect is told as one, with the exit code of one.
func TestPanic(t *testing.T) {
	var e bytes.Buffer
	code := Main([]string{"schema"}, Streams{In: strings.NewReader(""), Err: &e, Out: panicking{}})
	if code != exitInternal || !strings.HasPrefix(e.String(), "foundrylab: internal error: the writer broke\nThis is a defect") {
		t.Errorf("exit code %d, stderr %q", code, e.String())
	}
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("the writer broke") }
