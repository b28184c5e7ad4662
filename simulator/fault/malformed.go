package fault

import "foundrylab/internal/record"

// Malformed ends a stream with an event that cannot be read.
type Malformed struct {
	After int `yaml:"after" default:"10" min:"1" max:"65535" doc:"tokens that come before it; a shorter answer is not struck"`
}

var malformedKind = Kind{
	Name:    "malformed",
	Help:    "Streams of requests that arrive while it lasts end after some tokens with an event that is half a JSON object. Answers that are not streamed are not struck.",
	Example: "malformed: {after: 10}",
	asked:   Config{Malformed: &Malformed{After: 10}},
	compile: func(c Config, r *Rule) bool {
		if c.Malformed == nil {
			return false
		}
		r.Break, r.After, r.OnStreams = record.MalformedFault, uint16(c.Malformed.After), true
		return true
	},
}
