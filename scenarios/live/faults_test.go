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
  - {name: throttle, backend: a, at: 2300ms, for: 15s, probability: 30%, throttle: {retry_after: 1s}}
  - {name: peak, region: Sweden Central, at: 2300ms, for: 15s, probability: 30%, throttle: {}}
  - {name: silent, region: Sweden Central, at: 8300ms, for: 4s, slow_headers: {add: 1s, jitter: 200ms}}
  - {name: less, backend: a, at: 18300ms, for: 20s, capacity: {share: 20%}, wave: {every: 8s, on: 5s}}
  - {name: least, backend: ptu, at: 15300ms, for: 12s, capacity: {share: 30%}}
  - {name: expired, resource: a, at: 30300ms, for: 2s, token_expiry: {}}
  - {name: deleted, backend: ptu, at: 33300ms, for: 4s, deleted: {streams: cut}}
  - {name: recreated, backend: b, at: 35300ms, for: 2s, deleted: {}}
  - {name: longer, backend: ptu, at: 38300ms, for: 11s, probability: 70%, wrong_length: {}}
  - {name: shorter, backend: ptu, at: 49300ms, for: 11s, probability: 70%, wrong_length: {by: -100}}
`

// unreachable is a minute in which addresses go away, in every way that one can, while streams run. No fault begins at a full second:
// there hasty clients give up, and which of the two comes first is nobody's to say.
const unreachable = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000, tls: true}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000, resource: r}
  - {name: c, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000, resource: r}
gateway:
  route: {groups: [[a, b, c]]}
  breaker: {open: 2s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 5/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: refused, resource: r, at: 5300ms, for: 6s, outage: {mode: refused}}
  - {name: handshake, backend: a, at: 9300ms, for: 6s, outage: {mode: tls}}
  - {name: unknown, resource: r, at: 18300ms, for: 5s, outage: {mode: unknown_host}}
  - {name: flapping, backend: a, at: 25300ms, for: 12s, outage: {mode: refused}, wave: {every: 3s, on: 1s}}
  - {name: all, region: East US 2, at: 40300ms, for: 5s, outage: {mode: unknown_host}}
  - {name: errors, resource: r, at: 40300ms, for: 10s, probability: 50%, status: {code: 503}}
  - {name: both, resource: r, at: 42300ms, for: 6s, outage: {mode: refused}}
`

// Outages of addresses, which the network brings about and the cores only know of: live as virtual.
func TestUnreachable(t *testing.T) {
	for _, seed := range []string{"7", "8", "9"} {
		f := runBoth(t, unreachable, seed)
		for _, r := range []record.Reason{record.RefusedFault, record.TLSFault, record.UnknownHostFault, record.CutFault} {
			if n := f.reasons[r]; n < 3 {
				t.Errorf("seed %s: only %d attempts ended by %v", seed, n, r)
			}
		}
	}
}

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
