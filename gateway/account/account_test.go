package account

import (
	"math"
	"testing"

	"foundrylab/gateway/budget"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
)

func TestOf(t *testing.T) {
	limits := budget.Config{Limits: []budget.Limit{{Backend: "ptu", Charge: "actual", OutputWeight: 4}}}
	standard, ptu := limits.RuleOf("standard"), limits.RuleOf("ptu")
	asked := Attempt{Prompt: 100, Estimate: 80, MaxTokens: 50, Expected: 30}
	of := func(change func(*Attempt)) Attempt {
		a := asked
		change(&a)
		return a
	}
	for _, c := range []struct {
		name          string
		of            Attempt
		want          Bill
		standard, ptu int64
	}{
		{"the backend said", of(func(a *Attempt) {
			a.Status, a.Usage, a.Used = 200, true, ops.Used{Prompt: 110, Cached: 64, Completion: 7}
		}),
			Bill{110, 64, 7, true, 117, 117}, 130, 46 + 28},
		{"the backend said what cannot be", of(func(a *Attempt) {
			a.Status, a.Usage, a.Used = 200, true, ops.Used{Prompt: 1 << 31, Cached: 1 << 40, Completion: 999_999_999_999_999}
		}),
			Bill{math.MaxInt32, math.MaxInt32, math.MaxInt32, true, 2 * math.MaxInt32, 2 * math.MaxInt32}, 130, 4 * math.MaxInt32},
		{"a stream broke off whose backend had said what cannot be", of(func(a *Attempt) {
			a.Status, a.Reason, a.Stream, a.Used = 200, record.CutFault, true, ops.Used{Prompt: 1 << 31, Cached: 1 << 31, Completion: 12}
		}),
			Bill{Prompt: math.MaxInt32, Cached: math.MaxInt32, Completion: 12, Least: math.MaxInt32 + 12, Most: math.MaxInt32 + 50}, 130, math.MaxInt32 + 48},
		{"never sent", of(func(a *Attempt) { a.Reason = record.ConnectError }), Bill{Exact: true}, 0, 0},
		{"refused for its limits", of(func(a *Attempt) { a.Status, a.Reason = 429, record.RateLimited }), Bill{Exact: true}, 0, 0},
		{"not found", of(func(a *Attempt) { a.Status, a.Reason = 404, record.BackendStatus }), Bill{Exact: true}, 0, 0},
		{"failed", of(func(a *Attempt) { a.Status, a.Reason = 503, record.BackendStatus }), Bill{Exact: true}, 130, 1},
		{"the filter stopped the prompt", of(func(a *Attempt) { a.Status, a.Reason, a.Filtered = 400, record.BackendStatus, true }), Bill{Prompt: 100, Least: 100, Most: 100}, 130, 100},
		{"timed out", of(func(a *Attempt) { a.Status, a.Reason = 408, record.BackendStatus }), Bill{Most: 150}, 130, 1},
		{"closed at once", of(func(a *Attempt) { a.Reason = record.UpstreamError }), Bill{Most: 150}, 130, 1},
		{"closed while it worked", of(func(a *Attempt) { a.Reason, a.Worked = record.UpstreamError, true }), Bill{Prompt: 100, Most: 150}, 130, 100},
		{"the client left before it began", of(func(a *Attempt) { a.Reason = record.ClientGone }), Bill{Prompt: 100, Most: 150}, 130, 100},
		{"the client left a stream", of(func(a *Attempt) {
			a.Status, a.Reason, a.Stream, a.Used = 200, record.ClientGone, true, ops.Used{Completion: 12}
		}),
			Bill{Prompt: 100, Completion: 12, Least: 112, Most: 150}, 130, 148},
		{"a stream broke off", of(func(a *Attempt) {
			a.Status, a.Reason, a.Stream, a.Used = 200, record.CutFault, true, ops.Used{Completion: 12}
		}),
			Bill{Prompt: 100, Completion: 12, Least: 112, Most: 150}, 130, 148},
		{"which had said what it read", of(func(a *Attempt) {
			a.Status, a.Reason, a.Stream, a.Used = 200, record.CutFault, true, ops.Used{Prompt: 120, Cached: 20, Completion: 12}
		}), Bill{Prompt: 120, Cached: 20, Completion: 12, Least: 132, Most: 170}, 130, 168},
		{"an answer that did not arrive whole", of(func(a *Attempt) { a.Status, a.Reason = 200, record.MalformedAnswer }), Bill{Prompt: 100, Completion: 30, Least: 100, Most: 150}, 130, 220},
		{"which is as long as it may be", of(func(a *Attempt) { a.Status, a.Reason, a.MaxTokens = 200, record.MalformedAnswer, 20 }), Bill{Prompt: 100, Completion: 20, Least: 100, Most: 120}, 100, 180},
		{"nobody bounds it", of(func(a *Attempt) { a.Status, a.Reason, a.MaxTokens, a.Expected = 200, record.MalformedAnswer, -1, -1 }), Bill{Prompt: 100, Least: 100, Most: -1}, 80, 100},
	} {
		for rule, want := range map[string]struct {
			budget.Rule
			charge int64
		}{"standard": {standard, c.standard}, "ptu": {ptu, c.ptu}} {
			if got := Of(&c.of, want.Rule); got.Bill != c.want || got.Charge != want.charge {
				t.Errorf("%s, %s:\ngot  %+v\nwant %+v %d", c.name, rule, got, c.want, want.charge)
			}
		}
	}
}

func TestOfDoesNotAllocate(t *testing.T) {
	a, rule := Attempt{Status: 200, Usage: true}, budget.Rule{}
	if n := testing.AllocsPerRun(100, func() { Of(&a, rule) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
