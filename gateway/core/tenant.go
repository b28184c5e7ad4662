package core

import (
	"slices"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/queue"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
)

// tenantPlan is what a configuration grants a tenant.
type tenantPlan struct {
	weight int64
	band   int // place in queue.bands
	claim  budget.Claim
	limits budget.Limits
	gone   bool
	barred uint64 // set of backends that it must not be sent to
	key    uint64 // names it to dice; 0: it is no tenant
}

// tenant is what a core remembers of a tenant.
type tenant struct {
	allowance budget.Allowance
	length    budget.Length // of its answers
}

// planTenants returns the plan of whoever is no tenant, and then of every
// tenant: so the place of nobody is nobody else's later.
func planTenants(cfg *Config, members []Member, backends []string) []tenantPlan {
	bands := 1
	if cfg.Queue != nil {
		bands = max(len(cfg.Queue.Bands), 1)
	}
	plans := make([]tenantPlan, len(members)+1)
	for i := range plans {
		p := tenantPlan{weight: 1, band: bands - 1}
		if i > 0 {
			m := &members[i-1]
			p.weight, p.gone = max(m.Weight, 1), m.Weight == 0
			p.key = rng.Entity(m.Name)
			p.grant(cfg, m.Name, backends)
		}
		p.claim = budget.Standing(p.band, bands)
		plans[i] = p
	}
	return plans
}

// placeOf is a tenant's place in all that is kept by tenant.
func (s *settings) placeOf(tenant uint16) uint16 {
	if int(tenant)+1 >= len(s.tenants) {
		return 0
	}
	return tenant + 1
}

func (p *tenantPlan) grant(cfg *Config, name string, backends []string) {
	at := slices.IndexFunc(cfg.Tenants, func(t Tenant) bool { return t.Name == name })
	if at < 0 {
		return
	}
	t := &cfg.Tenants[at]
	if t.Weight > 0 {
		p.weight = t.Weight
	}
	if t.Priority != "" {
		p.band = slices.IndexFunc(cfg.Queue.Bands, func(b queue.Band) bool { return b.Name == t.Priority })
	}
	p.limits = t.Limits
	if len(t.Zones) == 0 {
		return
	}
	for i, name := range backends {
		if z := cfg.Route.ZoneOf(name); z == "" || !slices.Contains(t.Zones, z) {
			p.barred |= 1 << i
		}
	}
}

// apply puts the current configuration's tenants, gate and queue in force.
func (c *Core) apply(now tick.Instant) {
	s := c.cfg
	for len(c.tenants) < len(s.tenants) {
		c.tenants = append(c.tenants, tenant{})
	}
	for i := range s.tenants {
		c.tenants[i].allowance.Reconfigure(now, s.tenants[i].limits)
	}
	if c.gate == nil {
		c.gate = new(budget.Gate)
	}
	c.gate.Reconfigure(&s.Budget, s.backends, now)
	c.meters = s.meters()
	c.shares.Reconfigure(now, s.shares())
	if s.Queue == nil {
		return // what waits is sent as it would have been; then there is no queue
	}
	line := make([]queue.Tenant, len(s.tenants))
	for i, p := range s.tenants {
		line[i] = queue.Tenant{Weight: p.weight, Band: p.band}
	}
	if c.queue == nil {
		c.queue = queue.New(s.Queue, line)
		return
	}
	c.queue.Reconfigure(s.Queue, line)
}

// meters reports whether anything depends on what requests cost.
func (s *settings) meters() bool {
	return s.Queue != nil || s.Budget.Dispatch == "hybrid" || s.Budget.Dispatch == "predictive" || slices.ContainsFunc(s.tenants, func(p tenantPlan) bool { return p.limits.Any() || p.barred != 0 })
}

// shares returns what each tenant is entitled to, in tokens per minute: its part
// by weight of what its band may count on. The first band may count on all that
// the backends admit, another one on its minimum share. Whoever is no tenant is
// entitled to nothing where there are tenants.
func (s *settings) shares() []int64 {
	rates := make([]int64, len(s.tenants))
	total := int64(0)
	if s.Budget.Dispatch != "reactive" {
		for _, l := range s.Budget.Limits {
			total += int64(l.TPM)
		}
	}
	if total == 0 || s.Queue == nil {
		return rates
	}
	if len(s.tenants) == 1 {
		return []int64{total}
	}
	weights := make([]int64, max(len(s.Queue.Bands), 1))
	for _, p := range s.tenants[1:] {
		if !p.gone {
			weights[p.band] += p.weight
		}
	}
	for i, p := range s.tenants {
		if i == 0 || p.gone {
			continue
		}
		rates[i] = tick.MulDiv(total, p.weight, weights[p.band])
		if p.band > 0 {
			rates[i] = tick.MulDiv(rates[i], int64(s.Queue.Bands[p.band].MinShare), 1_000_000)
		}
	}
	return rates
}
