package core

import (
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// ofAttempt marks a timer that is an attempt slot's, which it has too.
const ofAttempt = 1 << 62

// Timeouts bound how long an attempt may keep its request waiting. Neither is
// on by itself: a reasoning model may think for minutes, nobody can tell it from
// one that hangs, and asking another backend then pays for the thinking twice.
type Timeouts struct {
	Head unit.Duration `yaml:"head" default:"0s" min:"0s" max:"1h" doc:"how long an attempt may take to begin its answer, as retry.begins says; then it is given up, and the request tried on another backend as after a failed connection; 0s: as long as it likes"`
	Idle unit.Duration `yaml:"idle" default:"0s" min:"0s" max:"1h" doc:"how long nothing may come of an answer that has begun; then it breaks off. What its client takes to read does not count; 0s: as long as it likes"`
}

// leastTimeout is the shortest timeout: below it lies what networks and busy
// machines take.
const leastTimeout = time.Millisecond

// Validate implements yamlconf.Validator.
func (t Timeouts) Validate(fail func(path, format string, args ...any)) {
	if t.Head > 0 && time.Duration(t.Head) < leastTimeout {
		fail("head", "is shorter than %v", leastTimeout)
	}
	if t.Idle > 0 && time.Duration(t.Idle) < leastTimeout {
		fail("idle", "is shorter than %v", leastTimeout)
	}
}

// Looks reports whether anything depends on how long an attempt keeps its request
// waiting.
func (c *Config) Looks() bool { return c.looks() > 0 }

// looks is the shortest time after which an attempt is looked at; 0: none is.
func (c *Config) looks() (least time.Duration) {
	for _, d := range []unit.Duration{c.Timeouts.Head, c.Timeouts.Idle, c.Hedge.After} {
		if d > 0 && (least == 0 || time.Duration(d) < least) {
			least = time.Duration(d)
		}
	}
	return least
}

// patience is how long an attempt may keep its request waiting before something is
// done about it; 0: as long as it likes.
func (c *Core) patience(a *attempt, r *request) time.Duration {
	s := c.configs[r.cfg]
	switch {
	case r.state == committed:
		return time.Duration(s.Timeouts.Idle)
	case a.hedgeable && (s.Timeouts.Head == 0 || s.Hedge.After < s.Timeouts.Head):
		return time.Duration(s.Hedge.After)
	}
	return time.Duration(s.Timeouts.Head)
}

// watch has an attempt looked at when its time may be up, after so long at the
// latest; 0: never. A slot keeps one timer, whichever attempts come and go in
// it, and as it strikes after the shortest timeout at the latest no attempt
// needs an earlier one (but for a configuration with shorter timeouts): there
// are no more timers than slots, and each strikes no more often than that. It
// strikes half a grid unit after its time, when nothing else happens to the
// attempt: what comes in time must not race with it.
func (c *Core) watch(now tick.Instant, slot uint32, after time.Duration, s *settings) {
	if after == 0 {
		return
	}
	a := &c.attempts[slot]
	at := now.Add(min(after, s.looks)).InPhaseOf(a.sent + tick.Instant(tick.Grid/2))
	if a.timer != 0 && a.timer <= at {
		return
	}
	a.timer = at
	c.timers.Push(at, des.PrioEnd, ofAttempt|uint64(slot))
}

// look asks how long the attempt in a slot has kept its request waiting: only
// its driver sees what comes of an answer, and what it waits for.
func (c *Core) look(at tick.Instant, slot uint32, out []Effect) []Effect {
	a := &c.attempts[slot]
	if a.timer != at { // another one took its place
		return out
	}
	a.timer = 0
	if !a.live || c.patience(a, &c.requests[a.request]) == 0 {
		return out
	}
	return append(out, Effect{Kind: Silence, Req: c.refOf(a), Ref: record.Ref{Slot: slot, Gen: a.gen}, At: at, Backend: a.backend})
}

// silent gives an attempt up whose time is over, as if it had failed, or has it
// hedged, and else has it looked at again.
func (c *Core) silent(now tick.Instant, ev *Event, out []Effect) []Effect {
	a, r := c.liveAttempt(ev.Ref)
	if a == nil {
		return append(out, Effect{Kind: Stray, Ref: ev.Ref, At: now})
	}
	s := c.configs[r.cfg]
	bound, waited := c.patience(a, r), ev.Span.Span()
	if head := time.Duration(s.Timeouts.Head); bound > 0 && waited >= bound && a.hedgeable && r.state == sent && (head == 0 || waited < head) {
		out = c.hedge(now, ev.Ref.Slot, out)
		bound = head
	}
	if bound == 0 {
		return out
	}
	if waited < bound {
		c.watch(now, ev.Ref.Slot, bound-waited, s)
		return out
	}
	end := Event{Kind: End, Ref: ev.Ref, Outcome: record.Failed, Reason: record.AttemptTimeout}
	if r.state == committed {
		end.Status, end.Completion = 200, ev.Completion
	}
	out = append(out, Effect{Kind: Abort, Req: c.refOf(a), Ref: ev.Ref, At: now, Backend: a.backend, Status: end.Status, Reason: end.Reason, Hedge: a.hedge})
	return c.attemptEnded(now, &end, out)
}

// unanswered is the status of the gateway's own answer where a backend gave none.
func unanswered(why record.Reason) uint16 {
	if why == record.AttemptTimeout {
		return 504
	}
	return 502
}
