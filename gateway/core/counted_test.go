package core

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/queue"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// A prompt that is counted while its backend works costs its tenant, and the gate of a backend that charges what was used,
// what it would have cost had its count been there at arrival: afterwards both say the same waits.
func TestCountedLaterCostsTheSame(t *testing.T) {
	cfg := policy()
	cfg.Budget.Dispatch = "predictive"
	cfg.Budget.Limits = []budget.Limit{{Backend: "a", TPM: 1_200_000, OutputWeight: 3, Charge: "actual", RPMWindow: unit.Duration(time.Second)}}
	cfg.Tenants = []Tenant{{Name: "x", Weight: 1, Limits: budget.Limits{TPM: 90_000}}, {Name: "y", Weight: 1}}
	waits := func(later, open bool) (of [2]uint32) {
		dice := rand.New(rand.NewSource(7))
		c := New(cfg, Options{Seed: 1, Backends: []string{"a"}, Tenants: []Member{{"x", 1}, {"y", 1}}})
		now := tick.Instant(1)
		for i := range 50 {
			now = now.Add(120 * time.Millisecond)
			count := int32(1 + dice.Intn(2000))
			ask := Event{Kind: Request, Ref: record.Ref{Slot: uint32(i)}, PromptTokens: count, PromptEstimate: int32(1 + dice.Intn(500)), MaxTokens: 40}
			head := Event{Kind: Head, PromptTokens: count}
			if later {
				ask.PromptTokens = 0
			}
			out := c.Step(now, ask, nil)
			if out[0].Kind != Send {
				t.Fatalf("request %d: %+v", i, out)
			}
			head.Ref = out[0].Ref
			c.Step(now, head, nil)
			if !open {
				c.Step(now, Event{Kind: End, Ref: head.Ref, Status: 200, Outcome: record.Succeeded, Completion: int32(dice.Intn(40)), PromptTokens: count}, nil)
			}
		}
		for tenant := range uint16(2) {
			out := c.Step(now, Event{Kind: Request, Ref: record.Ref{Slot: 1000}, Tenant: tenant, PromptTokens: 80_000, MaxTokens: 100_000 * int32(tenant)}, nil)
			if !out[0].HasRetry || out[0].RetryMs == 0 {
				t.Fatalf("tenant %d: %+v", tenant, out)
			}
			of[tenant] = out[0].RetryMs
		}
		return of
	}
	for _, open := range []bool{true, false} {
		if at, later := waits(false, open), waits(true, open); at != later {
			t.Errorf("open %v: after counts at arrival the limits want %v ms, after later ones %v ms", open, at, later)
		}
	}
}

// A client that leaves costs its tenant what it has seen, and the gate of a backend that charges what was used is given the
// rest back; of what its backend said more than the gateway knew, that counts. One that leaves the line costs nothing.
func TestGoneCostsWhatWasSeen(t *testing.T) {
	for _, tt := range []struct {
		name   string
		begun  bool
		gone   Event
		tokens int64 // of its tenant's
	}{
		{"before its answer began", false, Event{}, 1000},
		{"in the middle of it", true, Event{Completion: 30}, 1030},
		{"at its end", true, Event{PromptTokens: 1200, PromptEstimate: 1100, Completion: 40}, 1240},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := policy()
			cfg.Budget.Dispatch = "predictive"
			cfg.Budget.Limits = []budget.Limit{{Backend: "a", TPM: 60_000, OutputWeight: 3, Charge: "actual", RPMWindow: unit.Duration(time.Second)}}
			cfg.Tenants = []Tenant{{Name: "x", Weight: 1, Limits: budget.Limits{TPM: 90_000}}}
			c := New(cfg, Options{Seed: 1, Backends: []string{"a"}, Tenants: []Member{{"x", 1}}})
			out := c.Step(1, Event{Kind: Request, PromptTokens: 1000, PromptEstimate: 900, MaxTokens: 20_000}, nil)
			if len(out) != 1 || out[0].Kind != Send {
				t.Fatalf("%+v", out)
			}
			if tt.begun {
				c.Step(1, Event{Kind: Head, Ref: out[0].Ref}, nil)
			}
			tt.gone.Kind = Gone
			c.Step(1, tt.gone, nil)
			if used := c.Use(1, 0); used.Tokens != tt.tokens || used.Active != 0 {
				t.Errorf("its tenant is charged %+v, want %d tokens", used, tt.tokens)
			}
			// The next one goes as soon as what was used has drained: not after the 61,000 that were set aside.
			if at := c.gate.OpensAt(1, 0, 100, budget.Entitled); at > 1+tick.Instant(4*time.Second) {
				t.Errorf("the gate stays closed for %v", at.Sub(1))
			}
		})
	}
}

