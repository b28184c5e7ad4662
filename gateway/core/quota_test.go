package core

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

// Over random runs in which everything changes, prices too: when all requests are over, their tenants' quotas have what those
// took whose answer began, or whose client left an attempt, and nothing else; in money by one of the prices that there were.
func TestQuotasAreKept(t *testing.T) {
	for seed := range int64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cfg := policy()
			cfg.Route.Groups, cfg.MaxInFlight = [][]string{{"a", "b"}, {"c"}}, 12
			cfg.Affinity.Lag = unit.Duration(seed%2) * unit.Duration(5*time.Second)
			waits(cfg, seed)
			if seed%4 > 1 {
				cfg.Canary = tryOut("a", seed)
			}
			if seed%5 > 2 {
				cfg.Timeouts = Timeouts{Head: unit.Duration(800 * time.Millisecond), Idle: unit.Duration(300 * time.Millisecond)}
			}
			if seed%3 == 1 {
				cfg.Hedge = Hedge{After: unit.Duration(300 * time.Millisecond), Budget: Hedges{Share: unit.One, Burst: 50}}
			}
			cfg.Tenants = nil
			for _, name := range []string{"x", "y", "z"} {
				cfg.Tenants = append(cfg.Tenants, Tenant{Name: name, Weight: 1, Limits: budget.Limits{
					Quota: []budget.Quota{{Amount: 1_000_000_000, Period: "month"}, {Tokens: 1_000_000, Period: "month"}}}})
			}
			cfg.Budget.Prices = budget.Prices{Prompt: 2_000_000, Completion: 2_000_000}
			w := newWorld(t, cfg, seed)
			for i, groups := range [][][]string{{{"b"}}, {{"c", "b", "a"}}} {
				other := *cfg
				other.Route.Groups, other.Canary = groups, nil
				if other.Budget.Prices = (budget.Prices{Prompt: 3_000_000, Completion: 3_000_000}); i == 0 {
					other.Queue, other.Budget.Limits = nil, nil
				}
				w.configs = append(w.configs, &other)
			}
			w.run()
			want := w.took()
			for tenant := range 3 {
				use := w.core.Use(w.now, tenant)
				money, tokens := use.Quotas[0].Used, use.Quotas[1].Used
				if tokens != want[tenant] || money < 2_000_000*tokens || money > 3_000_000*tokens || use.Active != 0 {
					t.Errorf("tenant %d: %d tokens, want %d; %d of money; %d active", tenant, tokens, want[tenant], money, use.Active)
				}
			}
		})
	}
}

// took is what requests took that are over, in tokens by tenant.
func (w *world) took() (by [4]int64) {
	begun := map[record.Ref]bool{}
	for _, e := range w.effects {
		if e.Kind == Commit || e.Kind == Abort && e.Reason == record.ClientGone || e.Kind == Respond && e.Outcome == record.Succeeded {
			begun[e.Req] = true
		}
		if e.Kind == Respond && begun[e.Req] {
			by[w.came[e.Req].Tenant] += int64(w.came[e.Req].PromptTokens) + int64(e.Completion)
		}
	}
	return by
}
