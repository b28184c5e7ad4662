package assert

import "foundrylab/internal/record"

var retryAmplificationEntry = Entry{
	Name:    "retry_amplification",
	Help:    "Short for `totals.retry_amplification`",
	Example: `retry_amplification < 1.3`,
	kind:    index,
	Value:   func(res *record.Result) any { return fromRatio(res.Totals.RetryAmplification) },
}
