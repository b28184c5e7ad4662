package live

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	gatewaycore "foundrylab/gateway/core"
	"foundrylab/internal/drive"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
	load "foundrylab/loadgen/core"
	"foundrylab/scenarios"
	"foundrylab/scenarios/assert"
	"foundrylab/scenarios/virtual"
	"foundrylab/simulator/deployment"
)

// replay steps fresh cores through what a run recorded; any effect that
// differs fails.
func replay(t *testing.T, s *scenarios.Scenario, tapes *Tapes) {
	t.Helper()
	world := s.NewWorld("live", tapes.Start)
	if i, got := drive.Replay[load.Event](tapes.Load, world.Load); i >= 0 {
		t.Errorf("load: step %d of %d: recorded %+v, replayed %+v", i, len(tapes.Load.Steps), tapes.Load.Steps[i], got)
	}
	if i, got := drive.Replay[gatewaycore.Event](tapes.Gateway, world.Gateway); i >= 0 {
		t.Errorf("gateway: step %d of %d: recorded %+v, replayed %+v", i, len(tapes.Gateway.Steps), tapes.Gateway.Steps[i], got)
	}
	steps := len(tapes.Load.Steps) + len(tapes.Gateway.Steps)
	for b, tape := range tapes.Backends {
		if i, got := drive.Replay[deployment.Event](tape, world.Backends[b]); i >= 0 {
			t.Errorf("backend %d: step %d of %d: recorded %+v, replayed %+v", b, i, len(tape.Steps), tape.Steps[i], got)
		}
		steps += len(tape.Steps)
	}
	t.Logf("%d steps replayed", steps)
}

func TestRecordedRunReplaysInBubble(t *testing.T) {
	t.Run("busy", func(t *testing.T) { replaysInBubble(t, loadScenario(t, busy)) })
	t.Run("unreachable", func(t *testing.T) { replaysInBubble(t, loadScenario(t, unreachable)) })
	t.Run("refusing", func(t *testing.T) { replaysInBubble(t, loadScenario(t, refusing)) })
	t.Run("from one pool", func(t *testing.T) { replaysInBubble(t, loadScenario(t, pooled)) })
}

func replaysInBubble(t *testing.T, s *scenarios.Scenario) {
	var tapes Tapes
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{listeners: map[string]*pipenet.Listener{}}
		if _, err := Run(t.Context(), s, Options{Net: network, Tapes: &tapes}); err != nil {
			t.Fatal(err)
		}
		network.idle.CloseIdleConnections()
	})
	replay(t, s, &tapes)
	// A recording of another seed must not replay: the test can fail.
	s.Seed++
	if i, _ := drive.Replay[load.Event](tapes.Load, load.New(s.LoadOptions(tapes.Start))); i < 0 {
		t.Error("a recording replays through cores of another seed")
	}
}

// The small live suite: real sockets, wall clock, five seconds.
func TestRecordedRunReplaysLive(t *testing.T) {
	s := loadScenario(t, busy, scenarios.Set{Path: "duration", Value: "5s"},
		scenarios.Set{Path: "faults[0].at", Value: "2s"}, scenarios.Set{Path: "faults[0].for", Value: "1s"},
		scenarios.Set{Path: "faults[1].at", Value: "1s"}, scenarios.Set{Path: "faults[1].for", Value: "3s"},
		scenarios.Set{Path: "faults[2].at", Value: "3s"}, scenarios.Set{Path: "faults[2].for", Value: "1s"})
	var tapes Tapes
	summary, err := Run(t.Context(), s, Options{Tapes: &tapes})
	if err != nil {
		t.Fatal(err)
	}
	replay(t, s, &tapes)
	if r := summary.Result(); r.Totals.Requests < 20 || r.Totals.Succeeded == 0 || r.Interrupted {
		t.Errorf("a run of little use: %+v", r.Totals)
	}
}

func TestCancelEndsARunEarly(t *testing.T) {
	s := loadScenario(t, busy)
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	summary, err := Run(ctx, s, Options{Progress: func(time.Duration) { cancel() }})
	if err != nil {
		t.Fatal(err)
	}
	if r := summary.Result(); !r.Interrupted || time.Since(began) > 20*time.Second {
		t.Errorf("interrupted %v after %v", r.Interrupted, time.Since(began))
	}
}

