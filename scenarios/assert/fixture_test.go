package assert

import "foundrylab/internal/record"

var known = Names{
	Tenants:  []string{"chat", "batch"},
	Backends: []string{"ptu-swe", "paygo"},
	Faults:   []string{"ptu-outage"},
}

// healthy is a run that every example of the table passes.
func healthy() *record.Result {
	p := record.P{P50: 800_000, P95: 1_200_345, P99: 2_400_000}
	return &record.Result{
		Mode:      "live",
		Generator: record.GeneratorResult{LagP50: 100, LagP99: 9_999},
		Totals: record.Totals{
			Requests: 1000, Succeeded: 995, Failed: 5, Rescued: 40, Tries: 1040, Attempts: 1100, GatewayAttempts: 1100,
			RetryAmplification: 1_100_000, GoodputRatio: 995_000,
		},
		Tenants: []record.TenantResult{
			{Name: "chat", Weight: 3, Requests: 600, GoodputRatio: 999_900, QueueWait: p, TTFT: p, TPOT: p, E2E: p},
			{Name: "batch", Weight: 1, Requests: 400, GoodputRatio: 980_000, QueueWait: p, TTFT: record.P{P50: 900_000, P95: 1_500_000, P99: 3_000_000}, TPOT: p, E2E: p},
		},
		Backends: []record.BackendResult{
			{Name: "ptu-swe", SKU: "GlobalProvisionedManaged", UtilizationMean: 600_000, UtilizationP95: 850_000},
			{Name: "paygo", SKU: "DataZoneStandard", Attempts: 10, UtilizationMean: 100_000, UtilizationP95: 200_000},
		},
		Failover: []record.FailoverResult{{
			Fault: "ptu-outage", Backend: "ptu-swe", TimeToDetect: 300_000, TimeToRecover: 1_200_000, TimeToFailback: 30_000_000,
			RetryAmplification: 1_250_000,
		}},
		Fairness: record.FairnessResult{JainMean: 990_000, JainP5: 980_000, SatisfactionMin: 910_000, EvaluatedWindows: 60},
	}
}

// broken is a run that no example of the table passes.
func broken() *record.Result {
	r := healthy()
	r.Generator = record.GeneratorResult{LagP50: 5_000, LagP99: 10_001, Dropped: 7}
	r.Totals.Throttled = 12
	r.Totals.GoodputRatio = 932_100
	r.Totals.RetryAmplification = 1_300_001
	r.Tenants[0].TTFT.P95 = 2_500_000
	r.Tenants[1].GoodputRatio = 932_100
	r.Backends[0].UtilizationP95 = 1_040_000
	r.Backends[0].Throttled = 1
	r.Failover[0].TimeToRecover = 5_000_000
	r.Fairness.JainP5 = 949_999
	return r
}

// silent is a run in which nothing was measured.
func silent() *record.Result {
	none := record.P{P50: record.Null, P95: record.Null, P99: record.Null}
	r := &record.Result{
		Mode:      "virtual",
		Generator: record.GeneratorResult{LagP50: record.Null, LagP99: record.Null},
		Totals:    record.Totals{RetryAmplification: record.Null, GoodputRatio: record.Null},
		Failover: []record.FailoverResult{{
			Fault: "ptu-outage", TimeToDetect: record.Null, TimeToRecover: record.Null, TimeToFailback: record.Null, RetryAmplification: record.Null,
		}},
		Fairness: record.FairnessResult{JainMean: record.Null, JainP5: record.Null, SatisfactionMin: record.Null, JainMeanActual: record.Null},
	}
	for _, name := range known.Tenants {
		r.Tenants = append(r.Tenants, record.TenantResult{
			Name: name, GoodputRatio: record.Null, QueueWait: none, TTFT: none, TPOT: none, E2E: none,
			SatisfactionMin: record.Null, SatisfactionMean: record.Null, ActualSatisfaction: record.Null,
		})
	}
	for _, name := range known.Backends {
		r.Backends = append(r.Backends, record.BackendResult{Name: name, UtilizationMean: record.Null, UtilizationP95: record.Null})
	}
	return r
}
