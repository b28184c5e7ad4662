package deployment

import (
	"math"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

func newStandard(cfg *settings, start tick.Instant) admission {
	e := evidenceOf(cfg.Config)
	a := admission{load: loadMeter{at: start}, family: familyOf(cfg.Model), evidence: e,
		share: whole, spare: whole, period: noPeriod, origin: start}
	a.tokens = newWindow(e.sliding, tokenPeriod, start)
	a.requests = newWindow(e.sliding, requestPeriod, start)
	if e.burst > 0 {
		a.burst = newWindow(e.sliding, e.burst, start)
	}
	if cfg.claude() {
		a.output = newWindow(e.sliding, tokenPeriod, start)
	}
	if e.headers.RequestPeriod == tokenPeriod {
		a.minute = newWindow(false, tokenPeriod, start)
	}
	return a
}

// fitStandard gives every window its part of the limits, and what is spared
// beyond it.
func (a *admission) fitStandard(cfg *settings) {
	a.tpm, a.rpm = a.part(cfg.TokensPerMinute()), max(a.part(requestsPerMinute(cfg.Config)), 1)
	a.load.perMinute = a.tpm
	spared := func(limit int64) int64 { return tick.MulDiv(limit, a.spare, whole) }
	a.tokens.resize(spared(a.tpm))
	a.requests.resize(ofTenSeconds(spared(a.rpm)))
	a.burst.resize((spared(a.rpm) + 59) / 60)
	a.output.resize(spared(a.part(cfg.outputPerMinute())))
}

// ofTenSeconds is the part of the requests of a minute, rounded up.
func ofTenSeconds(rpm int64) int64 { return (rpm + 5) / 6 }

// requestsPerMinute is the RPM of a standard deployment: set, or by the ratio
// of the model's family.
func requestsPerMinute(cfg *Config) int64 {
	if cfg.RPM > 0 {
		return int64(cfg.RPM)
	}
	f := familyOf(cfg.Model)
	return max(tick.MulDiv(cfg.TokensPerMinute(), f.rpm, f.perTPM), 1)
}

// admitStandard checks the token windows and every request window together,
// and returns what the request asks of them.
func (a *admission) admitStandard(now tick.Instant, cfg *settings, ev *Event, cached int32, choices int64) (demand, refusal) {
	if cfg.spares.Every > 0 {
		a.spareTo(now, cfg)
	}
	d := demand{tokens: a.family.cost(ev.PromptEstimate, ev.MaxTokens, choices)}
	if a.output.exists {
		d.tokens = int64(ev.PromptTokens - cached)
		if cfg.OutputCharge == "max_tokens" {
			d.output = int64(max(ev.MaxTokens, 0)) * choices
		}
	}
	d.tokens, d.output = min(d.tokens, math.MaxInt32), min(d.output, math.MaxInt32)
	if a.holds(d) && a.tokens.fits(now, d.tokens) && a.requests.fits(now, 1) && (!a.burst.exists || a.burst.fits(now, 1)) &&
		(!a.output.exists || a.output.fits(now, max(d.output, 1))) {
		return d, refusal{}
	}
	return d, a.deny(now, cfg, d)
}

// holds reports whether a request is no larger than a limit by itself.
func (a *admission) holds(d demand) bool {
	return d.tokens <= a.tokens.limit() && (!a.output.exists || d.output <= a.output.limit())
}

// deny counts a refused request where the profile does, and says how long it
// has to wait.
func (a *admission) deny(now tick.Instant, cfg *settings, d demand) refusal {
	if a.evidence.countRejected {
		a.countRequest(now)
	}
	return a.waits(now, cfg, d, 0)
}

// longest is the wait by the limits of the moment: that of the window which
// takes longest, and the reason is that one. Until then a lone request fits none
// the sooner, and then it fits all.
func (a *admission) longest(now tick.Instant, d demand) refusal {
	if !a.holds(d) {
		return refusal{record.TooLarge, neverFits}
	}
	wait, why := a.tokens.wait(now, d.tokens), record.TokenLimit
	if w := a.requests.wait(now, 1); w > wait {
		wait, why = w, record.RequestLimit
	}
	if a.burst.exists {
		if w := a.burst.wait(now, 1); w > wait {
			wait, why = w, record.RequestLimit
		}
	}
	if a.output.exists {
		if w := a.output.wait(now, max(d.output, 1)); w > wait {
			wait, why = w, record.OutputTokenLimit
		}
	}
	return refusal{why, wholeSeconds(wait)}
}

func (a *admission) countRequest(now tick.Instant) {
	if a.elsewhere {
		return
	}
	a.requests.take(now, 1)
	if a.burst.exists {
		a.burst.take(now, 1)
	}
	if a.minute.exists {
		a.minute.take(now, 1)
	}
}

// inherit goes on from an earlier configuration's windows: what is used stays
// used.
func (a *admission) inherit(now tick.Instant, old *admission) {
	alike := a.evidence.sliding == old.evidence.sliding
	a.tokens.inherit(now, &old.tokens, alike)
	a.requests.inherit(now, &old.requests, alike)
	a.burst.inherit(now, &old.burst, alike)
	a.minute.inherit(now, &old.minute, true)
	a.output.inherit(now, &old.output, alike)
}

// remaining returns what the rate-limit headers say after this request: tokens
// of the minute, and requests of the 10 s or of the minute; -1 on provisioned.
func (a *admission) remaining(now tick.Instant) (tokens, requests int32) {
	if a.bucket != nil {
		return -1, -1
	}
	shown := a.rpm
	if !a.minute.exists {
		shown = ofTenSeconds(a.rpm)
	}
	return left(a.tpm, a.tokens.used(now)), left(shown, a.shown().used(now))
}

// left is what a header says of a limit; what is spared does not show.
func left(limit, used int64) int32 { return int32(min(max(limit-used, 0), math.MaxInt32)) }

// shown returns the count of requests that the headers speak of.
func (a *admission) shown() *window {
	if a.minute.exists {
		return &a.minute
	}
	return &a.requests
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
	return c.limits.tokens.reset(now), c.limits.shown().reset(now)
}
