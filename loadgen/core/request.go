package core

import (
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/tenant"
)

// arrive makes a request out of an arrival (user < 0) or of a user's turn.
func (c *Core) arrive(at tick.Instant, f *flow, user int, out []Effect) []Effect {
	if at >= f.until || c.stopped {
		return out
	}
	key, prompt, output := f.KeyBase|uint64(f.n), int32(-1), int32(-1)
	number := uint64(f.n)
	if user < 0 {
		prompt, output = f.next.Prompt, f.next.Output
		f.n++
		c.schedule(f)
	} else {
		key = userKey(f, user)
		number = key
		f.turns[user]++
	}
	if c.active >= c.opt.MaxInFlight {
		if user >= 0 {
			c.scheduleUser(f, user, at)
		}
		return append(out, Effect{Kind: Drop, Key: key, Intended: at, Tenant: f.id})
	}
	slot := c.newSlot()
	r := &c.requests[slot]
	phase, shared := c.phases.take(f.Phase + number*97)
	wish := f.Wish(key, prompt, output)
	*r = request{flow: f.id, gen: r.gen, key: key, phase: phase, shared: shared, user: int32(user),
		prompt: wish.Prompt, output: wish.Output, maxTokens: wish.MaxTokens, cost: wish.Cost}
	r.intended = at + tick.Instant(phase)
	r.sent = r.intended
	c.active++
	c.users[f.config]++
	r.state = backingOff
	// The phase is in the future by less than a grid unit: the send is a
	// deadline of its own, so sends of one grid cell go in phase order.
	c.timers.Push(r.sent, des.PrioStart, uint64(r.gen)<<32|uint64(slotRequest|slot))
	return out
}

func (c *Core) newSlot() uint32 {
	if n := len(c.free); n > 0 {
		slot := c.free[n-1]
		c.free = c.free[:n-1]
		c.requests[slot].gen++
		return slot
	}
	c.requests = append(c.requests, request{})
	return uint32(len(c.requests) - 1)
}

func (c *Core) send(ref record.Ref, r *request, out []Effect) []Effect {
	r.state, r.begun = trying, false
	f := c.flows[r.flow]
	// A grid unit later: a fault cuts a try at its edge plus the try's phase, which could be that very instant.
	if t := f.Config.Timeout; t > 0 {
		c.timers.Push(r.sent.Add(time.Duration(t)+tick.Grid), des.PrioStart, uint64(ref.Gen)<<32|uint64(slotTimeout|ref.Slot))
	}
	r.tries++
	return append(out, Effect{Kind: Send, Ref: ref, Key: r.key, Intended: r.sent, PromptTokens: r.prompt,
		OutputTokens: r.output, MaxTokens: r.maxTokens, Tenant: r.flow, Tries: uint16(r.tries) - 1, Flag: f.Config.Stream})
}

// tryEnded takes a try's result: it is tried again later, or the request is
// done and a closed-loop user thinks about the next.
func (c *Core) tryEnded(now tick.Instant, ev *Event, r *request, out []Effect) []Effect {
	r.queueWait += ev.QueueWait
	r.attempts += ev.Attempts
	out = append(out, Effect{Kind: TryDone, Ref: ev.Ref, Key: r.key, Intended: r.sent, Status: ev.Status,
		Tenant: r.flow, Tries: uint16(r.tries) - 1, Attempts: ev.Attempts, Outcome: ev.Outcome, Reason: ev.Reason})
	if ev.Outcome != record.Succeeded && !c.stopped {
		wait, again := c.flows[r.flow].Retry(r.key, uint16(r.tries)-1, tenant.Answer{Status: ev.Status, Begun: ev.Status == 200,
			Wait: time.Duration(ev.RetryMs) * time.Millisecond, HasWait: ev.HasRetry})
		if again {
			r.state = backingOff
			r.gen++ // what is still told of this try is about nothing any more
			r.sent = inPhase(now, r.phase).After(tick.ToUnits(wait))
			c.timers.Push(r.sent, des.PrioStart, uint64(r.gen)<<32|uint64(slotRequest|ev.Ref.Slot))
			return out
		}
	}
	return c.requestDone(now, ev, r, out)
}

func (c *Core) requestDone(now tick.Instant, ev *Event, r *request, out []Effect) []Effect {
	f, user := c.flows[r.flow], int(r.user)
	received := r.output
	if r.maxTokens >= 0 {
		received = min(received, r.maxTokens)
	}
	e := Effect{Kind: RequestDone, Ref: ev.Ref, Key: r.key, Intended: r.intended, PromptTokens: r.prompt,
		OutputTokens: ev.Completion, Cost: r.cost, Tokens: r.prompt + received, QueueWait: r.queueWait,
		Status: ev.Status, Tenant: f.id, Tries: uint16(r.tries), Attempts: r.attempts, Outcome: ev.Outcome, Reason: ev.Reason}
	e.Flag = ev.Status == 200
	if ev.First != 0 && f.Config.Stream { // an answer that comes whole has no first token
		e.TTFT = max(tick.ToUnits(ev.First.Sub(r.intended)), 1)
	}
	out = append(out, e)
	if !r.shared {
		c.phases.release(r.phase)
	}
	r.state = free
	c.free = append(c.free, ev.Ref.Slot)
	c.active--
	c.users[f.config]--
	if f.config != len(c.users)-1 && c.users[f.config] == 0 {
		out = append(out, Effect{Kind: Drained})
	}
	if user >= 0 && !c.stopped {
		c.scheduleUser(f, user, now)
	}
	return out
}

// answered returns the status of a try that is given up: 200 where its answer
// had begun.
func (r *request) answered(otherwise uint16) uint16 {
	if r.begun {
		return 200
	}
	return otherwise
}

// stop ends the run: nothing more is sent, what is in flight is cancelled.
func (c *Core) stop(now tick.Instant, why record.Reason, out []Effect) []Effect {
	c.stopped = true
	c.arriving = 0
	for slot := range c.requests {
		r := &c.requests[slot]
		if r.state == free {
			continue
		}
		ref := record.Ref{Slot: uint32(slot), Gen: r.gen}
		if r.state == trying {
			out = append(out, Effect{Kind: Cancel, Ref: ref, Key: r.key, Tenant: r.flow})
		}
		out = c.requestDone(now, &Event{Ref: ref, Status: r.answered(0), Outcome: record.Failed, Reason: why}, r, out)
	}
	return out
}

// inPhase returns the first instant at or after now in a phase.
func inPhase(now tick.Instant, phase uint32) tick.Instant {
	at := now.Floor() + tick.Instant(phase)
	if at < now {
		at = at.Add(tick.Grid)
	}
	return at
}
