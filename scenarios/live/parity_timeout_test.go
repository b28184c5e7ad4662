package live

import (
	"fmt"
	"testing"

	"foundrylab/internal/record"
)

// hanging is a minute in which backends hang before the head, after it, and in the
// middle of an answer, each some of the time, and the gateway has timeouts.
const hanging = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000}
  - {name: c, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 30, utilization_window: 2s}
gateway:
  route: {groups: [[a, b, c]]}
  retry: {begins: %s}
  timeouts: {head: 4s, idle: 700ms}
  breaker: {failures: 3, open: 2s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 6/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 3s}
  - {name: patient, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 50, client: none, timeout: 6s}
faults:
  - {name: before, backend: a, at: 5s, for: 50s, probability: 10%%, slow_headers: {add: 30s}}
  - {name: after, backend: b, at: 5s, for: 50s, probability: 10%%, latency: {add: 30s}}
  - {name: within, backend: c, at: 5s, for: 50s, probability: 20%%, stall: {after: 12, for: 30s}}
  - {name: some, backend: a, at: 5s, for: 50s, probability: 30%%, stall: {after: 4, for: 600ms}}
  - {name: slow, backend: b, at: 40s, for: 10s, latency: {add: 3s, jitter: 2s}}
  - {name: outage, backend: a, at: 30s, for: 3s, outage: {}}
`

// What hangs is given up at the same nanosecond live and in virtual time, and the same comes of it.
func TestTimeoutsLiveAsVirtual(t *testing.T) {
	for _, begins := range []string{"content", "headers"} {
		for _, seed := range []string{"7", "8", "9"} {
			t.Run(begins+", seed "+seed, func(t *testing.T) {
				f := runBoth(t, fmt.Sprintf(hanging, begins), seed)
				if f.ends[record.CutFault] < 10 || begins == "headers" && f.ends[record.UpstreamError] < 5 {
					t.Errorf("too little was given up: requests ended by %v", f.ends)
				}
			})
		}
	}
}
