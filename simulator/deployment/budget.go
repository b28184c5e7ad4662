package deployment

import (
	"math"

	"foundrylab/internal/limit"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Budget is what a deployment shares with others beside its own limits: quota
// of a subscription, or one limit of several processes. The driver of a core
// with Options.Remote asks it at every Reserve effect, and steps the core with
// the answer at once, at the same instant.
type Budget interface {
	// Reserve takes tokens for one request, or says why not and how long a lone
	// request would have to wait. It must not block. Deployments that share it
	// read their clocks apart, so now may fall a little.
	Reserve(now tick.Instant, tokens int32) Grant
	// Look answers as Reserve does and takes nothing.
	Look(now tick.Instant, tokens int32) Grant
}

// Ask puts the question of a Reserve effect to b and returns the event that
// answers it.
func Ask(b Budget, now tick.Instant, e *Effect) Event {
	if e.Reason != record.NoReason {
		return b.Look(now, e.Charged).answer(e.Ref)
	}
	return b.Reserve(now, e.Charged).answer(e.Ref)
}

// Grant is a budget's answer.
type Grant struct {
	Reason  record.Reason // NoReason: granted; else TokenLimit, RequestLimit or TooLarge
	RetryMs uint32        // not granted: wait this long
	Left    int32         // tokens left of what is shared, for the headers; math.MaxInt32 where nobody knows
}

// answer is the event that tells a core of g.
func (g Grant) answer(ref record.Ref) Event {
	return Event{Kind: Reserved, Ref: ref, Granted: g.Reason == record.NoReason, Why: g.Reason, RetryMs: g.RetryMs, Left: g.Left, LeftRequests: math.MaxInt32}
}

// Pool is a subscription's tokens per minute of one model, version and
// deployment type, where its deployments share them while they run (Microsoft's
// announcement of quota at subscription scope, 2026). Not safe for concurrent
// use.
type Pool struct{ window *limit.Window }

// NewPool returns a pool of tpm tokens in each minute from start on.
func NewPool(tpm int64, start tick.Instant) *Pool {
	return &Pool{window: limit.NewWindow(tpm, tokenPeriod, start)}
}

// Reserve implements Budget. The wait is in whole seconds, as a deployment's.
// Who reads an earlier clock than the last one is in that one's window.
func (p *Pool) Reserve(now tick.Instant, tokens int32) Grant {
	g := p.Look(now, tokens)
	if g.Reason == record.NoReason {
		p.window.Take(now, int64(tokens))
		g.Left = p.left(now)
	}
	return g
}

// Look implements Budget.
func (p *Pool) Look(now tick.Instant, tokens int32) Grant {
	g, n := Grant{Left: p.left(now)}, int64(tokens)
	switch {
	case n > p.window.Limit():
		g.Reason, g.RetryMs = record.TooLarge, neverFits
	case !p.window.Fits(now, n):
		g.Reason, g.RetryMs = record.TokenLimit, wholeSeconds(p.window.Wait(now, n))
	}
	return g
}

func (p *Pool) left(now tick.Instant) int32 {
	return int32(min(p.window.Remaining(now), math.MaxInt32))
}

// Charged returns the tokens taken of the minute.
func (p *Pool) Charged(now tick.Instant) int64 { return p.window.Used(now) }
