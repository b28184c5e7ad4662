package virtual_test

import (
	"fmt"
	"testing"

	"foundrylab/internal/record"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// tailed runs ten minutes of streams and of whole answers over two backends of which three answers in a hundred
// take long to begin.
func tailed(t *testing.T, stream bool, gateway string) *record.Result {
	t.Helper()
	s, err := scenarios.Load("tail.yaml", fmt.Appendf(nil, `version: 1
duration: 10m
backends:
- {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 100M, rpm: 1M, latency: {ttft: {p50: 300ms, p95: 600ms}, tokens_per_s: 100, tail: {share: 3%%, factor: 10}}}
- {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 100M, rpm: 1M, latency: {ttft: {p50: 300ms, p95: 600ms}, tokens_per_s: 100, tail: {share: 3%%, factor: 10}}}
gateway: {route: {policy: round-robin, groups: [[a, b]]}%s}
tenants:
- {name: t, client: none, arrivals: {poisson: {rate: 20/s}}, prompt: 500, output: 20, max_tokens: 400, stream: %v}
`, gateway, stream), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return virtual.Run(s, virtual.Options{}).Result()
}

// Hedged, the slowest answers begin in half the time, at the price of no more
// attempts than the budget allows, of which all but the first of each request were
// given up or won.
func TestHedgesCutTheTail(t *testing.T) {
	for _, stream := range []bool{true, false} {
		without := tailed(t, stream, "")
		with := tailed(t, stream, ", hedge: {after: 1.2s}")
		tail := func(r *record.Result) record.Millis { return r.Tenants[0].TTFT.P99 }
		if !stream {
			tail = func(r *record.Result) record.Millis { return r.Tenants[0].E2E.P99 }
		}
		requests, hedges := with.Totals.Requests, with.Totals.GatewayAttempts-with.Totals.Requests
		t.Logf("stream %v: %d requests, %d hedges; p99 %v ms, without %v ms", stream, requests, hedges, tail(with), tail(without))
		if tail(with)*2 > tail(without) {
			t.Errorf("stream %v: p99 is %v ms, without %v", stream, tail(with), tail(without))
		}
		if hedges < requests/50 || hedges > requests/20+10 {
			t.Errorf("stream %v: %d hedges of %d requests", stream, hedges, requests)
		}
		if with.Totals.Succeeded != requests || without.Totals.GatewayAttempts != requests || with.Backends[0].Attempts+with.Backends[1].Attempts != requests+hedges {
			t.Errorf("stream %v: %+v, without %+v", stream, with.Totals, without.Totals)
		}
	}
}
