package virtual_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// canaried is everything that was recorded of a run over backend 0, old, and backend 1, new, which is tried out.
type canaried struct {
	watched
	start tick.Instant
}

// tryOut runs 20 requests a second, half of them streamed, for five minutes, with faults in the second one.
func tryOut(t *testing.T, gateway string, faults ...string) *canaried {
	const src = `
version: 1
duration: 5m
drain: 1m
backends:
- {name: old, model: gpt-4.1, sku: GlobalStandard, region: Sweden Central, tpm: 2M, rpm: 6k}
- {name: new, model: gpt-4.1, sku: GlobalStandard, region: Sweden Central, tpm: 2M, rpm: 6k}
gateway: {route: {groups: [[old, new]]}, %s}
faults: [%s]
tenants:
- {name: streamed, arrivals: {poisson: {rate: 10/s}}, client: none, prompt: 200, output: 40, max_tokens: 100}
- {name: whole, arrivals: {poisson: {rate: 10/s}}, client: none, prompt: 200, output: 40, max_tokens: 100, stream: false}
`
	sc, err := scenarios.Load("canary.yaml", fmt.Appendf(nil, src, gateway, strings.Join(faults, ", ")), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &canaried{start: tick.Instant(sc.StartTime().UnixNano()).Floor()}
	c.Result = virtual.Run(sc, virtual.Options{Also: c}).Result()
	return c
}

// of returns how many attempts a backend had that began within a time of the run, and how many of them failed.
func (c *canaried) of(backend uint16, from, to time.Duration) (all, failed int) {
	for _, a := range c.attempts {
		if at := a.Start.Sub(c.start); a.Backend == backend && at >= from && at < to {
			if all++; a.Outcome != record.Succeeded {
				failed++
			}
		}
	}
	return all, failed
}

// visible is how many requests failed for their clients, apart from streams that broke off when they had begun.
func (c *canaried) visible() (failed int) {
	for _, r := range c.requests {
		if r.Outcome != record.Succeeded && r.TTFT < 0 {
			failed++
		}
	}
	return failed
}

// A canary of which a fifth fails is left alone within a few dozen attempts, and so is one that nobody reaches, whatever
// its share is; for good, although it would be well again a minute later. No client sees it, since what fails there goes to
// the others. One that fails as the others do stays, and so does one that is well.
func TestCanaryIsRolledBack(t *testing.T) {
	fails := func(backend, share string) string {
		return fmt.Sprintf("{name: %s-fails, backend: %s, at: 60s, for: 60s, probability: %s, status: {code: 500}}", backend, backend, share)
	}
	for _, c := range []struct {
		name, gateway string
		faults        []string
		share         float64
		attempts      int // at the canary within the fault, at most; 0: it goes on after that
	}{
		{"a fifth of 5 %", "canary: {backends: [new], share: 5%}", []string{fails("new", "20%")}, 0.05, 40},
		{"a fifth of 50 %", "canary: {backends: [new], share: 50%}", []string{fails("new", "20%")}, 0.5, 40},
		{"a fifth of all", "canary: {backends: [new], share: 100%}", []string{fails("new", "20%")}, 1, 40},
		{"a fifth of a tenant's", "canary: {backends: [new], share: 50%, by: tenant}", []string{fails("new", "20%")}, 0.5, 40},
		{"all of 5 %", "canary: {backends: [new], share: 5%}", []string{fails("new", "100%")}, 0.05, 10},
		{"unreachable", "canary: {backends: [new], share: 50%}", []string{"{name: out, backend: new, at: 60s, for: 60s, outage: {mode: refused}}"}, 0.5, 10},
		{"as the others", "canary: {backends: [new], share: 50%}, breaker: {failures: 0, share: 50%}, retry: {attempts: 8}", []string{fails("new", "3%"), fails("old", "3%")}, 0.5, 0},
		{"well", "canary: {backends: [new], share: 5%}", nil, 0.05, 0},
		{"never over", "canary: {backends: [new], share: 5%, rollback: {failures: 0%}}", []string{fails("new", "20%")}, 0.05, 0},
	} {
		run := tryOut(t, c.gateway, c.faults...)
		before, _ := run.of(1, 0, time.Minute)
		old, _ := run.of(0, 0, time.Minute)
		during, failed := run.of(1, time.Minute, 2*time.Minute)
		later, _ := run.of(1, 2*time.Minute, time.Hour)
		visible := run.visible()
		t.Logf("%-22s %5.1f %% at the canary; in the fault %d attempts there, of which %d failed; after it %d; clients see %d of %d fail",
			c.name, 100*float64(before)/float64(before+old), during, failed, later, visible, len(run.requests))
		if want := c.share * float64(before+old); math.Abs(float64(before)-want) > 5*math.Sqrt(want*(1-c.share)+1) {
			t.Errorf("%s: %d attempts at the canary before it fails, want about %.0f", c.name, before, want)
		}
		if over := later == 0; over != (c.attempts > 0) || over && during > c.attempts {
			t.Errorf("%s: over %v, with %d attempts in the fault", c.name, over, during)
		}
		if visible > 0 && len(c.faults) < 2 { // else the others fail too
			t.Errorf("%s: clients see %d failures", c.name, visible)
		}
	}
}

// A tenant that is drawn goes to the canary with all of its requests, and the other one with none.
func TestCanaryByTenant(t *testing.T) {
	run := tryOut(t, "canary: {backends: [new], share: 50%, by: tenant}")
	at := map[[2]uint16]int{}
	for _, a := range run.attempts {
		at[[2]uint16{a.Tenant, a.Backend}]++
	}
	if len(at) != 2 || at[[2]uint16{0, 0}]+at[[2]uint16{0, 1}] == 0 {
		t.Errorf("attempts by tenant and backend: %v", at)
	}
}
