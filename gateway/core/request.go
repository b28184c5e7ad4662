package core

import (
	"math"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/budget"
	"foundrylab/gateway/route"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// request takes a client's try in: its tenant's limits first, the shared budget,
// then a backend, or the queue.
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
	r.fate = fate{cfg: c.current, key: ev.Key, since: now, gen: ev.Ref.Gen, state: reserving, backend: NoBackend, metered: c.meters || ev.Span > 0 || ev.Pin > 0, stream: ev.Stream,
		tokens: int32(min(int64(PromptOf(ev))+max(int64(ev.MaxTokens), 0), math.MaxInt32))}
	c.active++
	c.configs[r.cfg].users++
	c.retries.Request(&c.cfg.Retry.Budget)
	if c.cfg.Hedge.After > 0 {
		c.hedges.Request(&c.cfg.hedges)
	}
	r.canary = c.cfg.trial != nil && c.cfg.draws(ev)
	if ev.apart() {
		r.hedges = alone
	}
	if r.metered {
		if why, wait := c.measure(now, r, ev); why != record.NoReason {
			return c.respond(now, ev.Ref, r, Refusal(why, wait), out)
		}
	}
	if c.remote {
		return append(out, Effect{Kind: Reserve, Req: ev.Ref, At: now, Tokens: r.tokens})
	}
	return c.admit(now, ev.Ref, r, out)
}

func (c *Core) reserved(now tick.Instant, ev *Event, out []Effect) []Effect {
	r := c.find(ev.Ref)
	if r == nil || r.state != reserving {
		return append(out, Effect{Kind: Stray, Req: ev.Ref, At: now})
	}
	if ev.Outcome == record.Succeeded {
		return c.admit(now, ev.Ref, r, out)
	}
	return c.respond(now, ev.Ref, r, Effect{Status: 429, Outcome: record.Throttled, Reason: record.BudgetRefused,
		HasRetry: ev.HasRetry, RetryMs: ev.RetryMs, Made: true}, out)
}

// send starts an attempt on the first group that has an available backend
// this request has not tried. One that is already under way may use what the
// gate keeps in reserve.
func (c *Core) send(now tick.Instant, ref record.Ref, r *request, out []Effect) []Effect {
	if backend := c.choose(now, r, budget.Entitled); backend >= 0 {
		return c.attempt(now, ref, r, backend, out)
	}
	return c.respond(now, ref, r, c.noBackend(now, r), out)
}

// attempt starts an attempt at a backend.
func (c *Core) attempt(now tick.Instant, ref record.Ref, r *request, backend int, out []Effect) []Effect {
	slot := c.newAttempt()
	r.attempt, r.backend = slot, uint16(backend)
	if r.canary && r.attempts == 0 {
		out = c.missed(now, ref, r, out)
	}
	c.start(now, slot, ref.Slot, r, backend)
	if r.state != sent {
		r.queued += tick.ToUnits(now.Sub(r.since))
	}
	r.state = sent
	a := &c.attempts[slot]
	c.watch(now, slot, c.patience(a, r), c.configs[r.cfg])
	return append(out, c.sendOf(now, slot, ref, r))
}

// start makes a slot the attempt of a request at a backend.
func (c *Core) start(now tick.Instant, slot, req uint32, r *request, backend int) {
	a := &c.attempts[slot]
	*a = attempt{gen: a.gen, timer: a.timer, request: req, backend: uint16(backend), live: true, stream: r.stream, sent: now,
		hedgeable: c.configs[r.cfg].Hedge.After > 0 && r.hedges != alone}
	c.seen[backend].Sent(now, r.stream)
	a.breakerGen = c.breakers[backend].Sent(now)
	r.tried |= 1 << backend
	if r.metered {
		c.charge(now, r, a)
	}
	r.attempts++
}

func (c *Core) sendOf(now tick.Instant, slot uint32, ref record.Ref, r *request) Effect {
	a := &c.attempts[slot]
	return Effect{Kind: Send, Req: ref, Ref: record.Ref{Slot: slot, Gen: a.gen}, At: now,
		Backend: a.backend, Attempts: r.attempts, QueueWait: r.queued, Bounded: c.configs[r.cfg].looks > 0, Hedge: a.hedge}
}

