package live

import (
	"testing"

	"foundrylab/internal/record"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// crowded is two minutes in which the pace of two provisioned deployments follows
// their load up and down, under clients that leave and faults that put off,
// pause and break off what runs.
const crowded = `
version: 1
seed: 7
duration: 120s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, latency: {tokens_per_s: 30}}
  - {name: b, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, latency: {filter: asynchronous, load: {knee: 50%, floor: 30%}}}
gateway:
  route: {groups: [[a, b]]}
  breaker: {open: 1s}
tenants:
  - {name: chat, arrivals: {gamma: {rate: 2/s, cv: 3}}, prompt: 400, output: {exponential: {mean: 150}}, max_tokens: 2x output}
  - {name: users, users: 5, think: {exponential: {mean: 1s}}, prompt: 300, output: 120, max_tokens: 120, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 300, max_tokens: 300, client: none, timeout: 4s}
faults:
  - {name: abort, backend: a, at: 2s, for: 110s, probability: 20%, abort: {after: 40}}
  - {name: stall, backend: b, at: 5s, for: 110s, probability: 30%, stall: {after: 15, for: 1500ms}}
  - {name: slow, backend: a, at: 20s, for: 10s, latency: {add: 1s, jitter: 500ms}}
  - {name: outage, backend: b, at: 40.5s, for: 2s, outage: {}}
`

// thinking is a minute of models that reason: some answers are nothing but
// thought, some are cut or left while it lasts, and the load stretches it.
const thinking = `
version: 1
seed: 7
duration: 90s
backends:
  - {name: a, model: o4-mini, sku: GlobalProvisionedManaged, ptu: 25, latency: {reasoning: {lognormal: {p50: 150, p95: 600}}}}
  - {name: b, model: o4-mini, sku: GlobalStandard, tpm: 600k, rpm: 600}
gateway:
  route: {groups: [[a, b]]}
  breaker: {open: 1s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 3/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 500}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, max_tokens: 400, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 100, max_tokens: 800, client: none, timeout: 3s}
faults:
  - {name: abort, backend: a, at: 2s, for: 80s, probability: 20%, abort: {after: 10}}
  - {name: truncate, backend: b, at: 2s, for: 80s, probability: 10%, truncate: {after: 3}}
  - {name: outage, backend: b, at: 40.5s, for: 2s, outage: {}}
  - {name: down, backend: a, at: 60.5s, for: 2s, outage: {}}
`

// levels counts how often the load of a backend changed by a tenth of its
// capacity or more, between 50 % and full.
type levels struct {
	*fates
	last  [2]int64
	moved int
}

func (l *levels) Sample(s *record.Sample) {
	now := min(max(s.Utilization, 500_000), 1_000_000)
	if was := l.last[s.Backend]; was-now >= 100_000 || now-was >= 100_000 {
		l.moved++
		l.last[s.Backend] = now
	}
}

// Plans that follow the load are the same live, token by token.
func TestLiveEqualsVirtualUnderLoad(t *testing.T) {
	for _, seed := range []string{"7", "8"} {
		s := loadScenario(t, crowded, scenarios.Set{Path: "seed", Value: seed})
		seen := &levels{fates: newFates(0)}
		virtual.Run(s, virtual.Options{Also: seen})
		if seen.moved < 15 {
			t.Errorf("the load moved only %d times", seen.moved)
		}
		t.Run("seed "+seed, func(t *testing.T) { runBoth(t, crowded, seed) })
		t.Run("thinking, seed "+seed, func(t *testing.T) { runBoth(t, thinking, seed) })
	}
}
