package virtual

import (
	"time"

	gateway "foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	load "foundrylab/loadgen/core"
	"foundrylab/simulator/deployment"
)

// recordLoad puts a load effect on the record.
func (r *Runner) recordLoad(now tick.Instant, e *load.Effect) {
	switch e.Kind {
	case load.TryDone:
		r.tryEnd = TryEntry(now, e)
		r.summary.Try(&r.tryEnd)
		if r.opt.Also != nil {
			r.opt.Also.Try(&r.tryEnd)
		}
	case load.RequestDone:
		r.request = RequestEntry(now, e)
		r.summary.Request(&r.request)
		if r.opt.Also != nil {
			r.opt.Also.Request(&r.request)
		}
	case load.Drop:
		r.put(func(s record.Sink) { s.Dropped(1) })
	}
}

func (r *Runner) recordAttempt(backend int, e *deployment.Effect) {
	t := r.attempt(e.Ref)
	r.att = AttemptEntry(backend, t.key, t.tenant, e)
	if e.Reason == record.ClientGone { // a timeout strikes half a grid unit late, which no span in grid units tells
		r.att.Start = r.att.Start.InPhaseOf(t.start)
	}
	r.summary.Attempt(&r.att)
	if r.opt.Also != nil {
		r.opt.Also.Attempt(&r.att)
	}
}

// put hands an entry to the summary and to whoever else wants it. For what is
// rare: entries of every request spare the closure.
func (r *Runner) put(entry func(record.Sink)) {
	entry(r.summary)
	if r.opt.Also != nil {
		entry(r.opt.Also)
	}
}

// SampleEntry is the record of a Utilization effect.
func SampleEntry(backend int, e *deployment.Effect) record.Sample {
	return record.Sample{At: e.At, Utilization: int64(e.RemainingTokens), Backend: uint16(backend)}
}

// TransitionEntry is the record of a Transition effect.
func TransitionEntry(e *gateway.Effect) record.Transition {
	return record.Transition{At: e.At, Until: e.Until, Backend: e.Backend, State: e.State, Reason: e.Reason}
}

// TryEntry is the record of a TryDone effect.
func TryEntry(now tick.Instant, e *load.Effect) record.Try {
	return record.Try{Key: e.Key, Sent: e.Intended, End: now, Status: e.Status, Tenant: e.Tenant, Number: e.Tries,
		Outcome: e.Outcome, Reason: e.Reason}
}

// RequestEntry is the record of a RequestDone effect.
func RequestEntry(now tick.Instant, e *load.Effect) record.Request {
	r := record.Request{Key: e.Key, Intended: e.Intended, End: now, TTFT: -1, QueueWait: e.QueueWait.Span(),
		PromptTokens: int64(e.PromptTokens), CompletionTokens: int64(e.OutputTokens), Cost: int64(e.Cost), Tokens: int64(e.Tokens),
		Status: e.Status, Tenant: e.Tenant, Tries: e.Tries, Attempts: e.Attempts, Outcome: e.Outcome, Reason: e.Reason, Begun: e.Flag}
	if e.TTFT > 0 {
		r.TTFT = e.TTFT.Span()
	}
	return r
}

// AttemptEntry is the record of a deployment's terminal effect.
func AttemptEntry(backend int, key uint64, tenant uint16, e *deployment.Effect) record.Attempt {
	return record.Attempt{Key: key, Start: e.At.Add(-e.Over().Span()), End: e.At, PromptTokens: int64(e.Prompt), CachedTokens: int64(e.Cached),
		CompletionTokens: int64(e.Completion), Charged: int64(e.Charged), Wait: time.Duration(e.RetryMs) * time.Millisecond, Status: e.Status, Tenant: tenant, Backend: uint16(backend),
		Outcome: e.Outcome, Reason: e.Reason, Tier: e.Tier}
}
