package live

import (
	"strings"
	"testing"
)

// alike is a minute in which prompts begin alike: so often that they overflow, on few machines, on backends that spill
// over and break down.
const alike = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, resource: r, spillover: std, prompt_cache: {retention: 10s, prefixes: 5}}
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 200k, rpm: 300, resource: r}
  - {name: reserve, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 600, prompt_cache: {overflow: 0}}
gateway:
  route: {groups: [[ptu], [reserve]]}
  breaker: {open: 2s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 4/s}}, prompt: {lognormal: {p50: 1500, p95: 3000}}, prefix: {tokens: 1100, variants: 3}, output: 60, max_tokens: 100}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 2500, prefix: {tokens: 2048}, output: 40, stream: false, client: openai-go}
  - {name: short, arrivals: {constant: {rate: 1/s}}, prompt: 400, prefix: {tokens: 300}, output: 20, client: none}
faults:
  - {name: errors, backend: ptu, at: 20s, for: 10s, probability: 50%, status: {code: 500}}
  - {name: outage, backend: ptu, at: 40s, for: 5s, outage: {}}
`

func TestPrefixesAreCachedAlike(t *testing.T) {
	for _, seed := range []string{"7", "8", "9"} {
		t.Run("seed "+seed, func(t *testing.T) {
			f := runBoth(t, alike, seed)
			cached := map[string]int{}
			for a, n := range f.attempts {
				backend := a[strings.Index(a, " on "):strings.Index(a, " from ")]
				cached[backend+a[strings.LastIndex(a, " cached"):]] += n
			}
			for _, kind := range []string{" on 0 cached 0", " on 0 cached 1024", " on 0 cached 2048", " on 1 cached 1024", " on 2 cached 1024", " on 2 cached 2048"} {
				if cached[kind] < 10 {
					t.Errorf("only %d attempts%s; there are %v", cached[kind], kind, cached)
				}
			}
		})
	}
}
