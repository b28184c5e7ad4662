package gateway

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// beside is what there is about an attempt that is made beside another one, a hedge.
// The exchange's goroutine waits for the first attempt's backend meanwhile, so this
// one has a goroutine of its own as far as the beginning of its answer; all that is
// done with it later, to account for it, to pass its answer on or to let go of it, the
// exchange does when that goroutine is done.
type beside struct {
	before  *attempt      // the one of the same exchange before it; nil: it is the first
	done    chan struct{} // closed when its goroutine is
	givenUp atomic.Bool   // the core wants nothing more of it
	told    core.Event    // how it ended, as its goroutine has told the core; no End: it did not
	at      tick.Instant  // when
}

// sendBeside begins an attempt beside the one under way; called under the lock. The
// Abort and the Silence that come next find it.
func (x *exchange) sendBeside(now tick.Instant, e core.Effect) {
	a := &attempt{beside: &beside{before: x.hedge.Load(), done: make(chan struct{})}}
	a.of(x, e)
	ctx := a.waiting.begin(x.r.Context(), now)
	x.hedge.Store(a)
	go a.run(ctx)
}

// run carries an attempt beside another one. A panic on the way ends it in the core
// too, and nothing but it.
func (a *attempt) run(ctx context.Context) {
	defer close(a.beside.done)
	defer func() {
		if v := recover(); v != nil {
			a.x.g.cfg.Logger.Error().Str("panic", fmt.Sprintf("%.300v", v)).Bytes("stack", debug.Stack()).Msg("an attempt beside another one panicked")
			a.end(core.Event{Outcome: record.Failed, Reason: record.UpstreamError})
		}
	}()
	a.carry(ctx)
}

// wait waits until the attempt belongs to the exchange's goroutine.
func (a *attempt) wait() {
	if a.beside != nil {
		<-a.beside.done
	}
}

// ended is when the attempt ended, which is now.
func (a *attempt) ended() tick.Instant {
	if h := a.beside; h != nil && h.told.Kind == core.End {
		return h.at
	}
	return a.x.g.cfg.Clock.Now()
}

// hedgeOf returns the attempt of that name, if it was made beside another one.
func (x *exchange) hedgeOf(ref record.Ref) *attempt {
	a := x.hedge.Load()
	for a != nil && a.ref != ref {
		a = a.beside.before
	}
	return a
}

// attemptOf returns the attempt of that name; the exchange's goroutine may use it.
func (x *exchange) attemptOf(ref record.Ref) *attempt {
	if a := x.hedgeOf(ref); a != nil {
		a.wait()
		return a
	}
	return &x.first
}

// giveUp ends an attempt from outside; called under the lock.
func (x *exchange) giveUp(ref record.Ref) {
	if a := x.hedgeOf(ref); a != nil {
		a.beside.givenUp.Store(true)
		a.waiting.giveUp()
		return
	}
	x.first.waiting.giveUp()
}

// waitingOf is what the exchange waits for with that attempt; called under the lock.
func (x *exchange) waitingOf(ref record.Ref) *waiting {
	if a := x.hedgeOf(ref); a != nil {
		return &a.waiting
	}
	return &x.first.waiting
}

// settleHedges accounts for the attempts beside others that have ended by themselves.
// None is under way but the one whose answer is to be passed on.
func (x *exchange) settleHedges() {
	for a := x.hedge.Load(); a != nil; a = a.beside.before {
		if a.wait(); a.beside.told.Kind == core.End {
			a.over(a.beside.told.Status, a.beside.told.Outcome, a.beside.told.Reason)
		}
	}
}

// broken ends whatever is under way when the exchange's goroutine panics.
func (x *exchange) broken() {
	x.first.over(0, record.Failed, record.Interrupted)
	for a := x.hedge.Load(); a != nil; a = a.beside.before {
		a.wait()
		a.over(0, record.Failed, record.Interrupted)
		a.drop()
	}
	x.trace.broken()
}

// decided returns the attempt that a request's end is about: two that were under way
// at a time were at different backends.
func (x *exchange) decided(e core.Effect) *attempt {
	for a := x.hedge.Load(); a != nil; a = a.beside.before {
		if a.at == e.Backend && x.first.at != e.Backend {
			return a
		}
	}
	return &x.first
}
