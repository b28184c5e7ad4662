package fault

import (
	"time"

	"foundrylab/internal/unit"
)

// Stall pauses an answer.
type Stall struct {
	After int           `yaml:"after" default:"10" min:"1" max:"65535" doc:"tokens that come before the pause; a shorter answer is not struck"`
	For   unit.Duration `yaml:"for" default:"5s" doc:"how long nothing comes, in whole milliseconds"`
}

// Validate implements yamlconf.Validator.
func (s Stall) Validate(fail func(path, format string, args ...any)) {
	if d := time.Duration(s.For); d <= 0 || d > maxDelay || d%time.Millisecond != 0 {
		fail("for", "must be from 1ms to 24h, in whole milliseconds")
	}
}

var stallKind = Kind{
	Name:    "stall",
	Help:    "Streams of requests that arrive while it lasts pause after some tokens, and then go on at their pace. An answer that is not streamed comes that much later.",
	Example: "stall: {after: 10, for: 5s}",
	asked:   Config{Stall: &Stall{After: 10, For: unit.Duration(5 * time.Second)}},
	compile: func(c Config, r *Rule) bool {
		if c.Stall == nil {
			return false
		}
		r.Pause, r.After, r.OnStreams, r.OnWhole = time.Duration(c.Stall.For), uint16(c.Stall.After), true, true
		return true
	},
}
