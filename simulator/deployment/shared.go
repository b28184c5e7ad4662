package deployment

import (
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/lease"
)

// Meters returns the limits in force of a deployment that several processes
// are together (Options.Shared), for a lease.Machine. Claude's limit on output
// is not among them: each process holds to it by itself.
func (c *Core) Meters() []lease.Meter {
	a := &c.limits
	if a.bucket != nil {
		return []lease.Meter{{Name: "utilization", Kind: lease.Bucket, Limit: a.capacity, Drain: max(a.load.perMinute, 1), Reason: record.Utilization}}
	}
	kind := lease.Fixed
	if a.evidence.sliding {
		kind = lease.Sliding
	}
	m := []lease.Meter{
		{Name: "tokens", Kind: kind, Limit: a.tokens.limit(), Period: tokenPeriod, Reason: record.TokenLimit},
		{Name: "requests", Kind: kind, Limit: a.requests.limit(), Period: requestPeriod, Reason: record.RequestLimit},
	}
	if a.burst.exists {
		m = append(m, lease.Meter{Name: "burst", Kind: kind, Limit: a.burst.limit(), Period: a.evidence.burst, Reason: record.RequestLimit})
	}
	if a.minute.exists {
		m = append(m, lease.Meter{Name: "minute", Kind: lease.Tally, Limit: a.rpm, Period: tokenPeriod})
	}
	return m
}

// Costs is what a request that is charged so many tokens takes of each of
// Meters.
func Costs(tokens int32) lease.Amounts { return lease.Amounts{int64(tokens), 1, 1, 1} }

// CountsRefused reports whether a request that a limit refused counts as one.
func (c *Core) CountsRefused() bool { return c.limits.bucket == nil && c.limits.evidence.countRejected }

// follow lets the bucket stand where the shared one does.
func (a *admission) follow(now tick.Instant, ev *Event) {
	if a.elsewhere && a.bucket != nil {
		a.bucket.Add(now, int64(ev.Left)-a.bucket.Level(now))
	}
}

// sharedLeft lets the headers show what is left of what is shared.
func (e *Effect) sharedLeft(ev *Event) {
	e.RemainingTokens, e.RemainingRequests = min(e.RemainingTokens, ev.Left), min(e.RemainingRequests, ev.LeftRequests)
}

// refusedStatus is the answer to a request whose reservation was refused: by a
// limit, or because nobody could be asked.
func refusedStatus(why record.Reason) (uint16, record.Outcome) {
	if why == record.BudgetRefused || why == record.InFlightBound {
		return 503, record.Failed
	}
	return 429, record.Throttled
}
