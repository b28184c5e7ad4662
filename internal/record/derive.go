package record

import (
	"time"

	"foundrylab/internal/tick"
)

// Result derives what the run came to. Everything that does not merge
// (ratios, quantiles, recovery, fairness) is computed here, from counters and
// histograms only. Verdict and assertions are left to the judge.
func (s *Summary) Result() *Result {
	h := &s.Header
	r := &Result{SchemaVersion: SchemaVersion, Scenario: h.Scenario, ScenarioHash: h.Hash, Seed: h.Seed, Mode: h.Mode,
		Interrupted: s.stopped, StartUnixMs: int64(h.Start) / int64(time.Millisecond),
		DurationMs: millis(h.Duration), WarmupMs: millis(h.Warmup), Canonical: h.Canonical,
		Failover: []FailoverResult{}, Assertions: []Assertion{}}
	r.Generator = GeneratorResult{LagP50: zeroIfNull(s.lag.scaled(500, 1, 1)), LagP99: zeroIfNull(s.lag.scaled(990, 1, 1)), Dropped: s.dropped}
	fair := s.fairness()
	r.Fairness = fair.result
	for i := range s.tenants {
		r.Tenants = append(r.Tenants, s.tenant(i, fair))
	}
	for i := range s.backs {
		r.Backends = append(r.Backends, s.backend(i))
	}
	r.Totals = s.totals(r)
	for i := range h.Faults {
		r.Failover = append(r.Failover, s.failover(i))
	}
	r.Timeline = s.timeline(fair)
	return r
}

func millis(d time.Duration) Millis { return Millis(d / time.Microsecond) }

func zeroIfNull(m Millis) Millis { return max(m, 0) }

// ratio returns a/b in ppm; Null when b is zero.
func ratio(a, b int64) Ratio {
	if b == 0 {
		return Null
	}
	return Ratio(tick.MulDiv(a, 1_000_000, b))
}

func (s *Summary) tenant(i int, f *fairness) TenantResult {
	t := &s.tenants[i]
	h := s.Header.Tenants[i]
	return TenantResult{Name: h.Name, Weight: h.Weight, Requests: t.requests, Succeeded: t.succeeded, Throttled: t.throttled,
		Failed: t.failed, BrokenStreams: t.broken, Rescued: t.rescued, Tries: t.tries, ThrottledTries: t.throttledTries,
		GoodputRatio: ratio(t.succeeded, t.requests), PromptTokens: t.prompt, CompletionTokens: t.completion,
		ChargedTokens: t.charged, QueueWait: t.queue.p(), TTFT: t.ttft.p(), TPOT: t.tpot.pScaled(1, 10), E2E: t.e2e.p(),
		SatisfactionMin: f.least(i, f.cost), SatisfactionMean: f.mean(i), ActualSatisfaction: f.least(i, f.tokens)}
}

func (s *Summary) backend(i int) BackendResult {
	b := &s.backs[i]
	h := s.Header.Backends[i]
	r := BackendResult{Name: h.Name, Model: h.Model, SKU: h.SKU, Attempts: b.attempts, Succeeded: b.succeeded,
		Throttled: b.throttled, Failed: b.failed, ChargedTokens: b.charged, UtilizationMean: Null, UtilizationP95: Null}
	if b.samples > 0 {
		r.UtilizationMean = Ratio(b.sum / b.samples)
		r.UtilizationP95 = Ratio(b.util.scaled(950, 1000, 1))
	}
	return r
}

func (s *Summary) totals(r *Result) Totals {
	var t Totals
	for i := range s.tenants {
		x := &s.tenants[i]
		t.Requests += x.requests
		t.Succeeded += x.succeeded
		t.Throttled += x.throttled
		t.Failed += x.failed
		t.Rescued += x.rescued
		t.Tries += x.tries
		t.ThrottledTries += x.throttledTries
		t.GatewayAttempts += x.attempts
	}
	for i := range s.backs {
		t.Attempts += s.backs[i].attempts
	}
	sent := t.Attempts
	if sent == 0 {
		sent = max(t.GatewayAttempts, t.Tries) // no backend of ours to count at
	}
	t.RetryAmplification = ratio(sent, t.Requests)
	t.GoodputRatio = ratio(t.Succeeded, t.Requests)
	return t
}

func (s *Summary) timeline(f *fairness) Timeline {
	h := &s.Header
	tl := Timeline{WindowMs: int64(s.window / time.Millisecond), Windows: s.count, Faults: []FaultSpan{},
		Jain: f.jain, JainEvery: int64(f.every / time.Millisecond)}
	for i, t := range h.Tenants {
		col := TenantTimeline{Name: t.Name, Satisfaction: f.cost[i]}
		for w := range s.tw[i] {
			x := &s.tw[i][w]
			col.Offered = append(col.Offered, int64(x.offered))
			col.Succeeded = append(col.Succeeded, int64(x.succeeded))
			col.Throttled = append(col.Throttled, int64(x.throttled))
			col.Failed = append(col.Failed, int64(x.failed))
			col.CostOffered = append(col.CostOffered, x.costOffered)
			col.CostServed = append(col.CostServed, x.costServed)
			col.TTFTP50 = append(col.TTFTP50, x.ttft.Quantile(500))
			col.TTFTP95 = append(col.TTFTP95, x.ttft.Quantile(950))
		}
		tl.Tenants = append(tl.Tenants, col)
	}
	for i, b := range h.Backends {
		col := BackendTimeline{Name: b.Name}
		for w := range s.bw[i] {
			x := &s.bw[i][w]
			col.Attempts = append(col.Attempts, int64(x.attempts))
			col.Succeeded = append(col.Succeeded, int64(x.succeeded))
			col.Throttled = append(col.Throttled, int64(x.throttled))
			col.Failed = append(col.Failed, int64(x.failed))
			col.Charged = append(col.Charged, x.charged)
			col.Opened = append(col.Opened, int64(x.opened))
			util := Ratio(Null)
			if x.samples > 0 {
				util = Ratio(x.util / int64(x.samples))
			}
			col.Utilization = append(col.Utilization, util)
		}
		tl.Backends = append(tl.Backends, col)
	}
	for _, x := range h.Faults {
		tl.Faults = append(tl.Faults, FaultSpan{Name: x.Name, Kind: x.Kind, Backend: h.Backends[x.Backend].Name, AtMs: millis(x.At), ForMs: millis(x.For)})
	}
	return tl
}
