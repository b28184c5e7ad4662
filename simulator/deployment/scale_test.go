package deployment

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

// scaled is a core of which a share is in force from now on.
func (c *Core) scaled(now tick.Instant, share int64) *Core {
	c.limits.scale(now, c.cfg, share)
	return c
}

func TestScaleOpensNoWindow(t *testing.T) {
	core := New(standard(1000, 600), Options{})
	for _, step := range []struct {
		at     tick.Instant
		share  int64
		tokens int32
		want   string
	}{
		{0, whole, 400, "plan, left 600 tokens 599 requests"},
		{second, 500_000, 200, "refuse r0: 429 throttled (token-limit) retry in 59000 ms, left 100 tokens 298 requests"},
		{2 * second, 500_000, 100, "plan, left 0 tokens 297 requests"},
		{3 * second, 500_000, 501, "refuse r0: 429 throttled (too-large) retry in 86400000 ms, left 0 tokens 296 requests"},
		{4 * second, 1_500_000, 1000, "plan, left 0 tokens 895 requests"},
		{5 * second, whole, 1, "refuse r0: 429 throttled (token-limit) retry in 55000 ms, left 0 tokens 594 requests"},
		{60 * second, 0, 1, "plan, left 0 tokens 0 requests"},
		{120 * second, whole, 1000, "plan, left 0 tokens 599 requests"},
	} {
		e := ask(core.scaled(step.at, step.share), step.at, Event{PromptEstimate: step.tokens, MaxTokens: -1, OutputTokens: 1})
		got := describe(&e)
		if e.Kind == Plan {
			got = fmt.Sprintf("plan, left %d tokens %d requests", e.RemainingTokens, e.RemainingRequests)
		}
		if got != step.want {
			t.Errorf("%v, %d ppm: %s\nwant %s", time.Duration(step.at), step.share, got, step.want)
		}
	}
	if tpm, rpm := core.scaled(121*second, 250_000).Limits(); tpm != 250 || rpm != 150 {
		t.Errorf("a quarter: %d TPM, %d RPM", tpm, rpm)
	}
}

// A bucket drains at the rate in force, and its level stays.
func TestScaleOfProvisioned(t *testing.T) {
	core := New(provisioned(15), Options{}) // 750 tokens a second, 7,500 at 100 %
	ev := Event{PromptTokens: 15_000, MaxTokens: 0, OutputTokens: 0}
	core.Step(0, Event{Kind: Start, PromptTokens: ev.PromptTokens, MaxTokens: 0}, nil)
	for _, step := range []struct {
		at, share, want int64 // the wait in ms; 0: admitted
	}{
		{0, whole, 10_000}, {0, 500_000, 30_000}, {10, 500_000, 20_000}, {20, whole, 0},
	} {
		at := tick.Instant(step.at) * second
		e := ask(core.scaled(at, step.share), at, Event{Ref: ref("r1"), MaxTokens: 0, OutputTokens: 0})
		if int64(e.RetryMs) != step.want {
			t.Errorf("after %d s, %d ppm: %s, want a wait of %d ms", step.at, step.share, describe(&e), step.want)
		}
	}
}

// However often the share changes: no window admits more than the largest
// limit that was in force in it, and it is as if it had never changed once it
// is whole again.
func TestScaleConserves(t *testing.T) {
	for _, p := range profiles {
		for seed := range int64(20) {
			dice := rand.New(rand.NewSource(seed))
			cfg := standard(2000, 400)
			cfg.Profile = p.name
			core := New(cfg, Options{})
			now, share, most := tick.Instant(0), int64(whole), int64(whole)
			var at []tick.Instant
			var units []int64
			for range 300 {
				now += tick.Instant(dice.Int63n(int64(time.Second)))
				if dice.Intn(20) == 0 {
					share = dice.Int63n(2 * whole)
					most = max(most, share)
					core.scaled(now, share)
				}
				ev := Event{PromptEstimate: 1 + int32(dice.Intn(200)), MaxTokens: -1}
				if e := ask(core, now, ev); e.Kind == Plan {
					at, units = append(at, now), append(units, int64(e.Charged))
				}
			}
			holds(t, p.name, p.sliding, time.Minute, 2000*most/whole, at, units)
			now += 60 * second
			if e := ask(core.scaled(now, whole), now, Event{PromptEstimate: 2000, MaxTokens: -1}); e.Kind != Plan || e.RemainingTokens != 0 {
				t.Fatalf("%s, seed %d: whole again: %s", p.name, seed, describe(&e))
			}
		}
	}
}

func TestScaleAllocatesNothing(t *testing.T) {
	for _, cfg := range []*Config{standard(1000, 600), provisioned(15)} {
		core, now := New(cfg, Options{}), tick.Instant(0)
		if n := testing.AllocsPerRun(100, func() { now += second; core.scaled(now, int64(now)%whole) }); n != 0 {
			t.Errorf("%s: %v allocations", cfg.SKU, n)
		}
	}
}