// agreement is a minute with 40 seconds of outage, in which a quarter of the
// tries is throttled: chat and coding, whose clients try again, hold; the two
// that do not share what is left, so that fairness is at stake.
const agreement = `
version: 1
seed: 3
duration: 60s
backends:
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 900}
  - {name: std-a, model: gpt-4.1, sku: GlobalStandard, tpm: 3M, rpm: 900}
  - {name: std-b, model: gpt-4.1, sku: GlobalStandard, tpm: 3M, rpm: 900}
gateway:
  route: {groups: [[ptu], [std-a, std-b]]}
  breaker: {open: 5s}
tenants:
  - {name: chat, weight: 3, arrivals: {poisson: {rate: 8/s}}, prompt: {lognormal: {p50: 500, p95: 1500}}, output: {exponential: {mean: 60}}, max_tokens: 300}
  - {name: coding, weight: 2, arrivals: {gamma: {rate: 3/s, cv: 2}}, prompt: 800, output: 30, max_tokens: 100}
  - {name: greedy, arrivals: {poisson: {rate: 16/s}}, prompt: 600, output: 20, client: none}
  - {name: reckless, weight: 2, arrivals: {poisson: {rate: 8/s}}, prompt: 600, output: 20, client: none}
faults:
  - {name: outage, backend: ptu, at: 15s, for: 40s, outage: {}}
`

func TestLiveAgreesWithVirtual(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("takes a minute: run make soak")
	}
	s := loadScenario(t, agreement)
	summary, err := Run(t.Context(), s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, virtual.Run(s, virtual.Options{}).Result(), summary.Result())
}

func agree(t *testing.T, want, got *record.Result) {
	t.Helper()
	near := func(what string, a, b, tolerance int64) {
		t.Logf("%-28s virtual %9d  live %9d  may differ by %d", what, a, b, tolerance)
		if a-b > tolerance || b-a > tolerance {
			t.Errorf("%s: virtual %d, live %d", what, a, b)
		}
	}
	count := func(what string, a, b int64) { near(what, a, b, max(a*2/100, 3)) }
	span := func(what string, a, b record.Millis) { near(what+" us", int64(a), int64(b), max(int64(a)*5/100, 3000)) }
	for i := range want.Tenants {
		a, b := &want.Tenants[i], &got.Tenants[i]
		count(a.Name+" succeeded", a.Succeeded, b.Succeeded)
		count(a.Name+" throttled", a.Throttled, b.Throttled)
		count(a.Name+" throttled tries", a.ThrottledTries, b.ThrottledTries)
		if a.Succeeded > 0 {
			span(a.Name+" ttft p50", a.TTFT.P50, b.TTFT.P50)
			span(a.Name+" ttft p95", a.TTFT.P95, b.TTFT.P95)
		}
	}
	near("jain mean ppm", int64(want.Fairness.JainMean), int64(got.Fairness.JainMean), 20_000)
	if 10*want.Totals.ThrottledTries < want.Totals.Tries {
		t.Errorf("only %d of %d tries are throttled: the scenario is too tame", want.Totals.ThrottledTries, want.Totals.Tries)
	}
	if got.Generator.LagP99 > 10_000 {
		t.Errorf("the generator fell behind: lag p99 %v ms", got.Generator.LagP99)
	}
}

// A generator that cannot keep up says so: the verdict is void, whatever was
// measured.
func TestOverloadedGeneratorIsVoid(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("takes all of the machine: run make soak")
	}
	s := loadScenario(t, `
version: 1
duration: 2s
drain: 2s
backends:
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 1000M, rpm: 10M, latency: {ttft: {p50: 50ms, p95: 80ms}, tokens_per_s: 1000}}
gateway: {route: {groups: [[std]]}}
tenants:
  - {name: flood, arrivals: {poisson: {rate: 15000/s}}, prompt: 100, output: 5, client: none}
`)
	summary, err := Run(t.Context(), s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := summary.Result()
	assert.JudgeAll(r, s.Programs())
	if r.Verdict != assert.Void {
		t.Errorf("verdict %s with lag p99 %v ms", r.Verdict, r.Generator.LagP99)
	}
}
