package compare_test

import (
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/reports/compare"
	"foundrylab/reports/render"
	"foundrylab/reports/reporttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	reporttest.Golden(t, *update, name, got)
}

const fivePercent record.Ratio = 50_000

// Each case changes one figure of the later run.
func TestJudgements(t *testing.T) {
	type change func(*record.Result)
	none := func(*record.Result) {}
	ttft := func(v record.Millis) change { return func(r *record.Result) { r.Tenants[0].TTFT.P95 = v } }
	ttr := func(v record.Millis) change { return func(r *record.Result) { r.Failover[0].TimeToRecover = v } }
	failed := func(v int64) change { return func(r *record.Result) { r.Totals.Failed = v } }
	jain := func(v record.Ratio) change { return func(r *record.Result) { r.Fairness.JainMean = v } }
	goodput := func(v record.Ratio) change { return func(r *record.Result) { r.Tenants[0].GoodputRatio = v } }
	amplification := func(v record.Ratio) change { return func(r *record.Result) { r.Totals.RetryAmplification = v } }
	for _, c := range []struct {
		name, metric  string
		before, after change
		want          compare.Judgement
		relative      record.Ratio
	}{
		{"same", "ttft_ms.p95", ttft(800_000), ttft(800_000), compare.Same, 0},
		{"at the limit", "ttft_ms.p95", ttft(800_000), ttft(840_000), compare.Worse, 50_000},
		{"just above it", "ttft_ms.p95", ttft(800_000), ttft(840_001), compare.Regression, 50_001},
		{"faster", "ttft_ms.p95", ttft(800_000), ttft(400_000), compare.Better, 500_000},
		{"1 ms of 3 ms is noise", "ttft_ms.p95", ttft(3_000), ttft(4_000), compare.Worse, 333_333},
		{"20 ms is the floor", "ttft_ms.p95", ttft(3_000), ttft(23_000), compare.Worse, 6_666_666},
		{"above the floor", "ttft_ms.p95", ttft(3_000), ttft(23_001), compare.Regression, 6_667_000},
		{"no longer measured", "ttft_ms.p95", ttft(800_000), ttft(record.Null), compare.Unmatched, record.Null},
		{"never recovered", "time_to_recover_ms", ttr(10_000_000), ttr(record.Null), compare.Regression, record.Null},
		{"recovers now", "time_to_recover_ms", ttr(record.Null), ttr(10_000_000), compare.Better, record.Null},
		{"never in both", "time_to_recover_ms", ttr(record.Null), ttr(record.Null), compare.Same, record.Null},
		{"first failures", "failed_requests", failed(0), failed(1), compare.Regression, record.Null},
		{"one more of many", "failed_requests", failed(100), failed(101), compare.Worse, 10_000},
		{"six more of many", "failed_requests", failed(100), failed(106), compare.Regression, 60_000},
		{"fewer", "failed_requests", failed(100), failed(0), compare.Better, 1_000_000},
		{"less fair", "jain_mean", jain(960_000), jain(900_000), compare.Regression, 62_500},
		{"fairer", "jain_mean", jain(900_000), jain(960_000), compare.Better, 66_666},
		{"less goodput", "goodput_ratio", goodput(1_000_000), goodput(949_000), compare.Regression, 51_000},
		{"more goodput", "goodput_ratio", goodput(900_000), goodput(1_000_000), compare.Better, 111_111},
		{"more attempts", "retry_amplification", amplification(1_000_000), amplification(1_100_000), compare.Regression, 100_000},
		{"nothing else", "e2e_ms.p95", none, none, compare.Same, 0},
	} {
		a, b := reporttest.Passed(10000), reporttest.Passed(10000)
		c.before(a)
		c.after(b)
		got := compare.Compare(a, b, fivePercent)
		regressions := 0
		for _, ch := range got.Changes {
			if ch.Judgement == compare.Regression {
				regressions++
			}
			if ch.Metric.Name != c.metric || ch.Of != "" && ch.Of != "chat" && ch.Of != "ptu-outage" {
				continue
			}
			if ch.Judgement != c.want || ch.Relative != c.relative {
				t.Errorf("%s: %s by %d ppm, want %s by %d", c.name, ch.Judgement, ch.Relative, c.want, c.relative)
			}
		}
		if regressions != got.Regressions() || (regressions == 1) != (c.want == compare.Regression) {
			t.Errorf("%s: %d regressions, says %d", c.name, regressions, got.Regressions())
		}
	}
}

