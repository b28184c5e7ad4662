package reports_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/reports"
	"foundrylab/reports/reporttest"
	"foundrylab/reports/section"
)

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every section of the table appears, in the table's order.
func TestBuildFollowsTheTable(t *testing.T) {
	var got, want []string
	for _, b := range reports.Build(reporttest.Result(1000)) {
		if len(got) == 0 || got[len(got)-1] != b.Section {
			got = append(got, b.Section)
		}
	}
	for _, s := range section.All {
		want = append(want, s.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("sections %q, want %q", got, want)
	}
}

func TestBuildReadsOnly(t *testing.T) {
	r := reporttest.Result(1000)
	before := encode(t, r)
	first := encode(t, reports.Build(r))
	if encode(t, r) != before {
		t.Error("Build changed its argument")
	}
	if encode(t, reports.Build(r)) != first {
		t.Error("two builds of one result differ")
	}
}

// What no renderer could draw is refused here, for results whole, damaged and
// empty.
func TestBlocksAreDrawable(t *testing.T) {
	short := reporttest.Result(1000)
	short.Timeline.Tenants[0].Offered = short.Timeline.Tenants[0].Offered[:3]
	short.Timeline.Backends[1].Opened = nil
	short.Timeline.Tenants[2].Satisfaction = nil
	many := reporttest.Result(10000)
	for range 40 {
		many.Timeline.Tenants = append(many.Timeline.Tenants, many.Timeline.Tenants[0])
	}
	for name, r := range map[string]*record.Result{
		"whole": reporttest.Result(1000), "coarse": reporttest.Result(10000), "void": reporttest.Void(1000),
		"hostile": reporttest.Hostile(1000, "<script>#\""), "short columns": short, "many tenants": many, "empty": {},
	} {
		t.Run(name, func(t *testing.T) {
			anchors := []string{}
			for _, b := range reports.Build(r) {
				anchors = append(anchors, b.Anchor)
				drawable(t, &b)
			}
			slices.Sort(anchors)
			if n := len(anchors); n != len(slices.Compact(anchors)) {
				t.Error("two blocks share an anchor")
			}
			if len(anchors) > 60 {
				t.Errorf("%d blocks: charts are not bounded", len(anchors))
			}
		})
	}
}

var anchorForm = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func drawable(t *testing.T, b *section.Block) {
	t.Helper()
	if !anchorForm.MatchString(b.Anchor) || b.Section == "" || b.Heading == "" || b.Title == "" {
		t.Errorf("block %q of %q: anchor %q, heading %q", b.Title, b.Section, b.Anchor, b.Heading)
	}
	for i, row := range b.Table.Rows {
		if len(row) != len(b.Table.Columns) {
			t.Errorf("%s row %d has %d cells, want %d", b.Anchor, i, len(row), len(b.Table.Columns))
		}
	}
	if b.Kind != section.KindChart {
		return
	}
	c := &b.Chart
	if c.StepMs <= 0 || c.EndMs <= 0 || c.Unit == "" || len(c.Data) == 0 || len(c.Series) == 0 {
		t.Errorf("%s: step %d, end %d, unit %q, %d columns, %d series", b.Anchor, c.StepMs, c.EndMs, c.Unit, len(c.Data), len(c.Series))
	}
	for _, d := range c.Data {
		if len(d.Values) != len(c.Data[0].Values) {
			t.Errorf("%s: column %q has %d elements, its neighbour %d", b.Anchor, d.Name, len(d.Values), len(c.Data[0].Values))
		}
		if slices.Min(d.Values) < record.Null {
			t.Errorf("%s: column %q falls below Null", b.Anchor, d.Name)
		}
	}
	for i, s := range c.Series {
		if s.Column < 0 || s.Column >= len(c.Data) || s.Style == section.Range && i == 0 {
			t.Errorf("%s: series %d refers to column %d", b.Anchor, i, s.Column)
		}
	}
}
