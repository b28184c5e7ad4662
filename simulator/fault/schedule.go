package fault

import (
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Wave switches a fault on and off, again and again, while it lasts: a backend
// that flaps.
type Wave struct {
	Every unit.Duration `yaml:"every" required:"true" doc:"from one beginning to the next"`
	On    unit.Duration `yaml:"on" required:"true" doc:"how long it strikes each time"`
}

// maxBeats bounds what one wave is compiled to.
const maxBeats = 1000

func (c Config) validateShape(fail func(path, format string, args ...any)) {
	if w := c.Wave; w != nil {
		switch {
		case w.Every <= 0 || w.On <= 0 || w.On >= w.Every:
			fail("wave.on", "must be longer than zero and shorter than every (%v)", w.Every)
		case c.For/w.Every >= maxBeats:
			fail("wave.every", "must be longer: the fault would begin more than %d times", maxBeats)
		}
	}
	if c.Ramp > c.For {
		fail("ramp", "must not be longer than the fault lasts (%v)", c.For)
	}
	if c.Ramp > 0 && c.Wave != nil {
		fail("ramp", "does not go with a wave")
	}
}

// Schedule places a valid fault on the time axis of a run: one rule, or one for
// each beat of its wave, in order.
func Schedule(c Config, start tick.Instant, seed uint64) []Rule {
	whole := Compile(c, start, seed)
	if c.Wave == nil {
		return []Rule{whole}
	}
	var rules []Rule
	for begin := whole.Begin; begin < whole.End; begin = begin.Add(time.Duration(c.Wave.Every)) {
		beat := whole
		beat.Begin, beat.End = begin, min(begin.Add(time.Duration(c.Wave.On)), whole.End)
		rules = append(rules, beat)
	}
	return rules
}

// shareAt returns the share of requests struck at an instant while the rule
// lasts, in ppm: it climbs from nothing over the ramp.
func (r *Rule) shareAt(now tick.Instant) int64 {
	if past := now.Sub(r.Begin); past < r.ramp {
		return tick.MulDiv(r.share, int64(past), int64(r.ramp))
	}
	return r.share
}
