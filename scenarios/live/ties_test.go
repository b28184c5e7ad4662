package live

import "testing"

// tied are tries that their clients give up at the very instants at which a
// fault begins or ends, and answers that end then.
const tied = `
version: 1
duration: 20s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000, latency: {ttft: {p50: 500ms, p95: 500ms}, tokens_per_s: 100}}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000}
gateway: {route: {groups: [[a], [b]]}, breaker: {open: 1s}}
tenants:
  - {name: hasty, arrivals: {constant: {rate: 5/s}}, prompt: 400, output: 400, client: none, timeout: 2s}
  - {name: patient, arrivals: {constant: {rate: 4/s}}, prompt: 400, output: 250, timeout: 3s}
  - {name: whole, arrivals: {constant: {rate: 2/s}}, prompt: 400, output: 400, stream: false, client: none, timeout: 1s}
faults:
`

// Ties have one order, live and in virtual time: what a fault does to a try
// comes before its client gives it up.
func TestTiesLiveAsVirtual(t *testing.T) {
	for _, kind := range []string{"outage: {}", "outage: {mode: refused}", "deleted: {streams: cut}", "status: {code: 503}", "latency: {add: 1s}",
		"slow_headers: {add: 1s}", "stall: {for: 1s}"} {
		t.Run(kind, func(t *testing.T) {
			for _, seed := range []string{"1", "2", "3"} {
				runAlike(t, tied+"  - {name: f, backend: a, at: 5s, for: 5s, "+kind+"}\n", seed)
			}
		})
	}
}
