package assert

import "foundrylab/internal/record"

var tenantsEntry = Entry{
	Name:    "tenants",
	Help:    "Every tenant, in the scenario's order, for `all`, `any`, `count` and their like",
	Example: `all(tenants, .goodput >= 95%)`,
	Value: func(res *record.Result) any {
		views := make([]tenantView, len(res.Tenants))
		for i := range res.Tenants {
			views[i] = viewTenant(&res.Tenants[i])
		}
		return views
	},
}
