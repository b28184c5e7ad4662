package fault

import (
	"time"

	"foundrylab/internal/unit"
)

// SlowHeaders lets a whole answer begin late, its headers included.
type SlowHeaders struct {
	Add    unit.Duration `yaml:"add" required:"true" doc:"time added before the headers, and so before all that follows"`
	Jitter unit.Duration `yaml:"jitter" doc:"up to this much more, uniform"`
}

// Validate implements yamlconf.Validator.
func (s SlowHeaders) Validate(fail func(path, format string, args ...any)) {
	Latency(s).Validate(fail)
}

var slowHeadersKind = Kind{
	Name:    "slow_headers",
	Help:    "The headers of answers to requests that arrive while it lasts come later, and all that follows with them: as from a service that accepts a connection and is silent. Answers that have not begun when it starts are put off too.",
	Example: "slow_headers: {add: 20s}",
	asked:   Config{SlowHeaders: &SlowHeaders{Add: 1}},
	compile: func(c Config, r *Rule) bool {
		if c.SlowHeaders == nil {
			return false
		}
		r.Add, r.Jitter, r.Headers = time.Duration(c.SlowHeaders.Add), time.Duration(c.SlowHeaders.Jitter), true
		return true
	},
	value: askedDelay("slow_headers"),
	apply: func(r *Rule, ms int32) { r.Add = time.Duration(ms) * time.Millisecond },
}
