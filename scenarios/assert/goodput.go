package assert

import "foundrylab/internal/record"

var goodputEntry = Entry{
	Name:    "goodput",
	Help:    "Short for `totals.goodput`",
	Example: `goodput >= 99%`,
	kind:    percent,
	Value:   func(res *record.Result) any { return fromRatio(res.Totals.GoodputRatio) },
}
