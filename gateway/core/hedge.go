package core

import (
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/retry"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Hedge sends a request whose answer is slow to begin to a second backend, and
// passes on the answer that begins first. It is off by itself: what the other
// attempt has worked until then is paid for and thrown away.
type Hedge struct {
	After  unit.Duration `yaml:"after" default:"0s" min:"0s" max:"1h" doc:"when an attempt whose answer has not begun by then, as retry.begins says, gets a second one beside it, at another backend; the first answer that begins is passed on, and the other attempt given up. 0s: never"`
	Budget Hedges        `yaml:"budget" doc:"how many such attempts there may be, over all requests"`
}

// Hedges bounds the attempts that are made beside others: when every answer is
// slow, asking twice for all of them would make it slower. A Burst of 0, which no
// file can give, is no bound.
type Hedges struct {
	Share unit.Ratio `yaml:"share" default:"5%" doc:"what each request adds: with 5% one request in twenty may be asked for twice"`
	Burst int64      `yaml:"burst" default:"10" min:"1" max:"1000000" doc:"how many may be saved up"`
}

// Validate implements yamlconf.Validator.
func (h Hedge) Validate(fail func(path, format string, args ...any)) {
	if h.After > 0 && time.Duration(h.After) < leastTimeout {
		fail("after", "is shorter than %v", leastTimeout)
	}
}

// extra is the bound as a budget has it.
func (h *Hedges) extra() retry.Extra { return retry.Extra{Share: h.Share, Burst: h.Burst} }

// hedging is how far a request's hedges have come.
type hedging uint8

const (
	unhedged hedging = iota
	alone            // it must have none
	hedged           // it had one, and has one attempt under way at most
	doubled          // two are under way
)

// hedge gives an attempt that is slow to begin a second one beside it, as far as
// the request could be sent somewhere at once: who waits in the queue has waited
// longer for less, and a backend that is yet to prove itself is not asked for what
// is asked already. It has this one chance.
func (c *Core) hedge(now tick.Instant, slot uint32, out []Effect) []Effect {
	first := &c.attempts[slot]
	first.hedgeable = false
	ref := c.refOf(first)
	r := &c.requests[first.request]
	s := c.configs[r.cfg]
	if r.metered && now >= r.deadline || !s.retry.More(r.attempts-r.forgiven(c)) || c.Waiting() > 0 || !c.hedges.Left(now, &s.hedges) {
		return out
	}
	claim := budget.Entitled
	if c.queue != nil && r.metered {
		claim = c.standing(now, r.tenant, r.cost)
	}
	tried := r.tried
	r.tried |= c.unproven(now, s) | ^c.cfg.members
	backend := c.choose(now, r, claim)
	r.tried = tried
	if backend < 0 {
		return out
	}
	c.hedges.Take(now, &s.hedges)
	second := c.newAttempt()
	c.start(now, second, ref.Slot, r, backend)
	c.attempts[slot].other, c.attempts[second].other = second, slot
	c.attempts[second].hedge, c.attempts[second].hedgeable = true, false
	r.hedges = doubled
	c.watch(now, second, c.patience(&c.attempts[second], r), s)
	return append(out, c.sendOf(now, second, ref, r))
}

// unproven is the set of backends that are out, or not long back.
func (c *Core) unproven(now tick.Instant, s *settings) (set uint64) {
	for _, group := range s.groups {
		for _, m := range group {
			if state, _, _ := c.breakers[m.Backend].State(); state != record.Closed || !c.breakers[m.Backend].Ready(now) {
				set |= 1 << m.Backend
			}
		}
	}
	return set
}

// outrun gives the other attempt of a request up whose answer is there. Its
// backend was at work, so what it was charged stays. That it was slow is no
// failure, but for two that are on trial: a backend that was to show that it is
// back, and a canary, of which as much is counted as of the others. Else hedges
// would hide that one hangs.
func (c *Core) outrun(now tick.Instant, ref record.Ref, r *request, winner *attempt, out []Effect) []Effect {
	slot := winner.other
	r.hedges = hedged
	if slow := &c.attempts[slot]; !slow.hedge {
		if state, _, _ := c.breakers[slow.backend].State(); state == record.HalfOpen {
			out = c.changed(now, int(slow.backend), c.breakers[slow.backend].Failure(now, slow.breakerGen, record.Outrun), out)
		}
		if s := c.configs[r.cfg]; s.trial != nil {
			out = s.noted(now, ref, s.canaries&(1<<slow.backend) != 0, true, out)
		}
	}
	return c.abandon(now, ref, r, slot, &Event{Outcome: record.Failed, Reason: record.Outrun}, out)
}

// abandon takes back an attempt of which nobody wants to know any more, for the
// reason that ev has.
func (c *Core) abandon(now tick.Instant, ref record.Ref, r *request, slot uint32, ev *Event, out []Effect) []Effect {
	a := &c.attempts[slot]
	c.breakers[a.backend].Abandoned(a.breakerGen)
	c.seen[a.backend].Ended(now, a.stream, r.state == committed)
	out = append(out, Effect{Kind: Abort, Req: ref, Ref: record.Ref{Slot: slot, Gen: a.gen}, At: now, Backend: a.backend, Reason: ev.Reason, Hedge: a.hedge})
	a.live = false
	c.freeSlot = append(c.freeSlot, slot)
	if r.metered {
		c.settle(now, r, a, ev)
	}
	return out
}
