package gateway

import (
	"sync"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/internal/drive"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Total is what a tenant may have of all pools together, whatever each of them grants it.
type Total struct {
	Tenant string        `yaml:"tenant" required:"true" doc:"tenant name"`
	Limits budget.Limits `yaml:"limits" required:"true" doc:"what it may have at most, of all pools together"`
}

// Validate implements yamlconf.Validator.
func (t Total) Validate(fail func(path, format string, args ...any)) {
	if !t.Limits.Any() {
		fail("limits", "say nothing: give tpm, rpm, concurrency or quota, or leave the tenant out")
	}
}

// total is what is used of a Total. It lasts as long as its tenant has one, whatever the gateway's configurations.
type total struct {
	mu        sync.Mutex
	allowance budget.Allowance
	lengths   []budget.Length // of answers, by place of the pool
}

// totalSettings is a Total in force.
type totalSettings struct {
	*total // nil: the tenant has none
	limits budget.Limits
}

// totals returns those in force by tenant id, nil where nobody has one; before is what they were.
func (c *Config) totals(before []totalSettings) []totalSettings {
	if len(c.Totals) == 0 {
		return nil
	}
	granted := make(map[string]budget.Limits, len(c.Totals))
	for _, t := range c.Totals {
		granted[t.Tenant] = t.Limits
	}
	list := make([]totalSettings, len(c.Clients))
	for i, cl := range c.Clients {
		limits, ok := granted[cl.Name]
		if !ok {
			continue
		}
		list[i] = totalSettings{new(total), limits}
		if i < len(before) && before[i].total != nil {
			list[i].total = before[i].total
		}
	}
	return list
}

// grant changes what tenants may have of all pools together, and by inForce all
// else: nobody is held to the new totals before the rest is in force.
func (s *settings) grant(clock *drive.Clock, inForce func()) {
	for _, t := range s.totals {
		if t.total != nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.allowance.Reconfigure(clock.Now(), t.limits)
		}
	}
	inForce()
}

// portion is what one request has of its tenant's total.
type portion struct {
	*total   // nil: nothing
	prices   *budget.Prices
	admitted tick.Instant
	refused  bool // there was not enough left

	// Under the total's lock.
	prompt  int64        // tokens that counted has of it, until it is settled
	counted budget.Spend // against the total: first what is reserved, in the end what was used
	settled bool
}

// withinTotal takes what a request may cost from its tenant's total, where it has
// one. A request that does not fit is answered, and is not for its pool.
func (x *exchange) withinTotal(in *settings, request *core.Event) bool {
	if in.totals == nil || x.visitor.tenant == record.NoTenant {
		return true
	}
	t := in.totals[x.visitor.tenant].total
	if t == nil {
		return true
	}
	p := &x.portion
	p.prices, p.prompt = &in.pools[x.pool.place].Core.Budget.Prices, int64(core.PromptOf(request))
	t.mu.Lock()
	out := int64(request.MaxTokens)
	if out < 0 {
		out = int64(max(t.lengthOf(x.pool).Expected(), 0))
	}
	p.counted = budget.Spend{Tokens: p.prompt + out, Money: p.prices.Of(p.prompt, 0, out)}
	p.admitted = x.g.cfg.Clock.Now()
	why, wait := t.allowance.Admit(p.admitted, p.counted)
	t.mu.Unlock()
	if why == record.NoReason {
		p.total = t
		return true
	}
	p.refused = true
	e := core.Refusal(why, wait)
	e.Kind, e.At, e.Backend = core.Respond, p.admitted, core.NoBackend
	x.respond(e)
	return false
}

// lengthOf is about a tenant's answers by a pool, under the lock.
func (t *total) lengthOf(p *pool) *budget.Length {
	for len(t.lengths) <= p.place {
		t.lengths = append(t.lengths, budget.Length{})
	}
	return &t.lengths[p.place]
}

// recountTotal corrects what is reserved by the prompt as it has been counted meanwhile; 0: it has not been. What began an
// answer may call it, whichever goroutine that is.
func (x *exchange) recountTotal(prompt int32) {
	p := &x.portion
	if p.total == nil || prompt == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	more := int64(prompt) - p.prompt
	if p.settled || more == 0 {
		return
	}
	delta := budget.Spend{Tokens: more, Money: p.prices.Of(more, 0, 0)}
	p.prompt += more
	p.counted.Tokens += delta.Tokens
	p.counted.Money = budget.Sum(p.counted.Money, delta.Money)
	p.allowance.Correct(x.g.cfg.Clock.Now(), delta, p.admitted)
}

// settleTotal ends what a request has of its tenant's total, of which only what its
// attempts are billed stays counted. It may be called again when there is more
// of that.
func (x *exchange) settleTotal(e core.Effect) {
	p := &x.portion
	if p.total == nil {
		return
	}
	used := budget.Spend{Tokens: x.cost.prompt + x.cost.completion, Money: x.cost.money}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch now := x.g.cfg.Clock.Now(); {
	case p.settled:
		p.allowance.Correct(now, used.Minus(p.counted), p.admitted)
	case notLetIn(e):
		p.allowance.Withdraw(now, p.counted, p.admitted)
	default:
		p.allowance.End(now, used.Minus(p.counted), p.admitted)
	}
	p.counted, p.settled = used, true
	if e.Kind == core.Respond && e.Outcome == record.Succeeded && x.asks.maxTokens != 0 {
		p.lengthOf(x.pool).Learn(e.Completion)
	}
}

// notLetIn reports whether a pool refused a request before it counted it itself.
func notLetIn(e core.Effect) bool {
	switch e.Reason {
	case record.TenantTokens, record.TenantRequests, record.TenantConcurrency, record.TenantQuota, record.TooLarge,
		record.ZoneRefused, record.BackendGone, record.InFlightBound:
		return e.Attempts == 0
	}
	return false
}

// ofAllModels follows what a client is told of a limit that is one of its total.
const ofAllModels = " This limit is one of all models together."
