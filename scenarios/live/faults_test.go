package live

import (
	"testing"

	"foundrylab/internal/record"
)

// refusing is a minute in which faults refuse, starve, delete and falsify.
const refusing = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 90k, rpm: 600}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 90k, rpm: 600, region: Sweden Central, profile: azure-2024}
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, region: Sweden Central}
gateway:
  route: {groups: [[ptu], [a, b]]}
  breaker: {open: 2s, max_retry_after: 5s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 5/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: throttle, backend: a, at: 2s, for: 15s, probability: 30%, throttle: {retry_after: 1s}}
  - {name: peak, region: Sweden Central, at: 2s, for: 15s, probability: 30%, throttle: {}}
  - {name: silent, region: Sweden Central, at: 8s, for: 4s, slow_headers: {add: 1s, jitter: 200ms}}
  - {name: less, backend: a, at: 18s, for: 20s, capacity: {share: 20%}, wave: {every: 8s, on: 5s}}
  - {name: least, backend: ptu, at: 15s, for: 12s, capacity: {share: 30%}}
  - {name: expired, resource: a, at: 30s, for: 2s, token_expiry: {}}
  - {name: deleted, backend: ptu, at: 33s, for: 4s, deleted: {streams: cut}}
  - {name: recreated, backend: b, at: 35s, for: 2s, deleted: {}}
  - {name: longer, backend: ptu, at: 38s, for: 11s, probability: 70%, wrong_length: {}}
  - {name: shorter, backend: ptu, at: 49s, for: 11s, probability: 70%, wrong_length: {by: -100}}
`

// Faults of many kinds at once, in a gateway that fails over: live as virtual.
func TestFaultsTogether(t *testing.T) {
	for _, seed := range []string{"7", "8", "9"} {
		f := runBoth(t, refusing, seed)
		for _, r := range []record.Reason{record.ThrottleFault, record.TokenExpiryFault, record.DeletedFault, record.WrongLengthFault} {
			if n := f.reasons[r]; n < 3 {
				t.Errorf("seed %s: only %d attempts ended by %v", seed, n, r)
			}
		}
	}
}
