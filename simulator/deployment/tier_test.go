package deployment

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

// The meter of the climb says what counting all that came in each minute says.
func TestClimbAgainstDumbOne(t *testing.T) {
	for seed := range int64(20) {
		dice := rand.New(rand.NewSource(seed))
		start := tick.Instant(dice.Int63n(int64(time.Hour)))
		meter, perMinute := climb{at: start}, map[int64]int64{}
		now, yes := start, 0
		const n = 20_000
		for range n {
			now += tick.Instant(dice.Int63n(int64(3 * time.Second)))
			if dice.Intn(2000) == 0 {
				now += tick.Instant(dice.Int63n(int64(20 * time.Minute)))
			}
			tokens, minute := dice.Int63n(int64(10+now/tick.Instant(time.Minute)%40)), int64(now-start)/int64(time.Minute)
			least := int64(math.MaxInt64)
			for m := minute - 15; m < minute; m++ {
				least = min(least, perMinute[m])
			}
			want := perMinute[minute]+tokens > least*3/2 && perMinute[minute]+tokens > 100
			if got := meter.climbs(now, tokens, 100); got != want {
				t.Fatalf("seed %d, minute %d: climbs %v, want %v: %d and %d after at least %d", seed, minute, got, want, perMinute[minute], tokens, least)
			}
			if want {
				yes++
			}
			meter.add(now, tokens)
			perMinute[minute] += tokens
		}
		if yes < n/100 || yes > n*99/100 {
			t.Errorf("seed %d: %d of %d show little", seed, yes, n)
		}
	}
}

func TestServiceTierIsChecked(t *testing.T) {
	for _, c := range []struct {
		model, sku string
		ok         bool
	}{{"gpt-4.1", "GlobalStandard", true}, {"gpt-5.6-terra", "Standard", true}, {"gpt-4o", "GlobalStandard", false}, {"gpt-4.1", "GlobalProvisionedManaged", false}} {
		cfg := Config{Name: "a", Model: c.model, SKU: c.sku, TPM: 1, ServiceTier: "priority"}
		if cfg.Provisioned() {
			cfg.TPM, cfg.PTU, cfg.UtilizationWindow = 0, 50, 1
		}
		var wrong []string
		cfg.Validate(func(path, format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) })
		if ok := len(wrong) == 0; ok != c.ok || !ok && !strings.HasPrefix(wrong[0], "service_tier: no "+c.sku) {
			t.Errorf("%+v: %q", c, wrong)
		}
	}
}
