package section

import "foundrylab/internal/record"

func buildBackends(r *record.Result) []Block {
	if len(r.Backends) == 0 {
		return nil
	}
	t := Table{Columns: []Column{
		{Name: "Backend", Brief: true},
		{Name: "Model", Brief: true},
		{Name: "SKU"},
		{Group: "Attempts", Name: "all", Number: true, Brief: true},
		{Group: "Attempts", Name: "succeeded", Number: true, Brief: true},
		{Group: "Attempts", Name: "throttled", Number: true, Brief: true},
		{Group: "Attempts", Name: "failed", Number: true, Brief: true},
		{Name: "Tokens charged", Number: true},
		{Group: "Utilization", Name: "mean", Number: true, Brief: true},
		{Group: "Utilization", Name: "p95", Number: true, Brief: true},
	}}
	for i := range r.Backends {
		b := &r.Backends[i]
		t.Rows = append(t.Rows, []Cell{
			text(b.Name), text(b.Model), text(b.SKU),
			text(Count(b.Attempts)), text(Count(b.Succeeded)), text(Count(b.Throttled)), text(Count(b.Failed)),
			text(Count(b.ChargedTokens)), text(Percent(b.UtilizationMean)), text(Percent(b.UtilizationP95)),
		})
	}
	return []Block{{
		Title: "Backends", Anchor: "backends", Kind: KindTable, Brief: true,
		Note:  "As the backends counted them.",
		Table: t,
	}}
}
