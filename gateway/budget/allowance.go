package budget

import (
	"fmt"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Limits bound what one tenant may have of the gateway, whatever else is free.
type Limits struct {
	TPM         unit.Count `yaml:"tpm" doc:"tokens per minute, the prompt and max_tokens at arrival, corrected to what was used; above it 429; default no limit"`
	RPM         unit.Count `yaml:"rpm" doc:"requests per minute; above it 429; default no limit"`
	Quota       []Quota    `yaml:"quota" doc:"tokens or money for longer periods; above one 403"`
	Concurrency int        `yaml:"concurrency" min:"0" max:"1000000" doc:"requests at a time, those that wait included; above it 429; default no limit"`
}

// Validate implements yamlconf.Validator.
func (l Limits) Validate(fail func(path, format string, args ...any)) {
	if l.TPM > maxPerMinute || l.RPM > maxPerMinute {
		fail("", "a limit is at most %d per minute", int64(maxPerMinute))
	}
	for i, q := range l.Quota {
		for _, earlier := range l.Quota[:i] {
			if earlier.alike(&q) {
				fail(fmt.Sprintf("quota[%d].period", i), "there is such a quota for each %s already", q.Period)
			}
		}
	}
}

// Any reports whether there is a limit.
func (l Limits) Any() bool { return l.TPM > 0 || l.RPM > 0 || l.Concurrency > 0 || len(l.Quota) > 0 }

// Allowance is a tenant's own limits: token buckets that hold a minute, so that
// a refund is worth as much as it was. Admit reserves, Correct and End correct. O(1), 0
// allocations. Not safe for concurrent use.
type Allowance struct {
	limits           Limits
	tokens, requests *limit.Bucket // nil: no limit
	quotas           []spent
	active           int
}

// Reconfigure applies other limits to what comes next; what was used stays used.
func (a *Allowance) Reconfigure(now tick.Instant, l Limits) {
	a.limits = l
	a.tokens = resized(a.tokens, now, int64(l.TPM))
	a.requests = resized(a.requests, now, int64(l.RPM))
	a.quotas = carried(now, a.quotas, l.Quota)
}

func resized(b *limit.Bucket, now tick.Instant, perMinute int64) *limit.Bucket {
	switch {
	case perMinute == 0:
		return nil
	case b == nil:
		return limit.NewBucket(perMinute, now)
	}
	b.Resize(now, perMinute)
	return b
}

// Admit reserves what a request may cost, or says why not and after which
// wait, to the nanosecond, the same request would be admitted if it came alone;
// a wait of 0 has no such instant: another request must end first, or the
// request is larger than the limit.
func (a *Allowance) Admit(now tick.Instant, cost Spend) (why record.Reason, wait time.Duration) {
	switch {
	case a.limits.Concurrency > 0 && a.active >= a.limits.Concurrency:
		return record.TenantConcurrency, 0
	case a.tokens != nil && cost.Tokens > int64(a.limits.TPM):
		return record.TooLarge, 0
	}
	if a.tokens != nil {
		if w := a.tokens.TimeTo(now, int64(a.limits.TPM)-cost.Tokens); w > 0 {
			why, wait = record.TenantTokens, w
		}
	}
	if a.requests != nil {
		if w := a.requests.TimeTo(now, int64(a.limits.RPM)-1); w > wait {
			why, wait = record.TenantRequests, w
		}
	}
	for i := range a.quotas {
		if w := a.quotas[i].wait(now, cost); w > wait {
			why, wait = record.TenantQuota, w
		}
	}
	if why != record.NoReason {
		return why, wait
	}
	for i := range a.quotas {
		a.quotas[i].add(a.quotas[i].of(cost))
	}
	if a.tokens != nil {
		a.tokens.Add(now, cost.Tokens)
	}
	if a.requests != nil {
		a.requests.Add(now, 1)
	}
	a.active++
	return record.NoReason, 0
}

// End tells that a request is over that was admitted then, and corrects what was
// reserved for it.
func (a *Allowance) End(now tick.Instant, delta Spend, admitted tick.Instant) {
	a.active--
	a.Correct(now, delta, admitted)
}

// Correct tells that a request that was admitted then uses delta more than was
// reserved; less is a negative delta. What was reserved in an earlier period of a
// quota, or before there was one, is not given back to this one.
func (a *Allowance) Correct(now tick.Instant, delta Spend, admitted tick.Instant) {
	if a.tokens != nil {
		a.tokens.Add(now, delta.Tokens)
	}
	for i := range a.quotas {
		q := &a.quotas[i]
		more := q.of(delta)
		if q.roll(now); more > 0 || admitted >= q.begin {
			q.add(more)
		}
	}
}

// Withdraw takes back that a request was admitted then, for what cost was
// reserved, since it is refused elsewhere: as if it had not come.
func (a *Allowance) Withdraw(now tick.Instant, cost Spend, admitted tick.Instant) {
	if a.requests != nil {
		a.requests.Add(now, -1)
	}
	a.End(now, Spend{}.Minus(cost), admitted)
}

// Active returns how many admitted requests are not over.
func (a *Allowance) Active() int { return a.active }
