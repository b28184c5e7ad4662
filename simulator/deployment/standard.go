package deployment

import (
	"math"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

func newStandard(cfg *settings, start tick.Instant) admission {
	e := evidenceOf(cfg.Config)
	a := admission{load: newLoadMeter(int64(cfg.TPM), start), family: familyOf(cfg.Model), evidence: e}
	fresh := func(limit int64, period time.Duration) window { return newWindow(e.sliding, limit, period, start) }
	rpm := requestsPerMinute(cfg.Config)
	a.tokens = fresh(int64(cfg.TPM), tokenPeriod)
	a.requests = []window{fresh((rpm+5)/6, requestPeriod)}
	if e.burst > 0 {
		a.requests = append(a.requests, fresh(max((rpm+59)/60, 1), e.burst))
	}
	if e.headers.RequestPeriod == tokenPeriod {
		a.minute = limit.NewWindow(rpm, tokenPeriod, start)
	}
	return a
}

func newWindow(sliding bool, size int64, period time.Duration, start tick.Instant) window {
	if sliding {
		return limit.NewSliding(size, period)
	}
	return limit.NewWindow(size, period, start)
}

// requestsPerMinute is the RPM of a standard deployment: set, or by the ratio
// of the model's family.
func requestsPerMinute(cfg *Config) int64 {
	if cfg.RPM > 0 {
		return int64(cfg.RPM)
	}
	f := familyOf(cfg.Model)
	return max(tick.MulDiv(int64(cfg.TPM), f.rpm, f.perTPM), 1)
}

// admitStandard checks the token window and every request window together.
func (a *admission) admitStandard(now tick.Instant, ev *Event, choices int64) (int32, refusal) {
	cost := a.family.cost(ev.PromptEstimate, ev.MaxTokens, choices)
	fits := cost <= a.tokens.Limit() && a.tokens.Fits(now, cost)
	for _, w := range a.requests {
		fits = fits && w.Fits(now, 1)
	}
	if fits {
		return int32(min(cost, math.MaxInt32)), refusal{}
	}
	why, retryMs := a.deny(now, cost)
	return 0, a.refuse(now, ev, why, retryMs)
}

// deny counts a refused request where the profile does. The wait is the longest
// of the windows that do not fit, and the reason is that one: until then a lone
// request fits none the sooner, and then it fits all.
func (a *admission) deny(now tick.Instant, cost int64) (record.Reason, uint32) {
	if a.evidence.countRejected {
		a.countRequest(now)
	}
	if cost > a.tokens.Limit() {
		return record.TooLarge, neverFits
	}
	wait, why := a.tokens.Wait(now, cost), record.TokenLimit
	for _, w := range a.requests {
		if d := w.Wait(now, 1); d > wait {
			wait, why = d, record.RequestLimit
		}
	}
	return why, wholeSeconds(wait)
}

func (a *admission) countRequest(now tick.Instant) {
	for _, w := range a.requests {
		w.Take(now, 1)
	}
	if a.minute != nil {
		a.minute.Take(now, 1)
	}
}

// resize moves to another configuration's limits; what is used stays used.
func (a *admission) resize(now tick.Instant, cfg *settings) {
	old := *a
	*a = newAdmission(cfg, now)
	switch {
	case a.bucket != nil && old.bucket != nil:
		a.bucket.Add(now, old.bucket.Level(now))
	case a.tokens != nil && old.tokens != nil:
		alike := a.evidence.sliding == old.evidence.sliding
		a.tokens = inherit(now, old.tokens, a.tokens, alike)
		for i := range min(len(a.requests), len(old.requests)) {
			a.requests[i] = inherit(now, old.requests[i], a.requests[i], alike)
		}
		if a.minute != nil && old.minute != nil {
			old.minute.Resize(a.minute.Limit())
			a.minute = old.minute
		}
	default: // from one kind to the other: the units differ
		old.load.seconds = [len(old.load.seconds)]int64{}
	}
	a.load.seconds, a.load.at, a.load.place = old.load.seconds, old.load.at, old.load.place
}

// inherit returns the window that has the new one's limit and what the old one
// counted: the old one itself where both count alike.
func inherit(now tick.Instant, old, fresh window, alike bool) window {
	if alike {
		old.Resize(fresh.Limit())
		return old
	}
	fresh.Take(now, old.Used(now))
	return fresh
}

// remaining returns what the rate-limit headers say after this request: tokens
// of the minute, and requests of the 10 s or of the minute; -1 on provisioned.
func (a *admission) remaining(now tick.Instant) (tokens, requests int32) {
	if a.bucket != nil {
		return -1, -1
	}
	return int32(min(a.tokens.Remaining(now), math.MaxInt32)), int32(min(a.shown().Remaining(now), math.MaxInt32))
}

// shown returns the count of requests that the headers speak of.
func (a *admission) shown() window {
	if a.minute != nil {
		return a.minute
	}
	return a.requests[0]
}

// Headers returns what the deployment's answers tell of its limits; the zero
// value on a provisioned one, which has none.
func (c *Core) Headers() Headers { return c.limits.evidence.headers }

// Sliding reports whether the windows of a standard deployment slide.
func (c *Core) Sliding() bool { return c.limits.evidence.sliding }

// Resets returns the time until the windows that the headers speak of are as
// good as new. Standard deployments only.
func (c *Core) Resets(now tick.Instant) (tokens, requests time.Duration) {
	if c.limits.bucket != nil {
		return 0, 0
	}
	return c.limits.tokens.Reset(now), c.limits.shown().Reset(now)
}
