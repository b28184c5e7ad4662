package gateway

import (
	"slices"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"foundrylab/gateway/core"
	"foundrylab/internal/histogram"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// tally counts what became of one tenant's requests to one pool. It lives as long as the gateway, whatever its configurations.
type tally struct {
	mu       sync.Mutex
	backends []*counts // by the backend that answered last, and one for none; nil: nothing yet
}

// counts is about one tenant and one backend.
type counts struct {
	ends             map[ending]uint64
	attempts, tokens uint64
	wait, duration   histogram.Histogram
	expenses
}

// ending is how requests end: statuses times a closed vocabulary of reasons.
type ending struct {
	status uint16
	reason record.Reason
}

// timingBounds are the buckets of times.
var timingBounds = histogram.Milliseconds(1, 5, 25, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)

// tallies returns one for each tenant and one for whoever is none, those that there were first.
func tallies(had []*tally, clients int) []*tally {
	list := slices.Clone(had)
	for len(list) < 1+clients {
		list = append(list, new(tally))
	}
	return list
}

// count counts the end of a request that took so long; it allocates when a way of ending is new.
func (x *exchange) count(e core.Effect) {
	all := x.settings().tallies
	place := x.visitor.place()
	backend := core.MaxBackends
	if e.Backend != core.NoBackend {
		backend = int(e.Backend)
	}
	t := all[place]
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.at(backend)
	c.ends[ending{e.Status, e.Reason}]++
	c.attempts += uint64(e.Attempts)
	c.tokens += uint64(max(e.Completion, 0))
	c.wait.Add(timingBounds, int64(e.QueueWait.Span()))
	c.duration.Add(timingBounds, int64(e.At.Sub(x.began)))
}

// at returns what is counted of a backend, under the lock.
func (t *tally) at(backend int) *counts {
	if t.backends == nil {
		t.backends = make([]*counts, core.MaxBackends+1)
	}
	if t.backends[backend] == nil {
		t.backends[backend] = &counts{ends: map[ending]uint64{}}
	}
	return t.backends[backend]
}

// Metrics returns a new registry of what the gateway has done, for GET /metrics. Labels are pools, tenants, backends, statuses
// and reasons, all of which are bounded; no secret and nothing that a client wrote is in it. It may be gathered at any time.
func (g *Gateway) Metrics() prometheus.Gatherer {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newMetrics(g))
	return registry
}

// metrics is a prometheus.Collector over a gateway.
type metrics struct {
	g                                    *Gateway
	all                                  []*prometheus.Desc
	requests, attempts, tokens           *prometheus.Desc
	billed, charged, amount, hedges      *prometheus.Desc
	wait, duration                       *prometheus.Desc
	inFlight, waiting, state, limitation *prometheus.Desc
	spansSent, spansDropped              *prometheus.Desc
	tenants                              tenantMetrics
	canary                               canaryMetrics
}

