package assert

import "foundrylab/internal/record"

var backendsEntry = Entry{
	Name:    "backends",
	Help:    "Every backend, in the scenario's order, for `all`, `any`, `count` and their like",
	Example: `all(backends, .throttled == 0)`,
	Value: func(res *record.Result) any {
		views := make([]backendView, len(res.Backends))
		for i := range res.Backends {
			views[i] = viewBackend(&res.Backends[i])
		}
		return views
	},
}
