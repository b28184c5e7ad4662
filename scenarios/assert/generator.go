package assert

import "foundrylab/internal/record"

// generatorView is what the language sees of a record.GeneratorResult.
type generatorView struct {
	LagP50  float64 `expr:"lag_p50" unit:"ms" help:"median of sent minus intended"`
	LagP99  float64 `expr:"lag_p99" unit:"ms" help:"99th percentile of sent minus intended"`
	Dropped int     `expr:"dropped" unit:"count" help:"sends that were intended and never made"`
}

var generatorEntry = Entry{
	Name:    "generator",
	Help:    "The health of the load generator itself",
	Example: `generator.lag_p99 < 10ms`,
	Value: func(res *record.Result) any {
		g := &res.Generator
		return generatorView{LagP50: fromMillis(g.LagP50), LagP99: fromMillis(g.LagP99), Dropped: int(g.Dropped)}
	},
}
