package section

import "foundrylab/internal/record"

func buildTenants(r *record.Result) []Block {
	if len(r.Tenants) == 0 {
		return nil
	}
	return []Block{
		{Title: "Outcomes", Anchor: "tenants", Kind: KindTable, Brief: true, Table: tenantOutcomes(r.Tenants),
			Note: "Each request is counted once, whatever its retries."},
		{Title: "Latency", Anchor: "tenants-latency", Kind: KindTable, Brief: true, Table: tenantLatency(r.Tenants),
			Note: "From the instant a request was meant to be sent."},
		{Title: "Tokens and tries", Anchor: "tenants-tokens", Kind: KindTable, Fold: true, Table: tenantTokens(r.Tenants)},
	}
}

func tenantOutcomes(tenants []record.TenantResult) Table {
	t := Table{Columns: []Column{
		{Name: "Tenant", Brief: true},
		{Name: "Weight", Number: true, Brief: true},
		{Name: "Requests", Number: true, Brief: true},
		{Name: "Goodput", Number: true, Brief: true},
		{Name: "Throttled", Number: true, Brief: true},
		{Name: "Failed", Number: true, Brief: true},
		{Name: "Cut off", Number: true},
		{Name: "Rescued", Number: true, Brief: true},
		{Group: "Satisfaction", Name: "worst", Number: true, Brief: true},
		{Group: "Satisfaction", Name: "mean", Number: true, Brief: true},
	}}
	for i := range tenants {
		v := &tenants[i]
		t.Rows = append(t.Rows, []Cell{
			text(v.Name), text(Count(v.Weight)), text(Count(v.Requests)), text(Percent(v.GoodputRatio)),
			text(Count(v.Throttled)), text(Count(v.Failed)), text(Count(v.BrokenStreams)), text(Count(v.Rescued)),
			text(Index(v.SatisfactionMin)), text(Index(v.SatisfactionMean)),
		})
	}
	return t
}

func tenantLatency(tenants []record.TenantResult) Table {
	t := Table{Columns: []Column{{Name: "Tenant", Brief: true}}}
	for _, group := range []string{"TTFT", "TPOT", "E2E", "Queue wait"} {
		for _, q := range []string{"p50", "p95", "p99"} {
			t.Columns = append(t.Columns, Column{
				Group: group, Name: q, Unit: "ms", Number: true,
				Brief: group == "TTFT" || group == "E2E" || q == "p95",
			})
		}
	}
	for i := range tenants {
		v := &tenants[i]
		row := []Cell{text(v.Name)}
		for _, p := range []record.P{v.TTFT, v.TPOT, v.E2E, v.QueueWait} {
			row = append(row, text(Ms(p.P50)), text(Ms(p.P95)), text(Ms(p.P99)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func tenantTokens(tenants []record.TenantResult) Table {
	t := Table{Columns: []Column{
		{Name: "Tenant"},
		{Group: "Tokens", Name: "prompt", Number: true},
		{Group: "Tokens", Name: "completion", Number: true},
		{Group: "Tokens", Name: "charged", Number: true},
		{Group: "Client tries", Name: "all", Number: true},
		{Group: "Client tries", Name: "throttled", Number: true},
		{Name: "Worst satisfaction by actual tokens", Number: true},
	}}
	for i := range tenants {
		v := &tenants[i]
		t.Rows = append(t.Rows, []Cell{
			text(v.Name), text(Count(v.PromptTokens)), text(Count(v.CompletionTokens)), text(Count(v.ChargedTokens)),
			text(Count(v.Tries)), text(Count(v.ThrottledTries)), text(Index(v.ActualSatisfaction)),
		})
	}
	return t
}
