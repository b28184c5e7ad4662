// Package reporttest makes the result of a believable run for tests and
// examples of reports: three tenants, three backends, one outage. It owns no
// rule of measuring; its figures are made up by integer hashing and only the
// sums between columns and totals hold.
package reporttest

import (
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

const (
	seconds    = 900
	warmup     = 60
	faultAt    = 360
	faultFor   = 90
	batchFrom  = 300
	batchUntil = 600
	jainEvery  = 10
)

// Result returns a run of 15 minutes whose windows are windowMs long (1000,
// 2000, 5000 or 10000) in which ptu-swe is out from 6:00 for 90 s. Its verdict
// is fail. Each call returns a new value.
func Result(windowMs int64) *record.Result {
	r := &record.Result{
		SchemaVersion: record.SchemaVersion,
		Scenario:      "ptu-outage-with-noisy-neighbour",
		ScenarioHash:  "5f1d0c1be1a94f6c7c1f0d8f8a3a2a7b3de1f8f6d0a5b0f8a1d9b6d3c4e2f107",
		Seed:          42,
		Mode:          "virtual",
		Verdict:       "fail",
		StartUnixMs:   1_767_600_000_000,
		DurationMs:    seconds * 1_000_000,
		WarmupMs:      warmup * 1_000_000,
		Generator:     record.GeneratorResult{},
		Canonical:     canonical,
	}
	tenants, backends := columns()
	fillTenants(r, tenants)
	fillBackends(r, backends)
	fillJudgement(r)
	fillTimeline(r, tenants, backends, windowMs)
	return r
}

// Passed returns Result with every assertion held.
func Passed(windowMs int64) *record.Result {
	r := Result(windowMs)
	r.Verdict = "pass"
	for i := range r.Assertions {
		r.Assertions[i].Pass = true
	}
	r.Assertions[3].Value, r.Assertions[6].Value = "1.0421", "0.9716"
	return r
}

// Void returns Result as a generator that fell behind would leave it.
func Void(windowMs int64) *record.Result {
	r := Result(windowMs)
	r.Mode, r.Verdict = "live", "void"
	r.Generator = record.GeneratorResult{LagP50: 1_250, LagP99: 23_125, Dropped: 4}
	return r
}

// Hostile returns Result with every text a scenario or backend could choose
// set to s.
func Hostile(windowMs int64, s string) *record.Result {
	r := Result(windowMs)
	r.Scenario, r.ScenarioHash, r.Mode, r.Canonical = s, s, s, s
	for i := range r.Tenants {
		r.Tenants[i].Name, r.Timeline.Tenants[i].Name = s, s
	}
	for i := range r.Backends {
		b := &r.Backends[i]
		b.Name, b.Model, b.SKU, r.Timeline.Backends[i].Name = s, s, s, s
	}
	for i := range r.Assertions {
		r.Assertions[i].Expr, r.Assertions[i].Value, r.Assertions[i].Severity = s, s, s
	}
	r.Failover[0].Fault, r.Failover[0].Backend = s, s
	f := &r.Timeline.Faults[0]
	f.Name, f.Kind, f.Backend = s, s, s
	return r
}

func fillTenants(r *record.Result, tenants []record.TenantTimeline) {
	details := [...]record.TenantResult{
		{Weight: 3, BrokenStreams: 4, Rescued: 231, TTFT: p(371_250, 823_500, 1_962_000), TPOT: p(11_120, 14_870, 19_250), E2E: p(2_711_400, 6_480_200, 9_904_100), QueueWait: p(0, 12_400, 208_300), SatisfactionMin: 930_211, SatisfactionMean: 997_404, ActualSatisfaction: 918_355},
		{Weight: 1, BrokenStreams: 1, Rescued: 67, TTFT: p(652_300, 1_437_900, 3_120_000), TPOT: p(10_930, 14_510, 18_800), E2E: p(1_140_000, 3_912_700, 7_001_300), QueueWait: p(0, 41_700, 611_900), SatisfactionMin: 711_904, SatisfactionMean: 983_120, ActualSatisfaction: 702_010},
		{Weight: 1, Rescued: 114, TTFT: p(918_700, 2_514_200, 6_870_500), TPOT: p(12_040, 17_330, 22_410), E2E: p(7_402_000, 13_350_800, 21_446_900), QueueWait: p(61_200, 1_940_000, 4_815_500), SatisfactionMin: 442_870, SatisfactionMean: 861_736, ActualSatisfaction: 451_022},
	}
	prompt := [...]int64{1_120, 1_860, 4_000}
	output := [...]int64{212, 41, 500}
	for i := range details {
		t, c := &details[i], &tenants[i]
		t.Name = c.Name
		t.Requests = measured(c.Offered)
		t.Succeeded, t.Throttled, t.Failed = measured(c.Succeeded), measured(c.Throttled), measured(c.Failed)
		t.ThrottledTries = 2*t.Throttled + t.Rescued/3
		t.Tries = t.Requests + t.ThrottledTries
		t.GoodputRatio = record.Ratio(t.Succeeded * 1_000_000 / t.Requests)
		t.PromptTokens, t.CompletionTokens = t.Requests*prompt[i], t.Succeeded*output[i]
		t.ChargedTokens = measured(c.CostServed)
		sumTotals(&r.Totals, t)
	}
	r.Tenants = details[:]
}

func sumTotals(to *record.Totals, t *record.TenantResult) {
	to.Requests += t.Requests
	to.Succeeded += t.Succeeded
	to.Throttled += t.Throttled
	to.Failed += t.Failed
	to.Rescued += t.Rescued
	to.Tries += t.Tries
	to.ThrottledTries += t.ThrottledTries
	to.GoodputRatio = record.Ratio(to.Succeeded * 1_000_000 / to.Requests)
}

func p(p50, p95, p99 record.Millis) record.P { return record.P{P50: p50, P95: p95, P99: p99} }

// measured sums a column of seconds after the warm-up.
func measured(column []int64) int64 {
	n := int64(0)
	for _, v := range column[warmup:] {
		n += v
	}
	return n
}

func fillBackends(r *record.Result, backends []record.BackendTimeline) {
	details := [...]record.BackendResult{
		{Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", UtilizationMean: 648_120, UtilizationP95: 973_004},
		{Model: "gpt-4.1", SKU: "GlobalStandard", UtilizationMean: 121_775, UtilizationP95: 562_300},
		{Model: "gpt-4.1", SKU: "GlobalStandard", UtilizationMean: 47_902, UtilizationP95: 371_250},
	}
	for i := range details {
		b, c := &details[i], &backends[i]
		b.Name = c.Name
		b.Attempts = measured(c.Attempts)
		b.Succeeded, b.Throttled, b.Failed = measured(c.Succeeded), measured(c.Throttled), measured(c.Failed)
		b.ChargedTokens = measured(c.Charged)
		r.Totals.Attempts += b.Attempts
	}
	r.Totals.GatewayAttempts = r.Totals.Attempts
	r.Totals.RetryAmplification = record.Ratio(tick.MulDiv(r.Totals.Attempts, 1_000_000, r.Totals.Requests))
	r.Backends = details[:]
}

func fillJudgement(r *record.Result) {
	r.Failover = []record.FailoverResult{{
		Fault: "ptu-outage", Backend: "ptu-swe",
		TimeToDetect: 1_204_300, TimeToRecover: 10_000_000, TimeToFailback: 34_700_000,
		FailedRequests: 7, ThrottledRequests: 19, BrokenStreams: 5, RescuedRequests: 143,
		RetryAmplification: 1_187_400,
	}}
	r.Fairness = record.FairnessResult{
		JainMean: 961_230, JainP5: 837_411, SatisfactionMin: 442_870, JainMeanActual: 958_004,
		BackloggedWindows: 31, EvaluatedWindows: 84, LongestStarvationS: 2,
	}
	r.Assertions = []record.Assertion{
		{Expr: `failover("ptu-outage").time_to_recover < 30s`, Pass: true, Value: "10s", Severity: "error"},
		{Expr: `failover("ptu-outage").broken_streams <= 10`, Pass: true, Value: "5", Severity: "error"},
		{Expr: `tenant("chat").goodput_ratio >= 99%`, Pass: true, Value: r.Tenants[0].GoodputRatio.String(), Severity: "error"},
		{Expr: `retry_amplification < 1.05`, Pass: false, Value: r.Totals.RetryAmplification.String(), Severity: "error"},
		{Expr: `tenant("chat").ttft_ms.p95 < 1s`, Pass: true, Value: "823.5ms", Severity: "error"},
		{Expr: `tenant("coding").ttft_ms.p99 < 5s && tenant("coding").goodput_ratio >= 95%`, Pass: true, Value: "true", Severity: "error"},
		{Expr: `fairness.jain_mean >= 0.97`, Pass: false, Value: "0.96123", Severity: "warn"},
		{Expr: `fairness.longest_starvation_s <= 5`, Pass: true, Value: "2", Severity: "warn"},
	}
}

const canonical = `version: 1
name: ptu-outage-with-noisy-neighbour
seed: 42
duration: 15m
warmup: 1m
backends:
  - name: ptu-swe
    model: gpt-4.1
    sku: GlobalProvisionedManaged
    ptu: 120
  - name: paygo-swe
    model: gpt-4.1
    sku: GlobalStandard
    tpm: 300000
    rpm: 1800
  - name: paygo-fra
    model: gpt-4.1
    sku: GlobalStandard
    tpm: 300000
    rpm: 1800
tenants:
  - name: chat
    weight: 3
    arrivals: {poisson: {rate: 6/s}}
  - name: coding
    weight: 1
    arrivals: {trace: {file: azure-2023-code.csv, scale: 0.5}}
  - name: batch
    weight: 1
    arrivals: {gamma: {rate: 2/s, cv: 3.5}}
    start: 5m
    stop: 10m
faults:
  - name: ptu-outage
    at: 6m
    for: 90s
    backend: ptu-swe
    kind: outage
`
