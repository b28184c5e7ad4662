package live

import (
	"strings"
	"testing"
)

// trying is a minute in which a canary fails now and then and is rolled back, with requests in its queue and streams under way.
const trying = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: old, model: gpt-4.1, sku: GlobalStandard, tpm: 300k, rpm: 1800}
  - {name: new, model: gpt-4.1, sku: GlobalStandard, tpm: 300k, rpm: 1800}
gateway:
  route: {groups: [[old, new]]}
  canary: {backends: [new], share: 40%, rollback: {failures: 15%, over: 20s, min: 10}}
  breaker: {open: 2s}
  queue: {ttl: 5s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 5/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: errors, backend: new, at: 20s, for: 30s, probability: 40%, status: {code: 500}}
  - {name: outage, backend: old, at: 50s, for: 3s, outage: {}}
`

// Who goes to the canary, and when it is over, is the same live.
func TestLiveCanaryIsTheVirtualOne(t *testing.T) {
	for _, seed := range []string{"7", "8"} {
		f := runAlike(t, trying, seed)
		at := 0
		for a, n := range f.attempts {
			if strings.Contains(a, " on 1 ") {
				at += n
			}
		}
		if at < 50 || at > len(f.requests)/2 {
			t.Errorf("seed %s: %d attempts at the canary for %d requests", seed, at, len(f.requests))
		}
	}
}
