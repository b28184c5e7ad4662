package deployment

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// dynamic spares half as much again, in so many percent of the periods of 2 m.
func dynamic(tpm, rpm int64, percent unit.Ratio) *Config {
	cfg := standard(tpm, rpm)
	cfg.DynamicQuota = &DynamicQuota{Spare: 500_000, Share: percent * 10_000, Every: unit.Duration(2 * time.Minute)}
	return cfg
}

// What is spared is let through, and does not show.
func TestDynamicQuota(t *testing.T) {
	for _, c := range []struct {
		share  unit.Ratio
		asks   []int32
		tokens string
	}{
		{0, []int32{600, 400, 1}, "left 400, left 0, token-limit 60000 ms left 0"},
		{100, []int32{600, 400, 1, 499, 1}, "left 400, left 0, left 0, left 0, token-limit 60000 ms left 0"},
		{100, []int32{1500, 1501}, "left 0, too-large 86400000 ms left 0"},
	} {
		core, got := New(dynamic(1000, 60_000, c.share), Options{}), ""
		for i, n := range c.asks {
			e := ask(core, tick.Instant(i), Event{PromptEstimate: n, MaxTokens: -1})
			if got += ", "; e.Kind == Refuse {
				got += fmt.Sprintf("%v %d ms ", e.Reason, e.RetryMs)
			}
			got += fmt.Sprintf("left %d", e.RemainingTokens)
		}
		if got[2:] != c.tokens {
			t.Errorf("in %d %% of the periods: %s, want %s", c.share, got[2:], c.tokens)
		}
		if tpm, rpm := core.Limits(); tpm != 1000 || rpm != 60_000 {
			t.Errorf("limits %d and %d", tpm, rpm)
		}
	}
	requests, admitted := New(dynamic(1_000_000, 60, 100), Options{}), 0
	for i := range 20 {
		if ask(requests, tick.Instant(i)*second/2, Event{PromptEstimate: 1, MaxTokens: -1}).Kind == Plan {
			admitted++
		}
	}
	if admitted != 15 {
		t.Errorf("%d requests in 10 s at 60 RPM, want 15", admitted)
	}
}

// Over many periods that ask for more than there is: each minute has the limit
// or half as much again, both minutes of a period alike, and the share of these
// periods is the configured one. It depends on the period and nothing else:
// neither on how often it was asked nor on a change of the limits in between.
func TestDynamicQuotaOverTime(t *testing.T) {
	const periods = 4000
	most := func(core *Core, minute int) (n int) {
		at := tick.Instant(minute) * 60 * second
		for n < 20 && ask(core, at, Event{PromptEstimate: 100, MaxTokens: -1}).Kind == Plan {
			n++
		}
		return n
	}
	core, seldom, spared := New(dynamic(1000, 60_000, 25), Options{Seed: 7}), New(dynamic(1000, 60_000, 25), Options{Seed: 7}), 0
	version, _ := seldom.Install(dynamic(1000, 50_000, 25), 7)
	for p := range periods {
		first, second := most(core, 2*p), most(core, 2*p+1)
		if first != second || first != 10 && first != 15 {
			t.Fatalf("period %d admits %d and %d", p, first, second)
		}
		if first == 15 {
			spared++
		}
		if p%7 == 3 {
			if p == 1004 {
				seldom.Step(tick.Instant(2*p)*60*1e9, Event{Kind: Configure, Version: version}, nil)
			}
			if n := most(seldom, 2*p); n != first {
				t.Fatalf("period %d admits %d to who is asked seldom, not %d", p, n, first)
			}
		}
	}
	if spared < periods*23/100 || spared > periods*27/100 {
		t.Errorf("%d of %d periods had something to spare, want a quarter", spared, periods)
	}
}

// Before its start a deployment is in the first period.
func TestDynamicQuotaBeforeStart(t *testing.T) {
	core := New(dynamic(1000, 60_000, 50), Options{Start: 1_000_000 * second})
	a, b := core.cfg.spares.in(0), int64(0)
	ask(core, 999_000*second, Event{PromptEstimate: 1, MaxTokens: -1})
	if b = core.limits.spare; a != b {
		t.Errorf("spare %d, the first period's is %d", b, a)
	}
}
