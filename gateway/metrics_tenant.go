package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"foundrylab/gateway/budget"
	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
)

// tenantMetrics are what tenants have of their own limits. Who has none is left out.
type tenantMetrics struct {
	limit, used              *prometheus.Desc // by pool, tenant and limit
	quota, quotaUsed, resets *prometheus.Desc // by pool, tenant and period
	amount, amountUsed       *prometheus.Desc // the same, of quotas in money
}

func newTenantMetrics(of func(name, help string, labels ...string) *prometheus.Desc) tenantMetrics {
	return tenantMetrics{
		limit:      of("foundrylab_gateway_tenant_limit", "What a tenant may have: tokens and requests of a minute, requests at a time.", "pool", "tenant", "limit"),
		used:       of("foundrylab_gateway_tenant_used", "What it has of that, reserved tokens included.", "pool", "tenant", "limit"),
		quota:      of("foundrylab_gateway_tenant_quota_tokens", "Tokens that a tenant may have in a period.", "pool", "tenant", "period"),
		quotaUsed:  of("foundrylab_gateway_tenant_quota_used_tokens", "Tokens that it has had in this one, reserved ones included.", "pool", "tenant", "period"),
		amount:     of("foundrylab_gateway_tenant_quota_amount", "What a tenant may spend in a period.", "pool", "tenant", "period"),
		amountUsed: of("foundrylab_gateway_tenant_quota_used_amount", "What it has spent in this one, what is reserved included.", "pool", "tenant", "period"),
		resets:     of("foundrylab_gateway_tenant_quota_reset_timestamp_seconds", "When the next one begins, in Unix time.", "pool", "tenant", "period"),
	}
}

// collect tells the use of a pool at now; called under its driver's lock.
func (m *tenantMetrics) collect(out chan<- prometheus.Metric, p *poolSettings, clients []Client, now tick.Instant) {
	for i, c := range clients {
		if !c.gone {
			m.tell(out, p.core.Use(now, i), p.Name, c.Name)
		}
	}
}

// allPools is what stands in place of a pool's name where all are meant: no pool can be called so.
const allPools = "*"

// collectTotals tells the use of all pools together.
func (m *tenantMetrics) collectTotals(out chan<- prometheus.Metric, in *settings, clock *drive.Clock) {
	for i, t := range in.totals {
		if t.total == nil {
			continue
		}
		t.mu.Lock()
		use := t.allowance.Use(clock.Now())
		t.mu.Unlock()
		m.tell(out, use, allPools, in.cfg.Clients[i].Name)
	}
}

func (m *tenantMetrics) tell(out chan<- prometheus.Metric, use budget.Use, pool, tenant string) {
	gauge := func(d *prometheus.Desc, v float64, what string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, pool, tenant, what)
	}
	ends := map[string]tick.Instant{}
	for _, l := range []struct {
		name        string
		limit, used int64
	}{{"tokens", int64(use.TPM), use.Tokens}, {"requests", int64(use.RPM), use.Requests}, {"concurrency", int64(use.Concurrency), int64(use.Active)}} {
		if l.limit > 0 {
			gauge(m.limit, float64(l.limit), l.name)
			gauge(m.used, float64(l.used), l.name)
		}
	}
	for _, q := range use.Quotas {
		if q.Amount > 0 {
			gauge(m.amount, float64(q.Amount)/1e6, q.Period)
			gauge(m.amountUsed, amount(q.Used), q.Period)
		} else {
			gauge(m.quota, float64(q.Tokens), q.Period)
			gauge(m.quotaUsed, float64(q.Used), q.Period)
		}
		ends[q.Period] = q.End
	}
	for period, end := range ends {
		gauge(m.resets, float64(end)/1e9, period)
	}
}
