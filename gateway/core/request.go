package core

import (
	"math"
	"time"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/route"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// request takes a client's try in: budget first, then a backend. Today's
// queue policy is none, so its wait is zero.
func (c *Core) request(now tick.Instant, ev *Event, out []Effect) []Effect {
	if int(ev.Ref.Slot) >= c.cfg.MaxInFlight || c.active >= c.cfg.MaxInFlight {
		return append(out, Effect{Kind: Respond, Req: ev.Ref, At: now, Status: 503, Backend: NoBackend,
			Outcome: record.Failed, Reason: record.InFlightBound, Made: true})
	}
	for int(ev.Ref.Slot) >= len(c.requests) {
		c.requests = append(c.requests, request{})
	}
	r := &c.requests[ev.Ref.Slot]
	if r.state != free {
		return append(out, Effect{Kind: Stray, Req: ev.Ref, At: now})
	}
	*r = request{cfg: c.current, key: ev.Key, arrived: now, gen: ev.Ref.Gen, state: reserving, backend: NoBackend,
		tokens: int32(min(int64(ev.PromptTokens)+max(int64(ev.MaxTokens), 0), math.MaxInt32))}
	c.active++
	c.cfg.users++
	if c.remote {
		return append(out, Effect{Kind: Reserve, Req: ev.Ref, At: now, Tokens: r.tokens})
	}
	return c.send(now, ev.Ref, r, out)
}

func (c *Core) reserved(now tick.Instant, ev *Event, out []Effect) []Effect {
	r := c.find(ev.Ref)
	if r == nil || r.state != reserving {
		return append(out, Effect{Kind: Stray, Req: ev.Ref, At: now})
	}
	if ev.Granted {
		return c.send(now, ev.Ref, r, out)
	}
	return c.respond(now, ev.Ref, r, Effect{Status: 429, Outcome: record.Throttled, Reason: record.BudgetRefused,
		HasRetry: ev.HasRetry, RetryMs: ev.RetryMs, Made: true}, out)
}

// send starts an attempt on the first group that has an available backend
// this request has not tried.
func (c *Core) send(now tick.Instant, ref record.Ref, r *request, out []Effect) []Effect {
	backend := c.choose(now, r)
	if backend < 0 {
		return c.respond(now, ref, r, c.noBackend(now, r), out)
	}
	slot := c.newAttempt()
	a := &c.attempts[slot]
	a.request, a.backend, a.live = ref.Slot, uint16(backend), true
	a.breakerGen = c.breakers[backend].Sent(now)
	r.attempt, r.backend, r.state = slot, uint16(backend), sent
	r.tried |= 1 << backend
	if r.attempts++; r.attempts == 1 {
		r.queued = tick.ToUnits(now.Sub(r.arrived))
	}
	return append(out, Effect{Kind: Send, Req: ref, Ref: record.Ref{Slot: slot, Gen: a.gen}, At: now,
		Backend: uint16(backend), Attempts: r.attempts, QueueWait: r.queued})
}

func (c *Core) choose(now tick.Instant, r *request) int {
	cfg := c.configs[r.cfg]
	for g, group := range cfg.groups {
		usable := c.usable[:0]
		for _, m := range group {
			if r.tried&(1<<m.Backend) == 0 && c.breakers[m.Backend].Available(now) {
				usable = append(usable, m)
			}
		}
		if len(usable) > 0 {
			i := cfg.choose(usable, route.Pick{Key: r.key, Attempt: uint32(r.attempts)}, cfg.die, &cfg.next[g])
			return usable[i].Backend
		}
	}
	return -1
}

func (c *Core) newAttempt() uint32 {
	if n := len(c.freeSlot); n > 0 {
		slot := c.freeSlot[n-1]
		c.freeSlot = c.freeSlot[:n-1]
		c.attempts[slot].gen++
		return slot
	}
	c.attempts = append(c.attempts, attempt{})
	return uint32(len(c.attempts) - 1)
}

// noBackend is the answer when nobody is left: the last backend's own answer
// where there was one; 429 with the soonest return where backends asked to be
// left alone; else 503 (502 where a connection failed).
func (c *Core) noBackend(now tick.Instant, r *request) Effect {
	soonest, throttled, spare := tick.Never, false, false
	for _, group := range c.configs[r.cfg].groups {
		for _, m := range group {
			state, until, byRetryAfter := c.breakers[m.Backend].State()
			if state == record.Open && until < soonest {
				soonest = until
			}
			spare = spare || c.breakers[m.Backend].Available(now)
			throttled = throttled || state == record.Open && byRetryAfter
		}
	}
	e := Effect{Status: 503, Outcome: record.Failed, Reason: record.NoBackend, Made: true}
	switch {
	case r.status == 429 || throttled && r.status == 0:
		e.Status, e.Outcome = 429, record.Throttled
		if r.attempts > 0 && r.status == 429 {
			e.Made, e.Reason = false, r.reason
		}
	case r.attempts > 0 && r.status == 0:
		e.Status, e.Reason = 502, r.reason
	case r.attempts > 0:
		e.Status, e.Reason, e.Made = r.status, r.reason, false
	}
	switch {
	case spare: // whom this request has tried: others need not wait for the rest
		e.HasRetry, e.RetryMs = r.hasRetry && !e.Made, r.retryMs
	case soonest != tick.Never:
		e.HasRetry = true
		e.RetryMs = uint32(min((soonest.Sub(now)+time.Millisecond-1)/time.Millisecond, 1<<31))
	}
	return e
}

// head: an answer began well; from here on it belongs to the client and is
// never sent again.
func (c *Core) head(now tick.Instant, ev *Event, out []Effect) []Effect {
	a, r := c.liveAttempt(ev.Ref)
	if a == nil {
		return append(out, Effect{Kind: Stray, Ref: ev.Ref, At: now})
	}
	out = c.changed(now, int(a.backend), c.breakers[a.backend].Began(a.breakerGen), out)
	r.state = committed
	return append(out, Effect{Kind: Commit, Req: c.refOf(a), Ref: ev.Ref, At: now, Backend: a.backend, Attempts: r.attempts, QueueWait: r.queued})
}

func (c *Core) refOf(a *attempt) record.Ref {
	return record.Ref{Slot: a.request, Gen: c.requests[a.request].gen}
}

func (c *Core) liveAttempt(ref record.Ref) (*attempt, *request) {
	if int(ref.Slot) >= len(c.attempts) {
		return nil, nil
	}
	a := &c.attempts[ref.Slot]
	if !a.live || a.gen != ref.Gen {
		return nil, nil
	}
	return a, &c.requests[a.request]
}

// attemptEnded takes an attempt's result: it teaches the breaker, then is
// retried elsewhere or becomes the request's answer.
func (c *Core) attemptEnded(now tick.Instant, ev *Event, out []Effect) []Effect {
	a, r := c.liveAttempt(ev.Ref)
	if a == nil {
		return append(out, Effect{Kind: Stray, Ref: ev.Ref, At: now})
	}
	ref := c.refOf(a)
	out = c.changed(now, int(a.backend), c.learn(now, a, ev), out)
	a.live = false
	c.freeSlot = append(c.freeSlot, ev.Ref.Slot)
	wasCommitted := r.state == committed
	r.status, r.reason, r.hasRetry, r.retryMs = ev.Status, ev.Reason, ev.HasRetry, ev.RetryMs
	if ev.Outcome == record.Succeeded || wasCommitted {
		return c.respond(now, ref, r, Effect{Status: ev.Status, Outcome: ev.Outcome, Reason: ev.Reason, Completion: ev.Completion}, out)
	}
	if c.configs[r.cfg].retry.Again(r.attempts, ev.Status, ev.Outcome) {
		return c.send(now, ref, r, out)
	}
	answer := Effect{Status: ev.Status, Outcome: ev.Outcome, Reason: ev.Reason, HasRetry: ev.HasRetry, RetryMs: ev.RetryMs}
	if ev.Status == 0 {
		answer.Status, answer.Made = 502, true
	}
	return c.respond(now, ref, r, answer, out)
}

func (c *Core) learn(now tick.Instant, a *attempt, ev *Event) breaker.Change {
	b := &c.breakers[a.backend]
	switch {
	case ev.Outcome == record.Succeeded:
		return b.Success(a.breakerGen)
	case ev.Reason == record.ClientGone || ev.Reason == record.ClientTimeout:
		b.Abandoned(a.breakerGen)
		return breaker.Change{}
	case ev.Status == 429 && ev.HasRetry:
		return b.Throttled(now, a.breakerGen, time.Duration(ev.RetryMs)*time.Millisecond)
	case ev.Status == 0 || ev.Status == 429 || ev.Status >= 500 || ev.Outcome == record.Failed && ev.Status == 200:
		return b.Failure(now, a.breakerGen, ev.Reason)
	}
	return b.Success(a.breakerGen) // a 4xx is the client's fault: the backend is well
}

// gone: the client left; its attempt is dropped and its slot freed.
func (c *Core) gone(now tick.Instant, ref record.Ref, out []Effect) []Effect {
	r := c.find(ref)
	if r == nil {
		return append(out, Effect{Kind: Stray, Req: ref, At: now})
	}
	if r.state == sent || r.state == committed {
		a := &c.attempts[r.attempt]
		c.breakers[a.backend].Abandoned(a.breakerGen)
		out = append(out, Effect{Kind: Abort, Req: ref, Ref: record.Ref{Slot: r.attempt, Gen: a.gen}, At: now, Backend: a.backend})
		a.live = false
		c.freeSlot = append(c.freeSlot, r.attempt)
	}
	return c.respond(now, ref, r, Effect{Status: 499, Outcome: record.Failed, Reason: record.ClientGone, Made: true}, out)
}

// respond ends a request; e carries what is particular to the answer.
func (c *Core) respond(now tick.Instant, ref record.Ref, r *request, e Effect, out []Effect) []Effect {
	e.Kind, e.Req, e.At = Respond, ref, now
	e.Backend, e.Attempts, e.QueueWait = r.backend, r.attempts, r.queued
	if c.remote && e.Reason != record.BudgetRefused {
		out = append(out, Effect{Kind: Settle, Req: ref, At: now, Tokens: r.tokens})
	}
	out = append(out, e)
	r.state = free
	c.active--
	cfg := c.configs[r.cfg]
	cfg.users--
	if cfg != c.cfg && cfg.users == 0 {
		out = append(out, Effect{Kind: Drained, At: now})
	}
	return out
}
