package fault

import "foundrylab/internal/record"

// Abort breaks the connection off within an answer.
type Abort struct {
	After int `yaml:"after" default:"10" min:"1" max:"65535" doc:"tokens that come before it; a shorter answer is not struck"`
}

var abortKind = Kind{
	Name:    "abort",
	Help:    "Answers of requests that arrive while it lasts break off: the connection closes after some tokens of a stream, and before the body of an answer that is not streamed.",
	Example: "abort: {after: 10}",
	asked:   Config{Abort: &Abort{After: 10}},
	compile: func(c Config, r *Rule) bool {
		if c.Abort == nil {
			return false
		}
		r.Break, r.After, r.OnStreams, r.OnWhole = record.CutFault, uint16(c.Abort.After), true, true
		return true
	},
}
