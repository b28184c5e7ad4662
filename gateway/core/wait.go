package core

import (
	"math/bits"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/queue"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// admit sends a request at once where it may, and else lets it wait.
func (c *Core) admit(now tick.Instant, ref record.Ref, r *request, out []Effect) []Effect {
	if c.cfg.Queue == nil || !r.metered {
		return c.send(now, ref, r, out)
	}
	r.cost = c.costAt(c.primary(r), r)
	r.deadline = min(r.deadline, now.Add(c.queue.TTL(int(r.tenant))))
	if claim, ok := c.passes(now, r); ok {
		if backend := c.choose(now, r, claim); backend >= 0 {
			return c.attempt(now, ref, r, backend, out)
		}
	}
	return c.enqueue(now, ref, r, out)
}

// passes reports whether a request that comes need not stand in line: nobody of
// its band or a higher one waits, or only those who, unlike its tenant, have
// more than their share; and what claim it has then.
func (c *Core) passes(now tick.Instant, r *request) (claim budget.Claim, ok bool) {
	plan := &c.cfg.tenants[r.tenant]
	if c.gate.TooLarge(c.primary(r), r.cost) { // waiting would not help
		return budget.Entitled, true
	}
	if c.queue.LenOf(int(r.tenant)) > 0 || c.queue.LenAbove(plan.band) > 0 {
		return 0, false
	}
	claim = c.standing(now, r.tenant, r.cost)
	return claim, claim == budget.Entitled || c.queue.LenAbove(plan.band+1) == 0
}

// standing is the claim that a tenant has by its share, whoever else waits.
func (c *Core) standing(now tick.Instant, tenant uint16, cost int64) budget.Claim {
	if c.shares.Within(now, int(tenant), cost) {
		return budget.Entitled
	}
	return c.cfg.tenants[tenant].claim
}

// primary is the backend whose charge a request has while none is chosen.
func (c *Core) primary(r *request) int {
	barred := c.barred(r)
	for _, group := range c.configs[r.cfg].groups {
		for _, m := range group {
			if barred&(1<<m.Backend) == 0 {
				return m.Backend
			}
		}
	}
	return c.configs[r.cfg].groups[0][0].Backend
}

// costAt is what a backend charges a request at arrival.
func (c *Core) costAt(backend int, r *request) int64 {
	return c.gate.Cost(backend, r.prompt, r.estimate, r.maxTokens, c.tenants[r.tenant].length.Expected())
}

// maxReturns bounds how often backends may refuse a request for their limits
// before it no longer goes back to the queue: each time one of them had said when to come back.
const maxReturns = 64

// enqueue lets a request wait, unless it would wait too long or there is no room.
func (c *Core) enqueue(now tick.Instant, ref record.Ref, r *request, out []Effect) []Effect {
	if wait, ok := c.predicted(now, r); ok && now.Add(wait) > r.deadline {
		return c.turnAway(now, ref, r, record.QueueTooLong, now.Add(wait).Sub(r.deadline), out)
	}
	verdict, handle := c.queue.Push(now, c.itemOf(ref, r))
	for it, ok := c.queue.Displaced(); ok; it, ok = c.queue.Displaced() {
		d := &c.requests[it.Ref.Slot]
		out = c.turnAway(now, it.Ref, d, record.QueueDisplaced, c.comeAgain(now, d), out)
	}
	if verdict != queue.Queued {
		return c.turnAway(now, ref, r, record.QueueFull, c.comeAgain(now, r), out)
	}
	r.handle, r.state = handle, waiting
	return out
}

func (c *Core) itemOf(ref record.Ref, r *request) queue.Item {
	return queue.Item{Ref: ref, Cost: r.cost, Bytes: int64(r.bytes), Deadline: r.deadline, Tenant: r.tenant}
}

// comeBack lets a request wait again that a backend refused for its limits, or
// that failed there while nobody else can take it; ok is false where it may not.
func (c *Core) comeBack(now tick.Instant, ref record.Ref, r *request, limited bool) (ok bool) {
	if c.cfg.Queue == nil || !r.metered || r.refusals >= maxReturns || now >= r.deadline || limited && c.breakers[r.backend].Ready(now) {
		return false
	}
	if wait, ok := c.predicted(now, r); ok && now.Add(wait) > r.deadline {
		return false
	}
	r.since = now
	r.tried = c.barred(r)
	if failed := r.tried | 1<<r.backend; !limited && failed&c.configs[r.cfg].members != c.configs[r.cfg].members {
		r.tried = failed
	}
	r.cost = c.costAt(c.primary(r), r)
	r.handle, r.state = c.queue.Return(now, c.itemOf(ref, r)), waiting
	return true
}

// turnAway answers a request that the queue does not take, or no longer, with
// how long it had better wait: 429 where there is too little capacity, 503 where
// there is none because all that the request could go to have failed.
func (c *Core) turnAway(now tick.Instant, ref record.Ref, r *request, why record.Reason, wait time.Duration, out []Effect) []Effect {
	e := Effect{Status: 429, Outcome: record.Throttled, Reason: why, Made: true, HasRetry: true, RetryMs: milliseconds(wait)}
	if c.broken(r) {
		e.Status, e.Outcome = 503, record.Failed
	}
	return c.respond(now, ref, r, e, out)
}

// broken reports whether failures have opened the breakers of all backends that a
// request may be sent to.
func (c *Core) broken(r *request) bool {
	barred, some := c.barred(r), false
	for _, group := range c.configs[r.cfg].groups {
		for _, m := range group {
			if barred&(1<<m.Backend) != 0 {
				continue
			}
			if state, _, byRetryAfter := c.breakers[m.Backend].State(); state != record.Open || byRetryAfter {
				return false
			}
			some = true
		}
	}
	return some
}

// milliseconds rounds a wait up: a client that comes a millisecond early would
// have to wait once more.
func milliseconds(wait time.Duration) uint32 {
	return uint32(min((max(wait, 0)+time.Millisecond-1)/time.Millisecond, 1<<31))
}

// leastAgain is the shortest wait that is named to who is turned away while
// nobody knows how fast the line moves.
const leastAgain = time.Second

// comeAgain is how long a request that finds the line too long had better stay
// away: until it would be served in time.
func (c *Core) comeAgain(now tick.Instant, r *request) time.Duration {
	wait, _ := c.predicted(now, r)
	return max(wait-c.queue.TTL(int(r.tenant)), leastAgain)
}

// predicted is how long a request that stood in line now would wait; ok is
// false where nobody knows, since a backend is there whose limit is unknown.
func (c *Core) predicted(now tick.Instant, r *request) (wait time.Duration, ok bool) {
	there, soonest := uint64(0), tick.Never
	barred := c.barred(r)
	for _, group := range c.configs[r.cfg].groups {
		for _, m := range group {
			if barred&(1<<m.Backend) != 0 {
				continue
			}
			if c.breakers[m.Backend].Available(now) {
				there |= 1 << m.Backend
			} else if state, until, _ := c.breakers[m.Backend].State(); state == record.Open {
				soonest = min(soonest, until)
			}
		}
	}
	if there != 0 {
		return c.gate.PacedIn(now, there, c.queue.Ahead(int(r.tenant), r.cost)+r.cost)
	}
	return soonest.Sub(now), soonest != tick.Never
}

// expire gives up what has waited as long as it may.
func (c *Core) expire(now tick.Instant, out []Effect) []Effect {
	for it, ok := c.queue.Expire(now); ok; it, ok = c.queue.Expire(now) {
		r := &c.requests[it.Ref.Slot]
		out = c.turnAway(now, it.Ref, r, record.QueueTimeout, c.comeAgain(now, r), out)
	}
	return out
}

// dispatch sends what waits as far as the gate is open, in the queue's order.
func (c *Core) dispatch(now tick.Instant, out []Effect) []Effect {
	c.opens = tick.Never
	if c.queue == nil {
		return out
	}
	passed, before := 0, c.next
	for {
		it, handle, ok := c.queue.Peek(now)
		if !ok {
			break
		}
		r := &c.requests[it.Ref.Slot]
		out = c.adopt(now, r, out)
		if why := c.nowhere(r); why != record.NoReason { // by a configuration that it did not come under
			c.take(now, handle, r, it.Cost)
			c.queue.Adjust(int(r.tenant), -r.lined)
			out = c.respond(now, it.Ref, r, Refusal(why, 0), out)
			continue
		}
		claim := c.claim(now, &it)
		if _, usable := c.candidates(now, r, claim); len(usable) == 0 {
			if at := c.opensAt(now, r, claim).InPhaseOf(r.since); at < c.opens {
				c.opens, c.next = at, due{handle, at}
			}
			if r.tried != 0 && c.passOver(r, passed) { // others have more backends to go to
				passed++
				continue
			}
			break
		}
		if at := c.goesAt(now, handle, r, before); at > now {
			c.opens = min(c.opens, at)
			break
		}
		backend := c.choose(now, r, claim)
		c.take(now, handle, r, it.Cost)
		out = c.attempt(now, it.Ref, r, backend, out)
	}
	if passed > 0 {
		c.queue.Release()
	}
	if c.queue.Len() > 0 {
		return out
	}
	c.opens = tick.Never
	if c.saves {
		c.saveNothing(now)
	}
	if c.cfg.Queue == nil {
		c.queue = nil // an earlier configuration's, and empty
	}
	return out
}

// take takes a request out of the line, which charges its tenant for it.
func (c *Core) take(now tick.Instant, handle queue.Handle, r *request, cost int64) {
	c.queue.Take(now, handle)
	r.lined = cost
}

// adopt lets what waits go by the configuration in force: by an earlier one it
// could wait for backends that are gone, and others behind it, or pay prices that
// are. So it could wait for a canary that is over.
func (c *Core) adopt(now tick.Instant, r *request, out []Effect) []Effect {
	if r.canary && c.configs[r.cfg].over() {
		r.canary = false
		r.tried = c.barred(r)
	}
	if r.cfg == c.current {
		return out
	}
	old, before := r.cfg, c.reservedOf(r)
	r.cfg = c.current
	c.reserveInstead(now, r, before)
	if trial := c.cfg.trial; trial != c.configs[old].trial { // it was drawn for another canary
		r.canary = trial != nil && c.cfg.drawn(r.key, r.tenant)
	}
	r.tried = c.barred(r)
	c.cfg.users++
	c.configs[old].users--
	return c.drained(now, old, out)
}

// maxPassed bounds how many requests with a pin one dispatch passes over, for
// what their tenants sent after them.
const maxPassed = 32

// passOver has the queue look at what waits for other backends than a request:
// of its tenant too, where only the request is bound.
func (c *Core) passOver(r *request, passed int) bool {
	if r.pin > 0 && passed < maxPassed && c.queue.Pass(int(r.tenant)) {
		return true
	}
	return c.queue.Hold(int(r.tenant))
}

// due is when somebody who waits is due to go.
type due struct {
	who queue.Handle
	at  tick.Instant
}

// goesAt is when who goes next does so, now that a backend may take it: in its
// own phase, as all that happens to a request. before is whose turn it was said
// to be: a timer that is late does not put it off once more.
func (c *Core) goesAt(now tick.Instant, handle queue.Handle, r *request, before due) tick.Instant {
	at := now.InPhaseOf(r.since)
	if handle == before.who {
		at = min(at, before.at)
	}
	c.next = due{handle, at}
	return at
}

// claim is what who goes next may use of the reserve.
func (c *Core) claim(now tick.Instant, it *queue.Item) budget.Claim {
	if c.queue.LenAbove(c.cfg.tenants[it.Tenant].band) > 0 { // it goes first since its band is owed that
		return budget.Entitled
	}
	return c.standing(now, it.Tenant, it.Cost)
}

// saveNothing tells the gate that nobody waits any more.
func (c *Core) saveNothing(now tick.Instant) {
	c.saves = false
	for set := c.cfg.members; set != 0; set &= set - 1 {
		c.gate.Save(now, bits.TrailingZeros64(set), 0, budget.Entitled)
	}
}

// opensAt is when the first of the backends may take a request, when nothing
// else happens before.
func (c *Core) opensAt(now tick.Instant, r *request, claim budget.Claim) tick.Instant {
	at := tick.Never
	for _, group := range c.configs[r.cfg].groups {
		for _, m := range group {
			if r.tried&(1<<m.Backend) != 0 {
				continue
			}
			if ready := c.breakers[m.Backend].ReadyAt(now); ready != tick.Never {
				cost := c.costAt(m.Backend, r)
				c.gate.Save(now, m.Backend, cost, claim)
				c.saves = true
				at = min(at, max(ready, c.gate.OpensAt(now, m.Backend, cost, claim)))
			}
		}
	}
	return max(at, now+1)
}
