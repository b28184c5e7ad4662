package virtual_test

import (
	"fmt"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// pooled runs ten minutes of streams over a group of two backends.
func pooled(t *testing.T, policy, a, b, rate string) *record.Result {
	t.Helper()
	s, err := scenarios.Load("pool.yaml", fmt.Appendf(nil, `version: 1
duration: 10m
warmup: 1m
backends:
- {name: a, model: gpt-4.1, %s}
- {name: b, model: gpt-4.1, %s}
gateway: {route: {policy: %s, groups: [[a, b]]}, retry: {attempts: 1}}
tenants:
- {name: t, client: none, arrivals: {poisson: {rate: %s}}, prompt: 500, output: 200, max_tokens: 400, stream: true}
`, a, b, policy, rate), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return virtual.Run(s, virtual.Options{}).Result()
}

// Each policy is better than taking turns at what it is for.
func TestPoliciesAtWork(t *testing.T) {
	const (
		ample = "sku: GlobalStandard, tpm: 100M, rpm: 1M"
		slow  = ample + ", latency: {ttft: {p50: 4s, p95: 5s}}"
		large = "sku: GlobalStandard, tpm: 900k, rpm: 60k"
		small = "sku: GlobalStandard, tpm: 180k, rpm: 60k"
	)
	for _, c := range []struct {
		what   string
		policy string
		a, b   string
		better func(r, turns *record.Result) bool
	}{
		{"one is slow", "least-busy", ample, slow, sooner},
		{"one is slow", "lowest-ttft", ample, slow, sooner},
		{"one is slow", "power-of-two", ample, slow, sooner},
		{"one is small", "utilization-aware", large, small, fewerRefusals},
	} {
		r, turns := pooled(t, c.policy, c.a, c.b, "12/s"), pooled(t, "round-robin", c.a, c.b, "12/s")
		show := func(r *record.Result) string {
			return fmt.Sprintf("ttft p50 %v p95 %v ms, to a %d and b %d, refused %d", r.Tenants[0].TTFT.P50, r.Tenants[0].TTFT.P95,
				r.Backends[0].Attempts, r.Backends[1].Attempts, r.Backends[0].Throttled+r.Backends[1].Throttled)
		}
		t.Logf("%s: %s: %s; in turn: %s", c.what, c.policy, show(r), show(turns))
		if !c.better(r, turns) {
			t.Errorf("%s: %s is no better than taking turns", c.what, c.policy)
		}
	}
}

func sooner(r, turns *record.Result) bool {
	return r.Tenants[0].TTFT.P50*5/4 < turns.Tenants[0].TTFT.P50
}

func fewerRefusals(r, turns *record.Result) bool {
	refused := func(r *record.Result) int64 { return r.Backends[0].Throttled + r.Backends[1].Throttled }
	return refused(r)*2 < refused(turns)
}
