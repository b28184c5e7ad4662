package assert

import "foundrylab/internal/record"

// totalsView is what the language sees of record.Totals.
type totalsView struct {
	Requests           int     `expr:"requests" unit:"count" help:"requests wanted, each counted once whatever its tries"`
	Succeeded          int     `expr:"succeeded" unit:"count" help:"requests answered in full"`
	Throttled          int     `expr:"throttled" unit:"count" help:"requests whose final status was 429"`
	Failed             int     `expr:"failed" unit:"count" help:"requests that ended in any other way"`
	Rescued            int     `expr:"rescued" unit:"count" help:"requests that succeeded after more than one try or attempt"`
	Tries              int     `expr:"tries" unit:"count" help:"sendings by clients"`
	ThrottledTries     int     `expr:"throttled_tries" unit:"count" help:"sendings answered 429"`
	Attempts           int     `expr:"attempts" unit:"count" help:"sendings that backends received"`
	GatewayAttempts    int     `expr:"gateway_attempts" unit:"count" help:"attempts by the gateway's own claim"`
	RetryAmplification float64 `expr:"retry_amplification" unit:"ratio" help:"attempts per request"`
	Goodput            float64 `expr:"goodput" unit:"%" help:"good requests over offered requests"`
}

var totalsEntry = Entry{
	Name:    "totals",
	Help:    "The sums over every tenant in the measured part of the run",
	Example: `totals.throttled == 0`,
	Value: func(res *record.Result) any {
		t := &res.Totals
		return totalsView{
			Requests:           int(t.Requests),
			Succeeded:          int(t.Succeeded),
			Throttled:          int(t.Throttled),
			Failed:             int(t.Failed),
			Rescued:            int(t.Rescued),
			Tries:              int(t.Tries),
			ThrottledTries:     int(t.ThrottledTries),
			Attempts:           int(t.Attempts),
			GatewayAttempts:    int(t.GatewayAttempts),
			RetryAmplification: fromRatio(t.RetryAmplification),
			Goodput:            fromRatio(t.GoodputRatio),
		}
	},
}
