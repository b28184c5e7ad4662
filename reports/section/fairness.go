package section

import "foundrylab/internal/record"

func buildFairness(r *record.Result) []Block {
	f := &r.Fairness
	if f.EvaluatedWindows == 0 {
		return nil
	}
	row := func(what, value, meaning string) []Cell {
		return []Cell{text(what), text(value), text(meaning)}
	}
	t := Table{
		Columns: []Column{{Name: "Measure", Brief: true}, {Name: "Value", Number: true, Brief: true}, {Name: "Reading"}},
		Rows: [][]Cell{
			row("Jain's index, mean", Index(f.JainMean), "1 is a perfectly even satisfaction"),
			row("Jain's index, p5", Index(f.JainP5), "the uneven end: 5 % of the windows are below"),
			row("Least satisfaction", Index(f.SatisfactionMin), "the worst window of the worst tenant; 1 is its whole entitlement"),
			row("Jain's index, mean, by actual tokens", Index(f.JainMeanActual), "by tokens used instead of tokens charged"),
			row("Longest starvation", Span(record.Millis(min(f.LongestStarvationS, 1<<40)*1_000_000)), "a tenant wanted service and got none"),
			row("Windows with a backlog", Count(f.BackloggedWindows)+" of "+Count(f.EvaluatedWindows), "only these say anything about fairness"),
		},
	}
	return []Block{{
		Title: "Fairness", Anchor: "fairness", Kind: KindTable, Brief: true,
		Note:  "Per 10 s, among the tenants that wanted more than they got, each against its weighted max-min entitlement.",
		Table: t,
	}}
}
