package core

import (
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// notAllowed marks a request that its tenant's own limits did not admit.
const notAllowed = -1

// measure notes what a request may cost, and holds it against its tenant's own
// limits.
func (c *Core) measure(now tick.Instant, r *request, ev *Event) (why record.Reason, wait time.Duration) {
	r.meter = meter{prompt: PromptOf(ev), estimate: ev.PromptEstimate, maxTokens: ev.MaxTokens, bytes: ev.Bytes, tenant: c.cfg.placeOf(ev.Tenant), deadline: tick.Never, pin: ev.Pin}
	r.admitted = uint32(now / tick.Instant(time.Second))
	if ev.Span > 0 {
		r.deadline = now.Add(ev.Span.Span())
	}
	r.tried = c.barred(r)
	r.reserved = notAllowed
	if why = c.nowhere(r); why != record.NoReason {
		return why, 0
	}
	t := &c.tenants[r.tenant]
	out := int64(r.maxTokens)
	if out < 0 {
		out = int64(max(t.length.Expected(), 0))
	}
	r.reserved = int64(r.prompt) + out
	if why, wait = t.allowance.Admit(now, c.reservedOf(r)); why != record.NoReason {
		r.reserved = notAllowed
	}
	return why, wait
}

// nowhere says why no backend of the configuration in force may ever have a
// request that has tried none.
func (c *Core) nowhere(r *request) record.Reason {
	switch {
	case r.pin > 0 && c.cfg.members&only(r.pin) == 0:
		return record.BackendGone
	case r.tried&c.cfg.members == c.cfg.members:
		return record.ZoneRefused
	}
	return record.NoReason
}

// barred is the set of backends that a request must not be sent to, whatever happens.
func (c *Core) barred(r *request) uint64 {
	cfg, barred := c.configs[r.cfg], uint64(0)
	if r.metered { // else what it has of these is another's
		if barred = cfg.tenants[r.tenant].barred; r.pin > 0 {
			barred |= ^only(r.pin)
		}
	}
	if cfg.trial != nil {
		barred = cfg.keepOff(r, barred)
	}
	return barred
}

// only is the set of a pin's backend alone; that of PinGone has none.
func only(pin uint8) uint64 { return 1 << (pin - 1) }

// PromptOf is what a Request's prompt is taken for: its count where there is one.
func PromptOf(ev *Event) int32 {
	if ev.PromptTokens > 0 {
		return ev.PromptTokens
	}
	return ev.PromptEstimate
}

// counted corrects what an attempt under way was charged for its prompt.
func (c *Core) counted(now tick.Instant, r *request, a *attempt, prompt int32) {
	delta := int64(prompt) - int64(r.prompt)
	if delta == 0 {
		return
	}
	c.reprompt(now, r, prompt)
	backend := int(a.backend)
	if c.queue == nil && !c.gate.Limited(backend) {
		return
	}
	r.cost = c.costAt(backend, r)
	c.gate.Settle(now, backend, r.cost-a.cost)
	c.shares.Take(now, int(r.tenant), r.cost-a.cost)
	c.line(r, a, r.cost)
	a.cost = r.cost
}

// Refusal is the answer to a request that its tenant's own limits do not admit,
// with the wait that they name, 0 for none: 403 where a quota is used up or
// nobody may have it, so that no client tries again by itself. Whose answer it is
// and when is left out.
func Refusal(why record.Reason, wait time.Duration) Effect {
	e := Effect{Status: 429, Outcome: record.Throttled, Reason: why, HasRetry: wait > 0 && wait < maxWait, RetryMs: milliseconds(wait), Made: true}
	switch why {
	case record.TenantQuota, record.ZoneRefused:
		e.Status, e.Outcome = 403, record.Failed
	case record.BackendGone:
		e.Status, e.Outcome = 404, record.Failed
	}
	return e
}

// maxWait is longer than any period of a quota: who would have to wait that long never is admitted.
const maxWait = 32 * 24 * time.Hour

// release ends what a request had of its tenant's limits: of what was reserved
// only what was used stays counted.
func (c *Core) release(now tick.Instant, r *request, e *Effect) {
	if r.reserved == notAllowed {
		return
	}
	var used budget.Spend
	if r.begun { // an answer began, so the prompt was read
		prompt, completion := int64(r.prompt), int64(e.Completion)
		used = budget.Spend{Tokens: prompt + completion, Money: c.pricesOf(r).Of(prompt, int64(e.Tokens), completion)}
	}
	c.tenants[r.tenant].allowance.End(now, used.Minus(c.reservedOf(r)), r.admission())
}

// reprompt takes a request's prompt for another size, and reserves as much more
// or less of its tenant's own limits.
func (c *Core) reprompt(now tick.Instant, r *request, prompt int32) {
	before := c.reservedOf(r)
	delta := int64(prompt) - int64(r.prompt)
	if r.prompt = prompt; r.reserved == notAllowed || delta == 0 {
		return
	}
	r.reserved += delta
	c.reserveInstead(now, r, before)
}

// reserveInstead corrects what is reserved for a request, which was before.
func (c *Core) reserveInstead(now tick.Instant, r *request, before budget.Spend) {
	if delta := c.reservedOf(r).Minus(before); delta != (budget.Spend{}) {
		c.tenants[r.tenant].allowance.Correct(now, delta, r.admission())
	}
}

// reservedOf is what is reserved for a request: its prompt, none of which is
// taken to be cached, and the rest for its answer.
func (c *Core) reservedOf(r *request) budget.Spend {
	prompt := int64(r.prompt)
	return budget.Spend{Tokens: r.reserved, Money: c.pricesOf(r).Of(prompt, 0, r.reserved-prompt)}
}

func (c *Core) pricesOf(r *request) *budget.Prices { return &c.configs[r.cfg].Budget.Prices }

// admission is when a tenant's own limits admitted its request.
func (r *request) admission() tick.Instant {
	return tick.Instant(r.admitted) * tick.Instant(time.Second)
}

// charge counts an attempt, to its backend's gate and to its tenant.
func (c *Core) charge(now tick.Instant, r *request, a *attempt) {
	a.lined, r.lined = r.lined, 0
	backend := int(a.backend)
	if c.queue == nil && !c.gate.Limited(backend) {
		return
	}
	r.cost = c.costAt(backend, r)
	a.cost = r.cost
	c.gate.Take(now, backend, a.cost)
	c.shares.Take(now, int(r.tenant), a.cost)
	c.line(r, a, a.cost)
}

// line makes cost what the queue has charged for an attempt of a request.
func (c *Core) line(r *request, a *attempt, cost int64) {
	if c.queue != nil && cost != a.lined {
		c.queue.Adjust(int(r.tenant), cost-a.lined)
		a.lined = cost
	}
}

// settle corrects what an attempt was counted for by what became of it.
func (c *Core) settle(now tick.Instant, r *request, a *attempt, ev *Event) {
	backend := int(a.backend)
	if ev.PromptTokens > 0 { // its tenant's limits are held against what the backend counted
		c.reprompt(now, r, ev.PromptTokens)
	}
	if ev.Outcome == record.Succeeded {
		if r.maxTokens != 0 { // else it had none to tell of
			c.tenants[r.tenant].length.Learn(ev.Completion)
		}
		if !ev.apart() {
			c.gate.Served(now, backend)
		}
	}
	if c.queue == nil && !c.gate.Limited(backend) {
		return
	}
	switch {
	case ev.apart() && ev.Status != 0, ev.Reason == record.PreviousMissing: // which the service looks for before it counts anything
		c.gate.Settle(now, backend, -a.cost)
		c.shares.Take(now, int(r.tenant), -a.cost)
		c.line(r, a, 0)
	case ev.Status == 429: // the service does not count what it refuses
		c.gate.Refused(now, backend, a.cost, ev.Limit)
		c.shares.Take(now, int(r.tenant), -a.cost)
		c.line(r, a, 0)
	case !r.begun: // whether it counts what failed nobody knows: the gate takes it that it does
		c.shares.Take(now, int(r.tenant), -a.cost)
		c.line(r, a, 0)
	default:
		prompt := ev.PromptEstimate
		if prompt == 0 {
			prompt = r.prompt
		}
		if used, settles := c.gate.Used(backend, prompt, ev.Completion); settles {
			c.gate.Settle(now, backend, used-a.cost)
			c.shares.Take(now, int(r.tenant), used-a.cost)
			c.line(r, a, used)
		}
	}
}

// forgiven is how many of a request's attempts do not count against the bound
// on attempts: where requests may wait, those refused for a limit.
func (r *request) forgiven(c *Core) uint16 {
	if c.cfg.Queue == nil || !r.metered {
		return 0
	}
	return r.refusals
}
