package live

import (
	"strings"
	"testing"
)

// tiers is a minute in which tenants ask for service tiers, of deployments that have them and of others.
const tiers = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: own, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, resource: r, spillover: std}
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 200k, rpm: 300, resource: r, latency: {tokens_per_s: 30}}
  - {name: fast, model: gpt-4.1, sku: GlobalStandard, tpm: 40k, rpm: 200, service_tier: priority, priority_floor: 20k, latency: {tokens_per_s: 30}}
gateway:
  route: {groups: [[own, fast]]}
  breaker: {open: 2s}
tenants:
  - {name: hurry, arrivals: {poisson: {rate: 3/s}}, prompt: 500, output: 60, max_tokens: 100, service_tier: priority}
  - {name: plain, arrivals: {poisson: {rate: 2/s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: calm, arrivals: {poisson: {rate: 1/s}}, prompt: 400, output: 50, service_tier: default}
  - {name: cheap, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 20, client: none, service_tier: flex}
faults:
  - {name: errors, backend: own, at: 20s, for: 10s, probability: 50%, status: {code: 500}}
  - {name: peak, backend: fast, at: 45s, for: 15s, probability: 50%, peak: {}}
`

// flexible is a minute of a deployment that has the tier flex.
const flexible = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-5.6-sol, sku: GlobalStandard, tpm: 60k, rpm: 300, flex: {wait: {p50: 2s, p95: 12s}, timeout: 4s}}
  - {name: b, model: gpt-5.6-sol, sku: GlobalStandard, tpm: 60k, rpm: 300}
gateway:
  route: {groups: [[a, b]]}
  breaker: {open: 2s}
tenants:
  - {name: cheap, arrivals: {poisson: {rate: 4/s}}, prompt: 400, output: 60, service_tier: flex}
  - {name: plain, arrivals: {poisson: {rate: 4/s}}, prompt: 400, output: 60}
faults:
  - {name: peak, backend: a, at: 20s, for: 20s, peak: {}}
`

func TestTiersAreServedAlike(t *testing.T) {
	for _, seed := range []string{"7", "8", "9"} {
		t.Run("seed "+seed, func(t *testing.T) {
			wantKinds(t, runBoth(t, tiers, seed), " on 0: 200 default", " on 0: 400 auto", " on 1: 200 priority", " on 1: 200 default", " on 2: 200 priority", " on 2: 200 default", " on 2: 400 auto")
		})
		t.Run("flexible, seed "+seed, func(t *testing.T) {
			wantKinds(t, runBoth(t, flexible, seed), " on 0: 200 flex", " on 0: 429 auto", " on 0: 408 auto", " on 1: 200 flex", " on 1: 200 default")
		})
	}
}

// wantKinds: there are a few attempts of each backend, status and tier.
func wantKinds(t *testing.T, f *fates, kinds ...string) {
	t.Helper()
	seen := map[string]int{}
	for a, n := range f.attempts {
		_, status, _ := strings.Cut(a, ": ")
		_, tier, _ := strings.Cut(a, " tier ")
		status, _, _ = strings.Cut(status, " ")
		tier, _, _ = strings.Cut(tier, " ")
		seen[a[strings.Index(a, " on "):strings.Index(a, " from ")]+": "+status+" "+tier] += n
	}
	for _, k := range kinds {
		if seen[k] < 5 {
			t.Errorf("only %d attempts%s; there are %v", seen[k], k, seen)
		}
	}
}
