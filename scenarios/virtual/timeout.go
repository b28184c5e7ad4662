package virtual

import (
	gateway "foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// waited is how long a gateway has been waiting for the backend of an attempt, as
// its shell would tell: since it was sent or, when it has begun, since the last
// piece of its answer.
func (r *Runner) waited(now tick.Instant, ref record.Ref) gateway.Event {
	t := r.attempt(ref)
	since, tokens := t.start, int32(0)
	if t.answer == begun {
		tokens, since, _ = r.world.Backends[t.backend].Progress(now, ref)
	}
	return gateway.Event{Kind: gateway.Silent, Ref: ref, Span: tick.Units(now.Sub(since) / tick.Grid), Completion: tokens}
}

// abort takes an attempt back that is under way at a backend. Of one that was
// given up in the middle of its answer the client has seen the beginning.
func (r *Runner) abort(now tick.Instant, e *gateway.Effect) int {
	t := r.attempt(e.Ref)
	if first := t.start.After(t.firstIn); e.Reason == record.AttemptTimeout && t.answer == begun && t.firstIn > 0 && first <= now {
		t.first = first
	}
	t.answer = silent
	return int(t.backend)
}

// seen is how many tokens of its answer a client has seen by now.
func (r *Runner) seen(now tick.Instant, req record.Ref) (tokens int32) {
	if ref, ok := r.world.Gateway.AttemptOf(req); ok {
		if t := r.attempt(ref); t.answer == begun {
			tokens, _, _ = r.world.Backends[t.backend].Progress(now, ref)
		}
	}
	return tokens
}