// choose returns a backend of the first group that has one which may be sent
// the request now, and which it has not tried; negative: none.
func (c *Core) choose(now tick.Instant, r *request, claim budget.Claim) int {
	group, usable := c.candidates(now, r, claim)
	if len(usable) == 0 {
		return -1
	}
	cfg := c.configs[r.cfg]
	i := cfg.choose(usable, route.Pick{Key: r.key, Attempt: uint32(r.attempts), Stream: r.stream, Now: now, Seen: c.seen}, cfg.die, &cfg.next[group])
	return usable[i].Backend
}

// candidates returns whom choose chooses from, and their group; they are good
// until the next call. Who is back from an outage gets no more than its ramp
// lets through, unless the request could go nowhere else, and not wait either.
func (c *Core) candidates(now tick.Instant, r *request, claim budget.Claim) (group int, usable []route.Member) {
	not, may := r.tried, (*breaker.Breaker).Rested
	if c.configs[r.cfg].trial != nil { // it may be over since the request came
		not |= c.barred(r)
	}
	if c.queue != nil {
		may = (*breaker.Breaker).Ready
	}
	if r.canary {
		if group, usable = c.candidatesThat(may, not|c.configs[r.cfg].second(r), now, r, claim); len(usable) > 0 {
			return group, usable
		}
	}
	if group, usable = c.candidatesThat(may, not, now, r, claim); len(usable) > 0 || c.queue != nil {
		return group, usable
	}
	return c.candidatesThat((*breaker.Breaker).Available, not, now, r, claim)
}

func (c *Core) candidatesThat(may func(*breaker.Breaker, tick.Instant) bool, not uint64, now tick.Instant, r *request, claim budget.Claim) (group int, usable []route.Member) {
	for g, members := range c.configs[r.cfg].groups {
		usable = c.usable[:0]
		for _, m := range members {
			if not&(1<<m.Backend) == 0 && may(&c.breakers[m.Backend], now) && c.takes(now, m.Backend, r, claim) {
				usable = append(usable, m)
			}
		}
		if len(usable) > 0 {
			return g, usable
		}
	}
	return 0, nil
}

