package section_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/reports/reporttest"
	"foundrylab/reports/section"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	reporttest.Golden(t, *update, name, got)
}

// Every section has a name, a doc line and a golden; a golden without a
// section is left over.
func TestEverySection(t *testing.T) {
	r := reporttest.Result(10000)
	var files []string
	for _, s := range section.All {
		t.Run(s.Name, func(t *testing.T) {
			if s.Title == "" || !strings.HasSuffix(s.Doc, ".") {
				t.Errorf("title %q, doc %q: want a title and a sentence", s.Title, s.Doc)
			}
			blocks := s.Build(r)
			if len(blocks) == 0 {
				t.Fatal("the fixture leaves it empty")
			}
			if blocks[0].Anchor != s.Name && !strings.HasPrefix(blocks[0].Anchor, s.Name+"-") {
				t.Errorf("anchor %q is not of section %q", blocks[0].Anchor, s.Name)
			}
			golden(t, s.Name+".golden", dump(t, blocks))
		})
		files = append(files, s.Name+".golden")
	}
	found, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if !slices.Contains(files, filepath.Base(f)) {
			t.Errorf("%s belongs to no section", f)
		}
	}
}

// dump prints blocks for reading: one cell row a line, columns shortened to
// their length, sum and every ninth element.
func dump(t *testing.T, blocks []section.Block) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, b := range blocks {
		fmt.Fprintf(&out, "%s #%s %q brief=%v fold=%v note=%q\n", b.Kind, b.Anchor, b.Title, b.Brief, b.Fold, b.Note)
		switch b.Kind {
		case section.KindBanner:
			fmt.Fprintf(&out, "  %s %q %s: %s\n", b.Banner.Verdict, b.Banner.Scenario, b.Banner.Tone, b.Banner.Sentence)
			for _, f := range b.Banner.Facts {
				fmt.Fprintf(&out, "  %s: %s (%s)\n", f.Name, f.Value, f.Tone)
			}
		case section.KindCards:
			for _, c := range b.Cards {
				fmt.Fprintf(&out, "  %s: %s (%s) %s\n", c.Name, c.Value, c.Tone, c.Note)
			}
		case section.KindTable:
			dumpTable(&out, &b.Table)
		case section.KindChart:
			dumpChart(t, &out, &b.Chart)
		case section.KindText:
			out.WriteString(b.Text)
		case section.KindTerms:
			for _, d := range b.Terms {
				fmt.Fprintf(&out, "  %s: %s\n", d.Name, d.Meaning)
			}
		}
	}
	return out.Bytes()
}

func dumpTable(out *bytes.Buffer, t *section.Table) {
	for _, c := range t.Columns {
		fmt.Fprintf(out, "  | %s/%s/%s number=%v brief=%v\n", c.Group, c.Name, c.Unit, c.Number, c.Brief)
	}
	for _, r := range t.Rows {
		for _, c := range r {
			fmt.Fprintf(out, "  %s", c.Text)
			if c.Tone != section.Plain {
				fmt.Fprintf(out, " (%s)", c.Tone)
			}
		}
		out.WriteByte('\n')
	}
}

func dumpChart(t *testing.T, out *bytes.Buffer, c *section.Chart) {
	fmt.Fprintf(out, "  step=%d end=%d unit=%q top=%d half=%v mean=%v\n", c.StepMs, c.EndMs, c.Unit, c.Top, c.Half, c.Mean)
	for _, s := range c.Series {
		d := &c.Data[s.Column]
		sum, some := int64(0), []int64{}
		for i, v := range d.Values {
			sum += v
			if i%9 == 0 {
				some = append(some, v)
			}
		}
		values, err := json.Marshal(some)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(out, "  %s hue=%d %q %q /1e%d n=%d sum=%d %s\n", s.Style, s.Hue, d.Name, d.Unit, d.Decimals, len(d.Values), sum, values)
	}
	fmt.Fprintf(out, "  bands=%v marks=%v\n", c.Bands, c.Marks)
}

// A section whose data is absent is absent.
func TestSectionsAreAbsentWithoutData(t *testing.T) {
	without := map[string]func(*record.Result){
		"assertions": func(r *record.Result) { r.Assertions = nil },
		"headline":   func(r *record.Result) { r.Totals.Requests = 0 },
		"timeline":   func(r *record.Result) { r.Timeline.Windows = 0 },
		"failover":   func(r *record.Result) { r.Failover = nil },
		"tenants":    func(r *record.Result) { r.Tenants = nil },
		"fairness":   func(r *record.Result) { r.Fairness.EvaluatedWindows = 0 },
		"backends":   func(r *record.Result) { r.Backends = nil },
		"totals":     func(r *record.Result) { r.Totals.Requests, r.Totals.Attempts = 0, 0 },
		"scenario":   func(r *record.Result) { r.Canonical = "" },
	}
	for _, s := range section.All {
		r := reporttest.Result(10000)
		remove, optional := without[s.Name]
		if optional {
			remove(r)
		}
		if got := len(s.Build(r)) == 0; got != optional {
			t.Errorf("%s: absent is %v, want %v", s.Name, got, optional)
		}
		if got := len(s.Build(&record.Result{})) == 0; got != optional {
			t.Errorf("%s of an empty result: absent is %v, want %v", s.Name, got, optional)
		}
	}
}

