package live

import (
	"fmt"
	"testing"

	"foundrylab/internal/record"
)

// slowing is a minute in which some answers of each backend are slow to begin, others fail, break off or hang, and
// the gateway hedges.
const slowing = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: %s, rpm: 3000}
  - {name: c, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, utilization_window: 2s, resource: r, spillover: d}
  - {name: d, model: gpt-4.1, sku: GlobalStandard, tpm: 200k, rpm: 600, resource: r}
gateway:
  route: {policy: round-robin, groups: [[a, b, c]]}
  retry: {begins: %s}
  hedge: {after: %s, budget: {share: 50%%, burst: 20}}
  %s
  breaker: {failures: 3, open: 2s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 6/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
  - {name: patient, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 50, client: none, timeout: 6s}
faults:
  - {name: slow-a, backend: a, at: 5s, for: 50s, probability: 30%%, latency: {add: 2s, jitter: 1s}}
  - {name: slow-b, backend: b, at: 5s, for: 50s, probability: 20%%, slow_headers: {add: 1500ms}}
  - {name: hang, backend: a, at: 5s, for: 50s, probability: 5%%, slow_headers: {add: 30s}}
  - {name: fail, backend: b, at: 10s, for: 30s, probability: 10%%, status: {code: 500}}
  - {name: slow-c, backend: c, at: 15s, for: 30s, latency: {add: 1s, jitter: 1s}}
  - {name: stall, backend: c, at: 5s, for: 50s, probability: 10%%, stall: {after: 4, for: 600ms}}
  - {name: malformed, backend: a, at: 5s, for: 50s, probability: 5%%, malformed: {after: 7}}
  - {name: abort, backend: b, at: 5s, for: 50s, probability: 5%%, abort: {after: 1}}
  - {name: outage, backend: a, at: 30s, for: 3s, outage: {}}
`

// Two attempts at a request are sent, passed on and given up at the same nanosecond live and in virtual time.
func TestHedgesLiveAsVirtual(t *testing.T) {
	for name, c := range map[string]struct{ tpm, begins, after, rest string }{
		"content":  {"600k", "content", "1200ms", ""},
		"headers":  {"600k", "headers", "700ms", ""},
		"timeouts": {"600k", "content", "1s", "timeouts: {head: 2500ms, idle: 500ms}"},
		"queue":    {"60k", "content", "1s", "budget: {dispatch: predictive, limits: [{backend: a, tpm: 600k}, {backend: b, tpm: 60k}]}\n  queue: {ttl: 5s}"},
	} {
		for _, seed := range []string{"7", "8", "9"} {
			t.Run(name+", seed "+seed, func(t *testing.T) {
				f := runBoth(t, fmt.Sprintf(slowing, c.tpm, c.begins, c.after, c.rest), seed)
				if f.reasons[record.ClientGone] < 150 {
					t.Errorf("too little was given up: attempts ended by %v", f.reasons)
				}
			})
		}
	}
}
