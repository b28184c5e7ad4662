package compare

import (
	"foundrylab/internal/record"
	"foundrylab/reports/section"
)

// Metric is a figure that two runs are compared by.
type Metric struct {
	Name   string // as in report.json
	Doc    string
	Higher bool // more is better
	// Floor is the largest absolute change that never counts as a regression,
	// in the unit of the values.
	Floor int64
	// NullIsWorst: no value means the event never came, not that nothing was
	// measured.
	NullIsWorst bool
	Show        func(int64) string
	Values      func(*record.Result) []Value
}

// Value is a metric of one tenant, one fault or the run.
type Value struct {
	Of string
	V  int64 // parts per million, microseconds or a count; Null: none
}

// All are the metrics, in the order they are shown. A new one is a line here.
//
// The floors: 0.1 % of the requests of a tenant; 20, 50 and 1 ms for TTFT, E2E
// and TPOT, about what a scheduler's hiccup does to a live run; 1 s of
// recovery; 0.01 of an index or multiple. A failed request more is a failed
// request more.
var All = [...]Metric{
	{"goodput_ratio", "Goodput of each tenant.", true, 1_000, false, showPercent,
		perTenant(func(t *record.TenantResult) int64 { return int64(t.GoodputRatio) })},
	{"ttft_ms.p95", "TTFT p95 of each tenant.", false, 20_000, false, showSpan,
		perTenant(func(t *record.TenantResult) int64 { return int64(t.TTFT.P95) })},
	{"e2e_ms.p95", "E2E latency p95 of each tenant.", false, 50_000, false, showSpan,
		perTenant(func(t *record.TenantResult) int64 { return int64(t.E2E.P95) })},
	{"tpot_ms.p95", "TPOT p95 of each tenant.", false, 1_000, false, showSpan,
		perTenant(func(t *record.TenantResult) int64 { return int64(t.TPOT.P95) })},
	{"time_to_recover_ms", "Time to recover from each fault.", false, 1_000_000, true, showRecovery,
		perFault(func(f *record.FailoverResult) int64 { return int64(f.TimeToRecover) })},
	{"retry_amplification", "Backend attempts over requests.", false, 10_000, false, showTimes,
		whole(func(r *record.Result) int64 { return int64(r.Totals.RetryAmplification) })},
	{"jain_mean", "Mean of Jain's index.", true, 10_000, false, showIndex,
		whole(func(r *record.Result) int64 { return int64(r.Fairness.JainMean) })},
	{"satisfaction_min", "Least satisfaction of any tenant.", true, 10_000, false, showIndex,
		whole(func(r *record.Result) int64 { return int64(r.Fairness.SatisfactionMin) })},
	{"failed_requests", "Requests that failed.", false, 0, false, section.Count,
		whole(func(r *record.Result) int64 { return r.Totals.Failed })},
}

func perTenant(of func(*record.TenantResult) int64) func(*record.Result) []Value {
	return func(r *record.Result) []Value {
		var out []Value
		for i := range r.Tenants {
			out = append(out, Value{r.Tenants[i].Name, of(&r.Tenants[i])})
		}
		return out
	}
}

func perFault(of func(*record.FailoverResult) int64) func(*record.Result) []Value {
	return func(r *record.Result) []Value {
		var out []Value
		for i := range r.Failover {
			out = append(out, Value{r.Failover[i].Fault, of(&r.Failover[i])})
		}
		return out
	}
}

func whole(of func(*record.Result) int64) func(*record.Result) []Value {
	return func(r *record.Result) []Value { return []Value{{"", of(r)}} }
}

func showPercent(v int64) string { return section.Percent(record.Ratio(v)) }
func showIndex(v int64) string   { return section.Index(record.Ratio(v)) }
func showTimes(v int64) string   { return section.Times(record.Ratio(v)) }
func showSpan(v int64) string    { return section.Span(record.Millis(v)) }

func showRecovery(v int64) string {
	if v < 0 {
		return "never"
	}
	return showSpan(v)
}
