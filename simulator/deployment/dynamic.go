package deployment

import (
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// DynamicQuota is the service's dynamic quota: where there is capacity to
// spare, a standard deployment is let go beyond its limits; never is it held
// below them, and nothing tells ("Azure OpenAI dynamic quota"). When there is
// something to spare, and how much, the page leaves open.
type DynamicQuota struct {
	Spare unit.Ratio    `yaml:"spare" default:"50%" doc:"how much is let through beyond tpm and rpm while there is capacity to spare"`
	Share unit.Ratio    `yaml:"share" default:"25%" doc:"share of the periods in which there is"`
	Every unit.Duration `yaml:"every" default:"5m" doc:"length of a period, counted from the start"`
}

// Validate implements yamlconf.Validator.
func (d DynamicQuota) Validate(fail func(path, format string, args ...any)) {
	if d.Spare > 10*unit.One {
		fail("spare", "must be at most 1000%%")
	}
	if d.Share > unit.One {
		fail("share", "must be at most 100%%")
	}
	if time.Duration(d.Every) < tokenPeriod {
		fail("every", "must be at least %v, the window of the tokens", tokenPeriod)
	}
}

// spares is a compiled DynamicQuota; the zero value never spares anything.
type spares struct {
	DynamicQuota
	die rng.Die
}

func compileSpares(cfg *Config, seed, entity uint64) spares {
	if cfg.DynamicQuota == nil {
		return spares{}
	}
	return spares{*cfg.DynamicQuota, rng.New(seed, rng.SpareCapacity, entity)}
}

// in returns what of the limits is let through in a period, in ppm.
func (s *spares) in(period int64) int64 {
	if rng.Below(s.die.Draw(uint64(period), 0), whole) < int64(s.Share) {
		return whole + int64(s.Spare)
	}
	return whole
}

// spareTo goes to the period around now. It needs no deadline: nobody asks what
// the limits are but who is admitted.
func (a *admission) spareTo(now tick.Instant, cfg *settings) {
	period := max(int64(now-a.origin)/int64(cfg.spares.Every), 0)
	if period == a.period {
		return
	}
	a.period = period
	if spare := cfg.spares.in(period); spare != a.spare {
		a.spare = spare
		a.fit(now, cfg)
	}
}

// ahead is how many periods a wait is looked for in: no window is longer than
// one, and rounding up to a whole second leads at most into one more.
const ahead = 4

// waits is the least wait of whole seconds, but for atLeast ms, after which a
// request fits alone: what is spared now may be spared no more by then, or the
// other way round. Where a wait of atLeast is what counts there is no reason.
func (a *admission) waits(now tick.Instant, cfg *settings, d demand, atLeast uint32) refusal {
	if cfg.spares.Every == 0 {
		return a.longest(now, d).after(atLeast)
	}
	a.spareTo(now, cfg)
	every, spare := tick.Instant(cfg.spares.Every), a.spare
	defer func() { a.spare = spare; a.fitStandard(cfg) }()
	for p := a.period; p < a.period+ahead; p++ {
		a.spare = cfg.spares.in(p)
		a.fitStandard(cfg)
		begin := a.origin + tick.Instant(p)*every
		no := a.longest(now, d).after(atLeast)
		no.retryMs = max(no.retryMs, wholeSeconds(max(begin.Sub(now), 0)))
		if at := now.Add(time.Duration(no.retryMs) * time.Millisecond); no.why != record.TooLarge && at < begin+every {
			return no
		}
	}
	return refusal{record.TooLarge, neverFits}
}

// after is the refusal of who must wait atLeast ms anyway.
func (r refusal) after(atLeast uint32) refusal {
	if r.retryMs < atLeast {
		return refusal{record.NoReason, atLeast}
	}
	return r
}

// noPeriod is before any: where to go from when the configuration is another.
const noPeriod = -1
