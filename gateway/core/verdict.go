package core

import (
	"time"

	"foundrylab/gateway/breaker"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// verdict is what the end of an attempt says of its backend.
type verdict uint8

const (
	silent    verdict = iota // nothing
	well                     // it is well
	throttled                // it said when to come back
	failed
)

func verdictOf(ev *Event) verdict {
	switch {
	case ev.apart() && ev.Status != 0: // it has limits of its own, and a backend may not have its route
		return silent
	case ev.Outcome == record.Succeeded:
		return well
	case ev.Reason == record.ClientGone || ev.Reason == record.ClientTimeout:
		return silent
	case ev.Status == 429 && ev.HasRetry:
		return throttled
	case ev.Status == 401 || ev.Status == 403 || ev.Reason == record.DeploymentMissing: // what it shows there is the gateway's, not the client's
		return failed
	case ev.Status == 0 || ev.Status == 408 || ev.Status == 429 || ev.Status >= 500 || ev.Outcome == record.Failed && ev.Status == 200:
		return failed
	}
	return well // a 4xx is the client's fault
}

// learn teaches a breaker how an attempt ended.
func (c *Core) learn(now tick.Instant, a *attempt, said verdict, ev *Event) breaker.Change {
	b := &c.breakers[a.backend]
	switch said {
	case well:
		return b.Success(now, a.breakerGen, a.sent)
	case throttled:
		return b.Throttled(now, a.breakerGen, time.Duration(ev.RetryMs)*time.Millisecond)
	case failed:
		return b.Failure(now, a.breakerGen, ev.Reason)
	}
	b.Abandoned(a.breakerGen)
	return breaker.Change{}
}