// takes reports whether the gate lets a backend be sent a request now.
func (c *Core) takes(now tick.Instant, backend int, r *request, claim budget.Claim) bool {
	return !r.metered || !c.gate.Limited(backend) || c.gate.Open(now, backend, c.costAt(backend, r), claim)
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
// left alone; else 503 (502 where a connection failed, 504 where no answer began
// in time).
func (c *Core) noBackend(now tick.Instant, r *request) Effect {
	soonest, throttled, spare, gated := tick.Never, false, false, false
	barred := c.barred(r)
	for _, group := range c.configs[r.cfg].groups {
		for _, m := range group {
			if barred&(1<<m.Backend) != 0 {
				continue
			}
			state, until, byRetryAfter := c.breakers[m.Backend].State()
			if state == record.Open && until < soonest {
				soonest = until
			}
			available := c.breakers[m.Backend].Available(now)
			if available && r.metered && r.tried&(1<<m.Backend) == 0 { // its gate is closed
				gated = true
				soonest = min(soonest, c.gate.OpensAt(now, m.Backend, c.costAt(m.Backend, r), budget.Entitled))
				continue
			}
			spare = spare || available
			throttled = throttled || state == record.Open && byRetryAfter
		}
	}
	e := Effect{Status: 503, Outcome: record.Failed, Reason: record.NoBackend, Made: true}
	switch {
	case gated && r.status == 0 && r.attempts == 0:
		e.Status, e.Outcome, e.Reason, spare = 429, record.Throttled, record.BudgetRefused, false
	case r.status == 429 || throttled && r.status == 0:
		e.Status, e.Outcome = 429, record.Throttled
		if r.attempts > 0 && r.status == 429 {
			e.Made, e.Reason = false, r.reason
		}
	case r.attempts > 0 && r.status == 0:
		e.Status, e.Reason = unanswered(r.reason), r.reason
	case r.attempts > 0:
		e.Status, e.Reason, e.Made = r.status, r.reason, false
	}
	switch {
	case spare: // whom this request has tried: others need not wait for the rest
		e.HasRetry, e.RetryMs = r.hasRetry && !e.Made, r.retryMs
	case soonest != tick.Never:
		e.HasRetry, e.RetryMs = true, c.jittered(r, milliseconds(soonest.Sub(now)))
	}
	return e
}

// jittered is a wait for a request to be told, longer by its own dice: of those that are turned away together not all come
// back at once.
func (c *Core) jittered(r *request, ms uint32) uint32 {
	cfg := c.configs[r.cfg]
	return ms + uint32(rng.Below(cfg.jitter.Draw(r.key, uint32(r.attempts)), tick.MulDiv(int64(ms), int64(cfg.Retry.Jitter), int64(unit.One))+1))
}

// head: an answer began well; from here on it belongs to the client and is
// never sent again.
func (c *Core) head(now tick.Instant, ev *Event, out []Effect) []Effect {
	a, r := c.liveAttempt(ev.Ref)
	if a == nil {
		return append(out, Effect{Kind: Stray, Ref: ev.Ref, At: now})
	}
	if ev.apart() {
		c.seen[a.backend].Answered(a.stream)
	} else {
		out = c.changed(now, int(a.backend), c.breakers[a.backend].Began(now, a.breakerGen), out)
		c.gate.Served(now, int(a.backend))
		c.heard(now, a, ev)
		c.seen[a.backend].Began(now, a.sent, a.stream)
	}
	r.begun = true
	if r.hedges == doubled {
		out = c.outrun(now, c.refOf(a), r, a, out)
	}
	r.state, r.attempt, r.backend = committed, ev.Ref.Slot, a.backend
	c.watch(now, ev.Ref.Slot, c.patience(a, r), c.configs[r.cfg])
	if r.metered && ev.PromptTokens > 0 {
		c.counted(now, r, a, ev.PromptTokens)
	}
	return append(out, Effect{Kind: Commit, Req: c.refOf(a), Ref: ev.Ref, At: now, Backend: a.backend, Attempts: r.attempts, QueueWait: r.queued, Hedge: a.hedge})
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
	said := verdictOf(ev)
	out = c.changed(now, int(a.backend), c.learn(now, a, said, ev), out)
	if s := c.configs[r.cfg]; s.trial != nil && (said == well || said == failed) {
		out = s.noted(now, ref, s.canaries&(1<<a.backend) != 0, said == failed, out)
	}
	a.live = false
	c.freeSlot = append(c.freeSlot, ev.Ref.Slot)
	wasCommitted := r.state == committed
	c.heard(now, a, ev)
	c.seen[a.backend].Ended(now, a.stream, wasCommitted)
	r.backend, r.status, r.reason, r.hasRetry, r.retryMs = a.backend, ev.Status, ev.Reason, ev.HasRetry, ev.RetryMs
	if ev.Status < 300 { // of the answer nobody saw anything
		r.status = 0
	}
	if ev.Outcome == record.Succeeded {
		r.begun = true
	}
	if r.metered {
		c.settle(now, r, a, ev)
		if ev.Status == 429 && ev.HasRetry && !ev.apart() {
			r.refusals++
		}
	}
	if r.hedges == doubled {
		if said != well || ev.Reason == record.PreviousMissing { // the other one decides; what is the client's fault no other mends
			r.hedges, r.attempt = hedged, a.other
			return out
		}
		out = c.outrun(now, ref, r, a, out)
	}
	if ev.Outcome == record.Succeeded || wasCommitted {
		return c.respond(now, ref, r, Effect{Status: ev.Status, Outcome: ev.Outcome, Reason: ev.Reason, Completion: ev.Completion, Tokens: ev.cached()}, out)
	}
	if c.lags(now, ref, r, ev) {
		return out
	}
	if out, ok := c.elsewhere(now, ref, r, ev, out); ok {
		return out
	}
	answer := Effect{Status: ev.Status, Outcome: ev.Outcome, Reason: ev.Reason, HasRetry: ev.HasRetry, RetryMs: ev.RetryMs}
	switch {
	case ev.Reason == record.ClientGone:
		answer.Status, answer.Made = 499, true
	case ev.Status < 300:
		answer.Status, answer.Made = unanswered(ev.Reason), true
	}
	return c.respond(now, ref, r, answer, out)
}

// elsewhere sends a request on whose attempt failed: to another backend at once,
// or, where none can take it now, back to the line. ok is false where it may not
// be sent again; where it may and cannot, it is answered so.
func (c *Core) elsewhere(now tick.Instant, ref record.Ref, r *request, ev *Event, out []Effect) (_ []Effect, ok bool) {
	limited := ev.Status == 429 && ev.HasRetry && !ev.apart()
	if !c.again(now, r, ev) {
		return out, limited && c.comeBack(now, ref, r, limited)
	}
	backend := c.choose(now, r, budget.Entitled)
	switch {
	case backend < 0 && c.comeBack(now, ref, r, limited):
		return out, true
	case backend < 0:
		return c.respond(now, ref, r, c.noBackend(now, r), out), true
	case !c.retries.Take(now, &c.cfg.Retry.Budget):
		return out, false
	}
	return c.attempt(now, ref, r, backend, out), true
}

// again reports whether a request may be sent to another backend after an attempt that ended like that.
func (c *Core) again(now tick.Instant, r *request, ev *Event) bool {
	status := ev.Status
	if ev.Reason == record.DeploymentMissing { // the gateway named it, not the client
		status = 503
	}
	return ev.Reason != record.ClientGone && (!r.metered || now < r.deadline) &&
		c.configs[r.cfg].retry.Again(r.attempts-r.forgiven(c), status, ev.Outcome)
}

// heard notes what an answer's headers say of a backend's limits.
func (c *Core) heard(now tick.Instant, a *attempt, ev *Event) {
	if ev.Free > 0 {
		c.seen[a.backend].Heard(now, ev.Free)
	}
}

// AttemptOf returns the attempt that is under way for a request; ok is false where
// none is.
func (c *Core) AttemptOf(req record.Ref) (attempt record.Ref, ok bool) {
	r := c.find(req)
	if r == nil || r.state != sent && r.state != committed {
		return record.Ref{}, false
	}
	return record.Ref{Slot: r.attempt, Gen: c.attempts[r.attempt].gen}, true
}

// gone: the client left; its attempt is dropped and its slot freed.
func (c *Core) gone(now tick.Instant, ev *Event, out []Effect) []Effect {
	ref := ev.Ref
	r := c.find(ref)
	if r == nil {
		return append(out, Effect{Kind: Stray, Req: ref, At: now})
	}
	if r.state == sent || r.state == committed {
		r.begun = true // the backend was at work for it
		other := c.attempts[r.attempt].other
		out = c.abandon(now, ref, r, r.attempt, &Event{Outcome: record.Failed, Reason: record.ClientGone, PromptTokens: ev.PromptTokens, PromptEstimate: ev.PromptEstimate, Completion: ev.Completion}, out)
		if r.hedges == doubled {
			out = c.abandon(now, ref, r, other, &Event{Outcome: record.Failed, Reason: record.ClientGone}, out)
		}
	}
	if r.state == waiting {
		c.queue.Remove(r.handle)
	}
	return c.respond(now, ref, r, Effect{Status: 499, Outcome: record.Failed, Reason: record.ClientGone, Completion: ev.Completion, Tokens: ev.cached(), Made: true}, out)
}

// respond ends a request; e carries what is particular to the answer.
func (c *Core) respond(now tick.Instant, ref record.Ref, r *request, e Effect, out []Effect) []Effect {
	e.Kind, e.Req, e.At = Respond, ref, now
	if r.state == waiting || r.state == lagging { // in vain, and so until now
		r.queued += tick.ToUnits(now.Sub(r.since))
	}
	e.Backend, e.Attempts, e.QueueWait, e.Hedge = r.backend, r.attempts, r.queued, r.hedges >= hedged
	if c.remote && e.Reason != record.BudgetRefused {
		out = append(out, Effect{Kind: Settle, Req: ref, At: now, Tokens: r.tokens})
	}
	out = append(out, e)
	if r.metered {
		c.release(now, r, &e)
	}
	r.state = free
	c.active--
	c.configs[r.cfg].users--
	return c.drained(now, r.cfg, out)
}
