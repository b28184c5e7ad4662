package limit

import "fmt"

// Enqueued admits work while what waits and runs is at most Limit units
// together: the service's quota of enqueued tokens, which batch deployments
// have in place of tokens per minute. There is no window: work counts from when
// it is handed in until it is done, so no wait can be foretold. Nothing asks it yet:
// there are no batches.
type Enqueued struct{ limit, held int64 }

// NewEnqueued returns a limiter that nothing is handed in to yet.
func NewEnqueued(limit int64) *Enqueued { return &Enqueued{limit: limit} }

// Admit takes n >= 0 units, all of them or, where they do not fit, none.
func (e *Enqueued) Admit(n int64) bool {
	if n > e.limit-e.held {
		return false
	}
	e.held += n
	return true
}

// Release gives back what is done of the units that were taken.
func (e *Enqueued) Release(n int64) {
	if n < 0 || n > e.held {
		panic(fmt.Sprintf("limit: %d units are done, of %d that are enqueued", n, e.held))
	}
	e.held -= n
}

// Held returns the units that are not done.
func (e *Enqueued) Held() int64 { return e.held }

// Limit returns the units that may be enqueued at once.
func (e *Enqueued) Limit() int64 { return e.limit }

// Resize changes the limit; what is enqueued stays, even where that is more.
func (e *Enqueued) Resize(limit int64) { e.limit = limit }
