package scenarios_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/reports/render"
	"foundrylab/scenarios"
	"foundrylab/scenarios/assert"
	"foundrylab/scenarios/virtual"
)

var update = flag.Bool("update", false, "rewrite the files that tests compare with")

// shipped loads a scenario of the library as the command line does by name.
func shipped(t *testing.T, name string) *scenarios.Scenario {
	t.Helper()
	src, read, ok := scenarios.Shipped(name)
	if !ok {
		t.Fatalf("%s is not shipped", name)
	}
	s, err := scenarios.Load(name, src, nil, read)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShippedNamesAreTheFiles(t *testing.T) {
	files, err := filepath.Glob("library/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range files {
		want = append(want, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	if got := scenarios.ShippedNames(); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShippedTakesOnlyNames(t *testing.T) {
	for _, name := range []string{"", "nope", "ptu-outage.yaml", "library/ptu-outage", "../library/ptu-outage", `traces\sample`, "traces"} {
		if _, _, ok := scenarios.Shipped(name); ok {
			t.Errorf("%q is shipped", name)
		}
	}
}

func TestShippedReadsOnlyItsOwnFiles(t *testing.T) {
	_, read, _ := scenarios.Shipped("trace-replay")
	if _, err := read("traces/sample.csv"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"traces/nope.csv", "../scenario.go", "/etc/passwd", ""} {
		if src, err := read(path); err == nil || err.Error() != "the shipped library has no file "+path {
			t.Errorf("%s: %d bytes, %v", path, len(src), err)
		}
	}
}

// TestLibrary runs every shipped scenario in virtual time: it holds its
// assertions, every fault and tenant of it is asserted about or does something,
// and a second run comes to the same bytes.
func TestLibrary(t *testing.T) {
	for _, name := range scenarios.ShippedNames() {
		t.Run(name, func(t *testing.T) {
			if s := shipped(t, name); s.Description == "" || s.Name != name || len(s.Assert) == 0 {
				t.Errorf("needs a description, no name of its own, and assertions: %q, %q, %d", s.Description, s.Name, len(s.Assert))
			}
			first, second := play(t, name), play(t, name)
			if !bytes.Equal(first, second) {
				t.Error("two runs differ")
			}
		})
	}
}

// play runs a shipped scenario and returns its report.json.
func play(t *testing.T, name string) []byte {
	t.Helper()
	s := shipped(t, name)
	result := virtual.Run(s, virtual.Options{}).Result()
	assert.JudgeAll(result, s.Programs())
	if result.Verdict != assert.Pass || result.Interrupted {
		t.Errorf("verdict %s, interrupted %v", result.Verdict, result.Interrupted)
	}
	for _, a := range result.Assertions {
		if !a.Pass {
			t.Errorf("%s: %s is %s", a.Severity, a.Expr, a.Value)
		}
	}
	for _, tenant := range result.Tenants {
		if tenant.Requests == 0 {
			t.Errorf("tenant %s asks for nothing", tenant.Name)
		}
	}
	out, err := render.JSON(result)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSampleTrace holds traces/sample.csv against its generator, which
// traces/README.md describes.
func TestSampleTrace(t *testing.T) {
	const file = "library/traces/sample.csv"
	want := sampleTrace()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what its generator makes (run with -update to write it again)", file)
	}
	rows := shipped(t, "trace-replay").Rows(0)
	last := rows[len(rows)-1].At
	if len(rows) != 400 || last < 9*time.Minute || last > 10*time.Minute {
		t.Errorf("%d rows over %v, want 400 over nearly ten minutes", len(rows), last)
	}
	var sum, squares int64 // of the gaps, in ms
	for i := 1; i < len(rows); i++ {
		gap := (rows[i].At - rows[i-1].At).Milliseconds()
		sum, squares = sum+gap, squares+gap*gap
	}
	// E[g^2] / E[g]^2 = 1 + cv^2, which is 2 for a Poisson process
	if gaps := int64(len(rows) - 1); gaps*squares < 4*sum*sum {
		t.Errorf("not bursty: 1 + cv^2 of the gaps is %d/%d", gaps*squares, sum*sum)
	}
}

// sampleTrace follows traces/README.md step by step.
func sampleTrace() []byte {
	const rows = 400
	var out bytes.Buffer
	out.WriteString("TIMESTAMP,ContextTokens,GeneratedTokens\n")
	x := uint64(1)
	draw := func(n uint64) int {
		x = x*6364136223846793005 + 1442695040888963407
		return int((x >> 33) % n)
	}
	at := time.Date(2025, 1, 1, 9, 0, 0, 0, time.UTC)
	written := 0
	row := func(gapMs int) {
		at = at.Add(time.Duration(gapMs) * time.Millisecond)
		prompt := 200 + draw(800)
		if draw(8) == 0 {
			prompt += draw(6000)
		}
		output := 20 + draw(180)
		if draw(6) == 0 {
			output += draw(600)
		}
		if written++; written <= rows {
			fmt.Fprintf(&out, "%s,%d,%d\n", at.Format("2006-01-02 15:04:05.0000000"), prompt, output)
		}
	}
	for written < rows {
		for range 8 + draw(16) {
			row(50 + draw(350))
		}
		for range 2 {
			row(4000 + draw(7000))
		}
		at = at.Add(time.Duration(4000+draw(7000)) * time.Millisecond)
	}
	return out.Bytes()
}
