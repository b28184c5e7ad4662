package gateway

import (
	"context"
	"sync/atomic"

	"foundrylab/gateway/core"
	"foundrylab/internal/tick"
)

// waiting is what an exchange waits for at its backend, as the core may ask of an
// attempt that is bounded in time. The exchange writes it, deliver reads it under
// the pool's lock; nobody waits for anybody.
type waiting struct {
	bounded bool                               // the attempt under way is; the exchange's own
	since   atomic.Int64                       // the tick.Instant from which on the backend owes something; never: it owes nothing now
	tokens  atomic.Int32                       // of the answer, passed on by then
	cancel  atomic.Pointer[context.CancelFunc] // of the attempt under way
}

const never = int64(tick.Never)

// begin is called when an attempt that is bounded begins. The context that it
// returns ends with end or giveUp, and with its parent.
func (w *waiting) begin(parent context.Context, now tick.Instant) context.Context {
	ctx, cancel := context.WithCancel(parent)
	w.bounded = true
	w.owed(now, 0)
	w.cancel.Store(&cancel)
	return ctx
}

// owed is called when the exchange begins to wait for the backend, after so many tokens.
func (w *waiting) owed(now tick.Instant, tokens int32) {
	w.tokens.Store(tokens)
	w.since.Store(int64(now))
}

// served is called when something has come: the backend owes nothing until it is
// waited for again.
func (w *waiting) served() { w.since.Store(never) }

// end is called when the attempt is over for the exchange.
func (w *waiting) end() {
	if !w.bounded {
		return
	}
	w.bounded = false
	w.served()
	(*w.cancel.Swap(nil))()
}

// giveUp ends the attempt from outside: its exchange, which waits for the
// backend, hears of it at once.
func (w *waiting) giveUp() {
	w.served()
	if cancel := w.cancel.Load(); cancel != nil {
		(*cancel)()
	}
}

// answer is the answer to a Silence.
func (w *waiting) answer(now tick.Instant, e core.Effect) core.Event {
	ev := core.Event{Kind: core.Silent, Ref: e.Ref, Completion: w.tokens.Load()}
	if since := w.since.Load(); since != never { // rounded down: nobody is given up early
		ev.Span = tick.Units(now.Sub(tick.Instant(since)) / tick.Grid)
	}
	return ev
}
