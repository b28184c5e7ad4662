package live

import (
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// crowd is five tenants who want three times what there is, for five minutes.
const crowd = `
version: 1
seed: 7
duration: 5m
warmup: 1m
backends: [{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 60k}]
gateway:
  route: {groups: [[a]]}
  queue: {ttl: 20s}
  budget: {dispatch: predictive, limits: [{backend: a, tpm: 600k}]}
tenants:
- {name: t0, weight: 5, client: none, arrivals: {poisson: {rate: 21/s}}, prompt: {uniform: {min: 200, max: 900}}, output: 10, max_tokens: 100}
- {name: t1, weight: 3, client: none, arrivals: {poisson: {rate: 13/s}}, prompt: {uniform: {min: 200, max: 900}}, output: 10, max_tokens: 100}
- {name: t2, weight: 1, client: none, arrivals: {poisson: {rate: 4.3/s}}, prompt: {uniform: {min: 200, max: 900}}, output: 10, max_tokens: 100}
- {name: t3, weight: 1, client: none, arrivals: {poisson: {rate: 4.3/s}}, prompt: {uniform: {min: 200, max: 900}}, output: 10, max_tokens: 100}
- {name: t4, weight: 1, client: none, arrivals: {poisson: {rate: 4.3/s}}, prompt: {uniform: {min: 200, max: 900}}, output: 10, max_tokens: 100}
`

// shares sums what was charged each tenant in each two minutes after the first.
type shares struct {
	fates
	mu      sync.Mutex
	first   tick.Instant
	windows [2][5]int64
}

func (c *shares) Attempt(a *record.Attempt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == 0 || a.Start < c.first {
		c.first = a.Start
	}
	if i := int((a.Start.Sub(c.first) - time.Minute) / (2 * time.Minute)); a.Start.Sub(c.first) >= time.Minute && i < len(c.windows) {
		c.windows[i][a.Tenant] += a.Charged
	}
}

// Over real sockets too each tenant gets its share by weight of all that there
// is, in every two minutes; and nobody else is there to see how busy the machine
// is, so the bounds are wider than in virtual time.
func TestSoakSharesAreFair(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("takes five minutes; FOUNDRYLAB_SOAK=1 runs it")
	}
	c := &shares{fates: *newFates(0)}
	if _, err := Run(t.Context(), loadScenario(t, crowd), Options{Also: c, Note: t.Logf}); err != nil {
		t.Fatal(err)
	}
	weights := []int64{5, 3, 1, 1, 1}
	for _, served := range c.windows {
		total := int64(0)
		for _, n := range served {
			total += n
		}
		var satisfied []record.Ratio
		for i, n := range served {
			satisfied = append(satisfied, record.Ratio(n*1_000_000*11/(max(total, 1)*weights[i])))
		}
		worst, jain, used := slices.Min(satisfied), record.Jain(satisfied), total*1_000_000/1_200_000
		t.Logf("satisfaction %d ppm, Jain's index %d ppm, budget used %d ppm; %d refusals", worst, jain, used, c.reasons[record.TokenLimit])
		if worst < 900_000 || jain < 970_000 || used < 970_000 {
			t.Error("that is not fair")
		}
	}
}