func TestSentence(t *testing.T) {
	pass := record.Assertion{Pass: true, Severity: "error"}
	fail := record.Assertion{Severity: "error"}
	warn := record.Assertion{Severity: "warn"}
	late := record.GeneratorResult{LagP50: 100, LagP99: 10_001}
	for _, c := range []struct {
		r    record.Result
		want string
	}{
		{record.Result{Verdict: "pass"}, "The scenario asserts nothing."},
		{record.Result{Verdict: "pass", Assertions: []record.Assertion{pass}}, "The one assertion held."},
		{record.Result{Verdict: "pass", Assertions: []record.Assertion{pass, pass}}, "All 2 assertions held."},
		{record.Result{Verdict: "pass", Assertions: []record.Assertion{pass, warn}}, "1 of 2 assertions held; 1 warning."},
		{record.Result{Verdict: "fail", Assertions: []record.Assertion{pass, fail}}, "1 of 2 assertions failed."},
		{record.Result{Verdict: "fail", Assertions: []record.Assertion{fail, warn, warn}}, "1 of 3 assertions failed; 2 warnings besides."},
		{record.Result{Verdict: "void", Generator: late}, "The load generator fell behind (lag p99 10.001 ms where 10 ms is allowed, 0 sends dropped), so the run proves nothing. Lower the rate or give the generator more CPU."},
		{record.Result{Verdict: "void", Generator: record.GeneratorResult{Dropped: 1}}, "The load generator dropped 1 send because max_in_flight requests were in flight already, so the run proves nothing. Raise max_in_flight, or find out why so few requests end."},
		{record.Result{Verdict: "void", Interrupted: true}, "The run was stopped before its end, so it proves nothing."},
		{record.Result{Verdict: "void", Generator: record.GeneratorResult{LagP99: 10_000}}, "The run does not count."},
	} {
		if got := section.Sentence(&c.r); got != c.want {
			t.Errorf("%s, %d assertions: %q, want %q", c.r.Verdict, len(c.r.Assertions), got, c.want)
		}
	}
}

// A fault never recovered from is the slowest of all.
func TestSlowestRecovery(t *testing.T) {
	fault := func(name string, ttr record.Millis) record.FailoverResult {
		return record.FailoverResult{Fault: name, TimeToRecover: ttr}
	}
	for _, c := range []struct {
		faults      []record.FailoverResult
		value, note string
		tone        section.Tone
	}{
		{[]record.FailoverResult{fault("a", 2_000_000), fault("b", 9_000_000), fault("c", 3_000_000)}, "9 s", "after fault b", section.Plain},
		{[]record.FailoverResult{fault("a", 2_000_000), fault("b", record.Null), fault("c", 90_000_000)}, "never", "fault b outlasted the service level", section.Bad},
		{[]record.FailoverResult{fault("a", record.Null), fault("b", 1)}, "never", "fault a outlasted the service level", section.Bad},
	} {
		r := reporttest.Result(10000)
		r.Failover = c.faults
		got := build(t, "headline", r)[0].Cards[0]
		if got.Value != c.value || got.Note != c.note || got.Tone != c.tone {
			t.Errorf("%v: %+v", c.faults, got)
		}
	}
}

// build returns the blocks of the named section.
func build(t *testing.T, name string, r *record.Result) []section.Block {
	t.Helper()
	for _, s := range section.All {
		if s.Name == name {
			return s.Build(r)
		}
	}
	t.Fatalf("no section %q", name)
	return nil
}

func TestNeverRecoveredStandsOut(t *testing.T) {
	r := reporttest.Result(10000)
	r.Failover[0].TimeToRecover, r.Failover[0].TimeToDetect = record.Null, record.Null
	row := build(t, "failover", r)[0].Table.Rows[0]
	if row[3] != (section.Cell{Text: "–"}) || row[4] != (section.Cell{Text: "–", Tone: section.Bad}) {
		t.Errorf("detect %+v, recover %+v", row[3], row[4])
	}
}

func TestMarksStayInsideTheChart(t *testing.T) {
	r := reporttest.Result(10000)
	r.Timeline.Backends[0].Opened = append(r.Timeline.Backends[0].Opened, 1, 1)
	if n := len(build(t, "timeline", r)[1].Chart.Marks); n != 6 {
		t.Errorf("%d marks, want 6", n)
	}
}

func TestVoidAssertionsSaySo(t *testing.T) {
	if got := build(t, "assertions", reporttest.Void(10000))[0].Note; got != "The run is void: these results count for nothing." {
		t.Errorf("note %q", got)
	}
}

// A gateway that counts other attempts than the backends is told.
func TestGatewayClaim(t *testing.T) {
	for _, c := range []struct {
		claim int64
		want  string
		tone  section.Tone
	}{{0, "it claims nothing", section.Plain}, {6614, "agrees", section.Plain}, {6000, "differs from the backends' count", section.Warn}} {
		r := reporttest.Result(10000)
		r.Totals.GatewayAttempts = c.claim
		rows := build(t, "totals", r)[0].Table.Rows
		if got := rows[len(rows)-1][2]; got.Text != c.want || got.Tone != c.tone {
			t.Errorf("claim of %d: %+v", c.claim, got)
		}
	}
}