// What a request costs its tenant in money is corrected to what its backend said: also for what the prompt cache knew.
func TestMoneyIsSettled(t *testing.T) {
	cfg := policy()
	cfg.Budget.Prices = budget.Prices{Prompt: 2_000_000, Cached: 500_000, Completion: 8_000_000}
	cfg.Tenants = []Tenant{{Name: "x", Weight: 1, Limits: budget.Limits{Quota: []budget.Quota{{Amount: 1_000_000, Period: "day"}}}}}
	c := New(cfg, Options{Seed: 1, Backends: []string{"a"}, Tenants: []Member{{"x", 1}}})
	used := func() int64 { return c.Use(1, 0).Quotas[0].Used }
	prices := &cfg.Budget.Prices
	out := c.Step(1, Event{Kind: Request, PromptEstimate: 900, MaxTokens: 500}, nil)
	if got, want := used(), prices.Of(900, 0, 500); got != want {
		t.Errorf("reserved %d, want %d", got, want)
	}
	c.Step(1, Event{Kind: Head, Ref: out[0].Ref, PromptTokens: 1000}, nil)
	if got, want := used(), prices.Of(1000, 0, 500); got != want {
		t.Errorf("counted %d, want %d", got, want)
	}
	c.Step(1, Event{Kind: End, Ref: out[0].Ref, Status: 200, Outcome: record.Succeeded, PromptTokens: 1010, PromptEstimate: 500, Completion: 20}, nil)
	if got, want := used(), prices.Of(1010, 510, 20); got != want {
		t.Errorf("used %d, want %d", got, want)
	}
	if out := c.Step(1, Event{Kind: Request, PromptTokens: 1, MaxTokens: 200_000}, nil); out[0].Status != 403 || out[0].Reason != record.TenantQuota {
		t.Errorf("above the quota: %+v", out)
	}
}

// What waits goes by the prices in force when it is sent: those it was reserved by are given back, whichever way they changed.
func TestMoneyOfWhoWaitsWhilePricesChange(t *testing.T) {
	at := func(prompt unit.Money) *Config {
		cfg := policy()
		cfg.Queue = &queue.Config{Discipline: "vtc", MaxRequests: 10, MaxBytes: 1 << 20, TTL: unit.Duration(time.Minute)}
		cfg.Budget.Prices = budget.Prices{Prompt: prompt, Completion: 4 * prompt}
		cfg.Tenants = []Tenant{{Name: "x", Weight: 1, Limits: budget.Limits{Quota: []budget.Quota{{Amount: 1_000_000, Period: "day"}}}}}
		return cfg
	}
	for _, after := range []unit.Money{1_000_000, 3_000_000} {
		names, tenants := []string{"a"}, []Member{{"x", 1}}
		before := at(2_000_000)
		c := New(before, Options{Seed: 1, Backends: names, Tenants: tenants})
		used := func(now tick.Instant, cfg *Config, prompt, completion int64) {
			t.Helper()
			if got, want := c.Use(now, 0).Quotas[0].Used, cfg.Budget.Prices.Of(prompt, 0, completion); got != want {
				t.Errorf("after %v: %d used, want %d", after, got, want)
			}
		}
		out := c.Step(1, Event{Kind: Request, PromptTokens: 900, MaxTokens: 500}, nil)
		c.Step(1, Event{Kind: End, Ref: out[0].Ref, Status: 429, Outcome: record.Throttled, HasRetry: true, RetryMs: 1000}, nil)
		used(1, before, 900, 500)
		changed := at(after)
		c.Step(2, Event{Kind: Configure, Version: c.Install(changed, names, tenants)}, nil)
		used(2, changed, 900, 500)
		now := c.NextWake()
		out = c.Step(now, Event{Kind: Wake}, nil)
		sent := out[len(out)-1]
		if sent.Kind != Send {
			t.Fatalf("%+v", out)
		}
		c.Step(now, Event{Kind: End, Ref: sent.Ref, Status: 200, Outcome: record.Succeeded, PromptTokens: 900, PromptEstimate: 900, Completion: 20}, nil)
		used(now, changed, 900, 20)
	}
}
