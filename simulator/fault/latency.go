package fault

import (
	"time"

	"foundrylab/internal/unit"
)

// Latency slows the first token down.
type Latency struct {
	Add    unit.Duration `yaml:"add" required:"true" doc:"time added before the first token"`
	Jitter unit.Duration `yaml:"jitter" doc:"up to this much more, uniform"`
}

// maxDelay bounds what a fault adds, so that several still fit a plan.
const maxDelay = 24 * time.Hour

// Validate implements yamlconf.Validator.
func (l Latency) Validate(fail func(path, format string, args ...any)) {
	if time.Duration(l.Add) > maxDelay {
		fail("add", "must be at most 24h")
	}
	if time.Duration(l.Jitter) > maxDelay {
		fail("jitter", "must be at most 24h")
	}
}

var latencyKind = Kind{
	Name:    "latency",
	Help:    "Adds time before the first token of requests that arrive while it lasts, and of those that wait for their answer to begin when it starts.",
	Example: "latency: {add: 2s, jitter: 500ms}",
	asked:   Config{Latency: &Latency{Add: 1}},
	compile: func(c Config, r *Rule) bool {
		if c.Latency == nil {
			return false
		}
		r.Add, r.Jitter = time.Duration(c.Latency.Add), time.Duration(c.Latency.Jitter)
		return true
	},
	value: askedDelay("latency"),
	apply: func(r *Rule, ms int32) { r.Add = time.Duration(ms) * time.Millisecond },
}
