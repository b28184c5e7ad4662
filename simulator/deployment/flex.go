package deployment

import (
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/distribution"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/latency"
)

// Flex is how long requests of the tier flex wait for capacity. The service says that they may, and not how long.
type Flex struct {
	Wait    latency.Quantiles `yaml:"wait" required:"true" doc:"time until there is capacity, log-normal; it comes before the time to the first token"`
	Timeout unit.Duration     `yaml:"timeout" default:"10m" doc:"408 for a request that has waited so long"`
}

// Validate implements yamlconf.Validator.
func (f Flex) Validate(fail func(path, format string, args ...any)) {
	if f.Timeout <= 0 || time.Duration(f.Timeout) > time.Hour {
		fail("timeout", "must be longer than zero and at most 1h")
	}
}

// flexWait draws the wait of a request; the zero value has none.
type flexWait struct {
	timeout time.Duration
	length  distribution.Sampler // grid units
	die     rng.Die
}

func compileFlex(cfg *Config, seed uint64) flexWait {
	if cfg.Flex == nil {
		return flexWait{}
	}
	w := cfg.Flex.Wait
	return flexWait{timeout: time.Duration(cfg.Flex.Timeout), die: rng.New(seed, rng.FlexWait, rng.Entity(cfg.Name)),
		length: distribution.NewLognormal(int64(tick.ToUnits(time.Duration(w.P50))), int64(tick.ToUnits(time.Duration(w.P95))), distribution.Z95, 0)}
}

// of returns how long a request waits, and whether that is in vain.
func (f *flexWait) of(s *stream) (wait time.Duration, vain bool) {
	if s.tier != record.FlexTier || f.timeout == 0 {
		return 0, false
	}
	wait = tick.Units(f.length.At(f.die.Draw(s.key, s.attempt))).Span()
	return min(wait, f.timeout), wait >= f.timeout
}

// waitInVain keeps a request until it has waited for too long. It is like one whose reservation is never answered: it
// is not charged.
func (c *Core) waitInVain(now tick.Instant, ref record.Ref, s *stream, timeout time.Duration) {
	s.vain, s.cached, s.due = true, 0, now.After(tick.ToUnits(timeout))
	s.armed = s.due
	c.timers.Push(s.due, des.PrioEnd, uint64(ref.Gen)<<32|uint64(ref.Slot))
}

// waited refuses a request that has waited in vain.
func (c *Core) waited(at tick.Instant, ref record.Ref, s *stream, out []Effect) []Effect {
	s.tier = record.AutoTier
	place := len(out)
	out = c.end(at, ref, s, Refuse, record.Failed, record.FlexTimeout, out)
	e := &out[place]
	e.Status = 408
	e.RemainingTokens, e.RemainingRequests = c.limits.remaining(at)
	return out
}
