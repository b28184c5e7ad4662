package virtual

import (
	gateway "foundrylab/gateway/core"
	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios"
	"foundrylab/simulator/deployment"
)

// How far the answer of an attempt has come.
const (
	silent uint8 = iota
	headed       // its headers are there, and the gateway holds them back
	begun        // the gateway knows that it has begun
)

// head is the beginning of an answer as a gateway sees it: with the headers, or,
// where it holds them back, with the first content of a stream. An answer that
// is not streamed has begun when it is over.
func (r *Runner) head(now tick.Instant, backend int, e *deployment.Effect) {
	if !r.holds {
		r.begin(now, e.Ref.Slot, r.headers(now, backend, e))
		return
	}
	t := r.attempt(e.Ref)
	if !t.stream {
		return
	}
	t.answer = headed
	if r.hears {
		r.free[e.Ref.Slot] = r.headers(now, backend, e)
	}
	r.awaitContent(e.Ref.Slot, t)
}

// eager reports whether anything depends on when the answer of an attempt begins.
// Else it is enough that it has begun when it ends, and nobody needs a timer.
func (r *Runner) eager(t *try, backend int) bool {
	if r.watches || r.timed[t.tenant] {
		return true
	}
	state, _ := r.world.Gateway.Backend(backend)
	return state != record.Closed
}

// watches reports whether a gateway, or a client, goes by when answers begin.
func watches(s *scenarios.Scenario) bool {
	if s.Gateway.Looks() {
		return true
	}
	switch s.Gateway.Route.Policy {
	case "weighted", "round-robin", "least-busy":
		return s.Gateway.Budget.Dispatch != "reactive"
	}
	return true
}

// awaitContent makes the first content of an answer known when it comes. That
// may be put off, which leaves a time that is none any more.
func (r *Runner) awaitContent(slot uint32, t *try) {
	if t.eager && t.answer == headed && t.firstIn > 0 {
		r.contents.Push(t.start.After(t.firstIn), des.PrioEnd, uint64(slot))
		r.wakes[len(r.world.Backends)+contentPlace] = r.contents.Next()
	}
}

// content tells the gateway of the answer whose first content has come.
func (r *Runner) content(now tick.Instant) {
	slot := uint32(r.contents.Pop().Val)
	r.wakes[len(r.world.Backends)+contentPlace] = r.contents.Next()
	if t := r.tryOf(slot); t.answer == headed && t.start.After(t.firstIn) == now {
		r.begin(now, slot, r.heard(slot))
	}
}

// hadBegun tells the gateway of an answer that is over that it had begun before, or
// that it does so with its end. Of one that ended well it knows that anyway.
func (r *Runner) hadBegun(now tick.Instant, e *deployment.Effect, t *try) {
	well := e.Outcome == record.Succeeded
	if well && t.eager || !well && t.first > 0 {
		r.begin(now, e.Ref.Slot, r.heard(e.Ref.Slot))
	}
	t.answer = silent
}

// begin tells the gateway that an answer has begun.
func (r *Runner) begin(now tick.Instant, slot uint32, free int32) {
	r.tryOf(slot).answer = begun
	r.stepGateway(now, gateway.Event{Kind: gateway.Head, Ref: r.refs[slot], Status: 200, Free: free})
}

// heard is what the headers said that the gateway holds back.
func (r *Runner) heard(slot uint32) int32 {
	if !r.hears {
		return 0
	}
	return r.free[slot]
}