// Every metric can regress, and improves the other way round.
func TestEveryMetricCanRegress(t *testing.T) {
	worse := map[string]func(*record.Result){
		"goodput_ratio":       func(r *record.Result) { r.Tenants[2].GoodputRatio /= 2 },
		"ttft_ms.p95":         func(r *record.Result) { r.Tenants[2].TTFT.P95 *= 2 },
		"e2e_ms.p95":          func(r *record.Result) { r.Tenants[2].E2E.P95 *= 2 },
		"tpot_ms.p95":         func(r *record.Result) { r.Tenants[2].TPOT.P95 *= 2 },
		"time_to_recover_ms":  func(r *record.Result) { r.Failover[0].TimeToRecover *= 2 },
		"retry_amplification": func(r *record.Result) { r.Totals.RetryAmplification *= 2 },
		"jain_mean":           func(r *record.Result) { r.Fairness.JainMean /= 2 },
		"satisfaction_min":    func(r *record.Result) { r.Fairness.SatisfactionMin /= 2 },
		"failed_requests":     func(r *record.Result) { r.Totals.Failed *= 2 },
	}
	if len(worse) != len(compare.All) {
		t.Errorf("%d metrics, %d of them tried", len(compare.All), len(worse))
	}
	for _, m := range compare.All {
		if !strings.HasSuffix(m.Doc, ".") {
			t.Errorf("%s: doc %q", m.Name, m.Doc)
		}
		a, b := reporttest.Passed(10000), reporttest.Passed(10000)
		worse[m.Name](b)
		for _, c := range []struct {
			before, after *record.Result
			want          compare.Judgement
		}{{a, b, compare.Regression}, {b, a, compare.Better}} {
			got := compare.Compare(c.before, c.after, fivePercent)
			hit := 0
			for _, ch := range got.Changes {
				if ch.Judgement != compare.Same {
					hit++
					if ch.Metric.Name != m.Name || ch.Judgement != c.want {
						t.Errorf("%s: %s of %s is %s, want %s", m.Name, ch.Metric.Name, ch.Of, ch.Judgement, c.want)
					}
				}
			}
			if hit != 1 {
				t.Errorf("%s: %d figures changed, want 1", m.Name, hit)
			}
		}
	}
}

func TestUnmatchedAndWarnings(t *testing.T) {
	a, b := reporttest.Passed(10000), reporttest.Void(10000)
	b.Tenants[1].Name = "agents"
	b.Interrupted, b.Seed, b.ScenarioHash = true, 43, "other"
	got := compare.Compare(a, b, fivePercent)
	var unmatched []string
	for _, ch := range got.Changes {
		if ch.Judgement == compare.Unmatched && ch.Metric.Name == "ttft_ms.p95" {
			unmatched = append(unmatched, ch.Of)
		}
	}
	if want := []string{"coding", "agents"}; !slices.Equal(unmatched, want) {
		t.Errorf("unmatched %q, want %q", unmatched, want)
	}
	if !got.Void || len(got.Warnings) != 5 {
		t.Errorf("void %v, warnings %q", got.Void, got.Warnings)
	}
	if c := compare.Compare(a, reporttest.Passed(10000), 0); c.Void || len(c.Warnings) != 0 || c.Regressions() != 0 {
		t.Errorf("a run against itself: %+v", c)
	}
}

func TestGoldens(t *testing.T) {
	a, b := reporttest.Passed(10000), reporttest.Result(10000)
	a.Seed = 41
	b.Tenants[0].TTFT.P95 = 1_023_500
	b.Tenants[1].E2E.P95 = 3_000_000
	b.Tenants[2].TPOT.P95 = record.Null
	b.Failover[0].TimeToRecover = record.Null
	a.Totals.Failed = 0
	c := compare.Compare(a, b, fivePercent)
	golden(t, "regression.txt", c.Text(render.TextOptions{}))
	golden(t, "regression.md", c.Markdown())
	same := compare.Compare(a, a, fivePercent)
	golden(t, "same.txt", same.Text(render.TextOptions{}))
}

func TestCompareReadsOnly(t *testing.T) {
	a, b := reporttest.Passed(10000), reporttest.Result(10000)
	compare.Compare(a, b, 0)
	if !reflect.DeepEqual(a, reporttest.Passed(10000)) || !reflect.DeepEqual(b, reporttest.Result(10000)) {
		t.Error("Compare changed a result")
	}
}
