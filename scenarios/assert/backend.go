package assert

import "foundrylab/internal/record"

// backendView is what the language sees of a record.BackendResult.
type backendView struct {
	Name            string  `expr:"name" help:"the backend's name"`
	Model           string  `expr:"model" help:"the model it serves"`
	SKU             string  `expr:"sku" help:"its SKU, such as GlobalStandard"`
	Attempts        int     `expr:"attempts" unit:"count" help:"sendings it received"`
	Succeeded       int     `expr:"succeeded" unit:"count" help:"attempts it answered in full"`
	Throttled       int     `expr:"throttled" unit:"count" help:"attempts it answered 429"`
	Failed          int     `expr:"failed" unit:"count" help:"attempts that ended in any other way"`
	ChargedTokens   int     `expr:"charged_tokens" unit:"count" help:"tokens its limiter charged in the end"`
	UtilizationMean float64 `expr:"utilization_mean" unit:"%" help:"mean utilization; may exceed 100%"`
	UtilizationP95  float64 `expr:"utilization_p95" unit:"%" help:"95th percentile of the utilization; may exceed 100%"`
}

var backendEntry = Entry{
	Name:    "backend",
	Help:    "The backend of that name in the measured part of the run, as it counted itself",
	Example: `backend("ptu-swe").utilization_p95 < 90%`,
	Arg:     "backend",
	Args:    func(n Names) []string { return n.Backends },
	Value: func(res *record.Result) any {
		return func(name string) (backendView, error) {
			for i := range res.Backends {
				if res.Backends[i].Name == name {
					return viewBackend(&res.Backends[i]), nil
				}
			}
			return backendView{}, absentError("backend", name)
		}
	},
}

func viewBackend(b *record.BackendResult) backendView {
	return backendView{
		Name:            b.Name,
		Model:           b.Model,
		SKU:             b.SKU,
		Attempts:        int(b.Attempts),
		Succeeded:       int(b.Succeeded),
		Throttled:       int(b.Throttled),
		Failed:          int(b.Failed),
		ChargedTokens:   int(b.ChargedTokens),
		UtilizationMean: fromRatio(b.UtilizationMean),
		UtilizationP95:  fromRatio(b.UtilizationP95),
	}
}
