package live

import (
	"sync"
	"time"

	gatewaycore "foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	load "foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
	"foundrylab/simulator/deployment"
)

// collector gathers the entries of all parts of a live run. What clients saw
// and what backends saw is joined by the request key, which travels inside the
// prompt: it says whose the request is through any gateway.
type collector struct {
	mu      sync.Mutex
	summary *record.Summary
	also    record.Sink
	tenants map[uint64]uint16 // by key base
}

func newCollector(s *scenarios.Scenario, start tick.Instant, also record.Sink) *collector {
	c := &collector{summary: record.NewSummary(s.Header("live", start)), also: also, tenants: map[uint64]uint16{}}
	for i := range s.Tenants {
		c.tenants[tenant.KeyBase(s.Tenants[i].Name)] = uint16(i)
	}
	return c
}

// put hands an entry to the summary and to whoever else wants it.
func (c *collector) put(entry func(record.Sink)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry(c.summary)
	if c.also != nil {
		entry(c.also)
	}
}

const keyBaseMask = 0xffffffff_00000000

func (c *collector) attempt(backend int, a record.Attempt) {
	if t, ok := c.tenants[a.Key&keyBaseMask]; ok {
		a.Tenant = t
	}
	a.Backend = uint16(backend)
	c.put(func(s record.Sink) { s.Attempt(&a) })
}

func (c *collector) backend(backend int, now tick.Instant, e deployment.Effect) {
	if e.Kind == deployment.Utilization {
		u := virtual.SampleEntry(backend, &e)
		c.put(func(s record.Sink) { s.Sample(&u) })
	}
}

func (c *collector) gateway(now tick.Instant, e gatewaycore.Effect) {
	if e.Kind == gatewaycore.Transition {
		t := virtual.TransitionEntry(&e)
		c.put(func(s record.Sink) { s.Transition(&t) })
	}
}

func (c *collector) load(now tick.Instant, e load.Effect) {
	switch e.Kind {
	case load.TryDone:
		t := virtual.TryEntry(now, &e)
		c.put(func(s record.Sink) { s.Try(&t) })
	case load.RequestDone:
		r := virtual.RequestEntry(now, &e)
		c.put(func(s record.Sink) { s.Request(&r) })
	case load.Drop:
		c.put(func(s record.Sink) { s.Dropped(1) })
	}
}

func (c *collector) lag(d time.Duration) { c.put(func(s record.Sink) { s.Lag(d) }) }
