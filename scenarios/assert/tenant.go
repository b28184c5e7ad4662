package assert

import "foundrylab/internal/record"

// tenantView is what the language sees of a record.TenantResult.
type tenantView struct {
	Name               string        `expr:"name" help:"the tenant's name"`
	Weight             int           `expr:"weight" unit:"count" help:"its configured weight"`
	Requests           int           `expr:"requests" unit:"count" help:"requests wanted, each counted once whatever its tries"`
	Succeeded          int           `expr:"succeeded" unit:"count" help:"requests answered in full"`
	Throttled          int           `expr:"throttled" unit:"count" help:"requests whose final status was 429"`
	Failed             int           `expr:"failed" unit:"count" help:"requests that ended in any other way, streams cut half-way included"`
	BrokenStreams      int           `expr:"broken_streams" unit:"count" help:"failed requests whose content had begun"`
	Rescued            int           `expr:"rescued" unit:"count" help:"requests that succeeded after more than one try or attempt"`
	Tries              int           `expr:"tries" unit:"count" help:"sendings by the client"`
	ThrottledTries     int           `expr:"throttled_tries" unit:"count" help:"sendings answered 429"`
	Goodput            float64       `expr:"goodput" unit:"%" help:"good requests over offered requests"`
	PromptTokens       int           `expr:"prompt_tokens" unit:"count" help:"prompt tokens"`
	CompletionTokens   int           `expr:"completion_tokens" unit:"count" help:"completion tokens received"`
	ChargedTokens      int           `expr:"charged_tokens" unit:"count" help:"tokens that backends charged"`
	QueueWait          quantilesView `expr:"queue_wait" help:"time in the gateway's queue"`
	TTFT               quantilesView `expr:"ttft" help:"time to first content, from the intended send"`
	TPOT               quantilesView `expr:"tpot" help:"time per output token after the first"`
	E2E                quantilesView `expr:"e2e" help:"time to the last byte, from the intended send"`
	SatisfactionMin    float64       `expr:"satisfaction_min" unit:"%" help:"least satisfaction of any window with a backlog"`
	SatisfactionMean   float64       `expr:"satisfaction_mean" unit:"%" help:"mean satisfaction of the windows in which it was due something; above 100 % where it got more than its share"`
	ActualSatisfaction float64       `expr:"satisfaction_min_actual_tokens" unit:"%" help:"satisfaction_min in actual instead of charged tokens"`
}

// quantilesView is what the language sees of a record.P.
type quantilesView struct {
	P50 float64 `expr:"p50" unit:"ms" help:"median"`
	P95 float64 `expr:"p95" unit:"ms" help:"95th percentile"`
	P99 float64 `expr:"p99" unit:"ms" help:"99th percentile"`
}

var tenantEntry = Entry{
	Name:    "tenant",
	Help:    "The tenant of that name in the measured part of the run",
	Example: `tenant("chat").ttft.p95 < 2500ms`,
	Arg:     "tenant",
	Args:    func(n Names) []string { return n.Tenants },
	Value: func(res *record.Result) any {
		return func(name string) (tenantView, error) {
			for i := range res.Tenants {
				if res.Tenants[i].Name == name {
					return viewTenant(&res.Tenants[i]), nil
				}
			}
			return tenantView{}, absentError("tenant", name)
		}
	},
}

func viewTenant(t *record.TenantResult) tenantView {
	return tenantView{
		Name:               t.Name,
		Weight:             int(t.Weight),
		Requests:           int(t.Requests),
		Succeeded:          int(t.Succeeded),
		Throttled:          int(t.Throttled),
		Failed:             int(t.Failed),
		BrokenStreams:      int(t.BrokenStreams),
		Rescued:            int(t.Rescued),
		Tries:              int(t.Tries),
		ThrottledTries:     int(t.ThrottledTries),
		Goodput:            fromRatio(t.GoodputRatio),
		PromptTokens:       int(t.PromptTokens),
		CompletionTokens:   int(t.CompletionTokens),
		ChargedTokens:      int(t.ChargedTokens),
		QueueWait:          viewQuantiles(t.QueueWait),
		TTFT:               viewQuantiles(t.TTFT),
		TPOT:               viewQuantiles(t.TPOT),
		E2E:                viewQuantiles(t.E2E),
		SatisfactionMin:    fromRatio(t.SatisfactionMin),
		SatisfactionMean:   fromRatio(t.SatisfactionMean),
		ActualSatisfaction: fromRatio(t.ActualSatisfaction),
	}
}

func viewQuantiles(p record.P) quantilesView {
	return quantilesView{P50: fromMillis(p.P50), P95: fromMillis(p.P95), P99: fromMillis(p.P99)}
}
