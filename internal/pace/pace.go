// Package pace waits for instants: a Func for one goroutine, an Alarm for many.
// It owns how closely they are hit: the runtime's own timers wake an idle process
// up to a millisecond late, because its poller counts in milliseconds. It refuses
// to know what is waited for.
package pace

import (
	"context"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
)

// Func waits until t, or until ctx is done, whichever is first. A Func is for
// one goroutine at a time.
type Func func(ctx context.Context, clock *drive.Clock, t tick.Instant)

// Timer is a Func on an ordinary timer: exact in a testing/synctest bubble, up
// to about a millisecond late outside.
func Timer(ctx context.Context, clock *drive.Clock, t tick.Instant) {
	wait := clock.Until(t)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
