package assert

import "foundrylab/internal/record"

// fairnessView is what the language sees of a record.FairnessResult.
type fairnessView struct {
	JainMean          float64 `expr:"jain_mean" unit:"ratio" help:"mean of Jain's index of satisfaction over the windows"`
	JainP5            float64 `expr:"jain_p5" unit:"ratio" help:"its 5th percentile: only the worst windows are below"`
	SatisfactionMin   float64 `expr:"satisfaction_min" unit:"%" help:"least satisfaction of any tenant in any window with a backlog"`
	JainMeanActual    float64 `expr:"jain_mean_actual_tokens" unit:"ratio" help:"jain_mean in actual instead of charged tokens"`
	BackloggedWindows int     `expr:"backlogged_windows" unit:"count" help:"10 s windows in which a tenant was backlogged"`
	EvaluatedWindows  int     `expr:"evaluated_windows" unit:"count" help:"10 s windows that were looked at"`
	LongestStarvation float64 `expr:"longest_starvation" unit:"ms" help:"longest time any tenant starved"`
}

var fairnessEntry = Entry{
	Name:    "fairness",
	Help:    "Satisfaction against a demand-capped weighted max-min entitlement, over windows of 10 s",
	Example: `fairness.jain_p5 >= 0.95`,
	Value: func(res *record.Result) any {
		f := &res.Fairness
		return fairnessView{
			JainMean:          fromRatio(f.JainMean),
			JainP5:            fromRatio(f.JainP5),
			SatisfactionMin:   fromRatio(f.SatisfactionMin),
			JainMeanActual:    fromRatio(f.JainMeanActual),
			BackloggedWindows: int(f.BackloggedWindows),
			EvaluatedWindows:  int(f.EvaluatedWindows),
			LongestStarvation: float64(f.LongestStarvationS * 1000),
		}
	},
}
