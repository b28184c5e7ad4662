package budget

import (
	"foundrylab/internal/limit"
	"foundrylab/internal/tick"
)

// Use is what a tenant has of its own limits at an instant. A limit of 0 is none, and then its use is not known.
type Use struct {
	Limits
	Tokens, Requests int64 // of the minute's, reserved ones included: they drain as fast as the limit admits them
	Active           int   // admitted and not over
	Quotas           []QuotaUse
}

// QuotaUse is what is used of a quota.
type QuotaUse struct {
	Quota
	Used int64        // tokens, or money as Prices.Of has it; what is reserved included
	End  tick.Instant // of the period, when all of it is free again
}

// Use returns what is used at now. It changes nothing, so that who looks does not take part; it allocates.
func (a *Allowance) Use(now tick.Instant) Use {
	u := Use{Limits: a.limits, Tokens: level(a.tokens, now), Requests: level(a.requests, now), Active: a.active}
	for _, q := range a.quotas {
		q.roll(now)
		u.Quotas = append(u.Quotas, QuotaUse{q.Quota, q.used, q.end})
	}
	return u
}

// level is what is in a bucket, which is left as it was.
func level(b *limit.Bucket, now tick.Instant) int64 {
	if b == nil {
		return 0
	}
	c := *b
	return c.Level(now)
}
