package core

import (
	"math/bits"

	"foundrylab/gateway/canary"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// tryOut begins a configuration's canary. One that the configuration before has
// too goes on: a change of something else neither forgets what was seen of it,
// nor brings back what is over.
func (s *settings) tryOut(before *settings) {
	for _, name := range s.Canary.Backends {
		s.canaries |= 1 << indexOf(s.backends, name)
	}
	if before != nil && before.trial != nil && s.Canary.Same(before.Canary) {
		s.trial = before.trial
		return
	}
	s.trial = canary.New(s.Canary)
}

// over reports whether there is a canary that has failed.
func (s *settings) over() bool { return s.trial != nil && s.trial.Over() }

// draws reports whether a request goes to the canary first.
func (s *settings) draws(ev *Event) bool {
	return ev.Marks&AsksCanary != 0 || s.drawn(ev.Key, s.placeOf(ev.Tenant))
}

// drawn reports whether the dice let a request of a tenant's place go there.
func (s *settings) drawn(key uint64, place uint16) bool {
	if tenant := s.tenants[place].key; s.Canary.By == "tenant" && tenant != 0 {
		key = tenant
	}
	return s.trial.Draws(key)
}

// keepOff adds the canary to a set of backends that a request must not be sent
// to, unless it is for it, or could go nowhere else.
func (s *settings) keepOff(r *request, barred uint64) uint64 {
	if r.canary && !s.trial.Over() || (barred|s.canaries)&s.members == s.members {
		return barred
	}
	return barred | s.canaries
}

// second is the set of backends to which a request that is for the canary goes
// only where nobody else takes it: the others at first, and then the canary, so
// that what failed there is not seen by its client.
func (s *settings) second(r *request) uint64 {
	if r.attempts == 0 {
		return ^s.canaries
	}
	return s.canaries
}

// missed counts a request that was for the canary and goes elsewhere, since the
// breakers there have opened for failures: as one that failed there. Else a
// canary that nobody reaches would not be found out, for want of attempts.
func (c *Core) missed(now tick.Instant, ref record.Ref, r *request, out []Effect) []Effect {
	s := c.configs[r.cfg]
	if s.canaries&(1<<r.backend) != 0 {
		return out
	}
	set := s.canaries &^ c.barred(r)
	if set == 0 {
		return out
	}
	for ; set != 0; set &= set - 1 {
		if state, _, named := c.breakers[bits.TrailingZeros64(set)].State(); state == record.Closed || named {
			return out
		}
	}
	return s.noted(now, ref, true, true, out)
}

// noted counts how an attempt at the canary, or at one of the others, ended.
func (s *settings) noted(now tick.Instant, ref record.Ref, canary, failed bool, out []Effect) []Effect {
	if s.trial.Note(now, canary, failed) {
		out = append(out, Effect{Kind: RolledBack, Req: ref, At: now})
	}
	return out
}

// Canary returns how the canary stands; ok is false where there is none.
func (c *Core) Canary(now tick.Instant) (v canary.View, ok bool) {
	if c.cfg.trial == nil {
		return v, false
	}
	return c.cfg.trial.View(now), true
}

// OnTrial reports whether a backend is a canary that does not take every request.
func (c *Core) OnTrial(backend int) bool {
	s := c.cfg
	return s.trial != nil && s.canaries&(1<<backend) != 0 && (s.trial.Over() || s.Canary.Share < unit.One)
}