func newMetrics(g *Gateway) *metrics {
	m := &metrics{g: g}
	of := func(name, help string, labels ...string) *prometheus.Desc {
		m.all = append(m.all, prometheus.NewDesc(name, help, labels, nil))
		return m.all[len(m.all)-1]
	}
	m.requests = of("foundrylab_gateway_requests_total", "Requests that have ended, by the backend whose answer came last.", "pool", "tenant", "backend", "status", "reason")
	m.attempts = of("foundrylab_gateway_attempts_total", "Attempts of requests that have ended.", "pool", "tenant", "backend")
	m.hedges = of("foundrylab_gateway_hedges_total", "Attempts that were made beside another one and are over: won, where their answer was passed on.", "pool", "outcome")
	m.tokens = of("foundrylab_gateway_completion_tokens_total", "Completion tokens that were passed on.", "pool", "tenant", "backend")
	m.billed = of("foundrylab_gateway_billed_tokens_total", "Tokens of attempts that are over, as a provider bills them: cached ones are part of the prompt's; exact where the backend said how many.", "pool", "tenant", "backend", "kind", "count")
	m.amount = of("foundrylab_gateway_billed_amount_total", "What those tokens cost by budget.prices; where that has none it is left out.", "pool", "tenant", "backend")
	m.charged = of("foundrylab_gateway_charged_tokens_total", "Tokens that the limits of backends have counted, in each backend's own unit.", "pool", "tenant", "backend")
	m.wait = of("foundrylab_gateway_queue_wait_seconds", "How long requests waited to be sent, or until they were given up.", "pool", "tenant", "backend")
	m.duration = of("gen_ai_server_request_duration_seconds", "From a request's arrival to its end.", "pool", "tenant", "backend")
	m.inFlight = of("foundrylab_gateway_requests_in_flight", "Requests inside the gateway, those that wait included.", "pool")
	m.waiting = of("foundrylab_gateway_queue_length", "Requests that wait for a backend.", "pool")
	m.state = of("foundrylab_gateway_backend_state", "1 for the state that the gateway sees a backend in.", "pool", "backend", "state")
	m.limitation = of("foundrylab_gateway_backend_limit_tokens", "Tokens per minute that the gateway takes a backend to admit, as configured or learned.", "pool", "backend")
	m.tenants, m.canary = newTenantMetrics(of), newCanaryMetrics(of)
	m.spansSent = of("foundrylab_gateway_spans_exported_total", "Spans that a collector has taken.")
	m.spansDropped = of("foundrylab_gateway_spans_dropped_total", "Spans that there was no room for, or that a collector refused.")
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range m.all {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	in := m.g.present.Load()
	for _, p := range in.pools {
		for i, t := range p.tallies {
			tenant := "none"
			if i > 0 {
				tenant = in.cfg.Clients[i-1].Name
			}
			m.collectTenant(out, p, tenant, t)
		}
		m.collectPool(out, p.pool)
	}
	m.tenants.collectTotals(out, in, m.g.cfg.Clock)
	if m.g.cfg.Tracer != nil {
		sent, dropped := m.g.cfg.Tracer.Counts()
		out <- prometheus.MustNewConstMetric(m.spansSent, prometheus.CounterValue, float64(sent))
		out <- prometheus.MustNewConstMetric(m.spansDropped, prometheus.CounterValue, float64(dropped))
	}
}

func (m *metrics) collectPool(out chan<- prometheus.Metric, p *pool) {
	p.driver.Locked(func(now tick.Instant) {
		all := m.g.present.Load()
		in := all.pools[p.place]
		name := in.Name
		won, lost := p.won.Load(), p.lost.Load()
		if in.Core.Hedge.After > 0 || won+lost > 0 {
			out <- prometheus.MustNewConstMetric(m.hedges, prometheus.CounterValue, float64(won), name, "won")
			out <- prometheus.MustNewConstMetric(m.hedges, prometheus.CounterValue, float64(lost), name, "lost")
		}
		if !in.gone {
			m.tenants.collect(out, in, all.cfg.Clients, now)
			m.canary.collect(out, in, now)
		}
		out <- prometheus.MustNewConstMetric(m.inFlight, prometheus.GaugeValue, float64(p.core.Active()), name)
		out <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(p.core.Waiting()), name)
		for i, b := range in.backends {
			if b.gone || in.gone {
				continue
			}
			now, _ := p.core.Backend(i)
			for _, s := range []record.BackendState{record.Closed, record.Open, record.HalfOpen} {
				value := 0.0
				if s == now {
					value = 1
				}
				out <- prometheus.MustNewConstMetric(m.state, prometheus.GaugeValue, value, name, b.Name, s.String())
			}
			if limit := p.core.LimitOf(i); limit > 0 {
				out <- prometheus.MustNewConstMetric(m.limitation, prometheus.GaugeValue, float64(limit), name, b.Name)
			}
		}
	})
}

func (m *metrics) collectTenant(out chan<- prometheus.Metric, p *poolSettings, tenant string, t *tally) {
	pool := p.Name
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, c := range t.backends {
		if c == nil {
			continue
		}
		name := "none"
		switch {
		case i < len(p.backends):
			name = p.backends[i].Name
		case i < core.MaxBackends: // of a configuration that came meanwhile: the next look tells of it
			continue
		}
		for e, n := range c.ends {
			out <- prometheus.MustNewConstMetric(m.requests, prometheus.CounterValue, float64(n), pool, tenant, name, strconv.Itoa(int(e.status)), e.reason.String())
		}
		out <- prometheus.MustNewConstMetric(m.attempts, prometheus.CounterValue, float64(c.attempts), pool, tenant, name)
		out <- prometheus.MustNewConstMetric(m.tokens, prometheus.CounterValue, float64(c.tokens), pool, tenant, name)
		if i < core.MaxBackends { // who reached none has no account
			m.collectExpenses(out, &c.expenses, pool, tenant, name)
		}
		out <- c.wait.Metric(m.wait, timingBounds, 1e9, pool, tenant, name)
		out <- c.duration.Metric(m.duration, timingBounds, 1e9, pool, tenant, name)
	}
}
