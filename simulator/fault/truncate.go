package fault

import "foundrylab/internal/record"

// Truncate ends a stream early, as if it were whole to HTTP.
type Truncate struct {
	After int `yaml:"after" default:"10" min:"1" max:"65535" doc:"tokens that come before it; a shorter answer is not struck"`
}

var truncateKind = Kind{
	Name:    "truncate",
	Help:    "Streams of requests that arrive while it lasts end after some tokens: the response is whole as HTTP, but has no finish event, no usage and no [DONE]. Answers that are not streamed are not struck.",
	Example: "truncate: {after: 10}",
	asked:   Config{Truncate: &Truncate{After: 10}},
	compile: func(c Config, r *Rule) bool {
		if c.Truncate == nil {
			return false
		}
		r.Break, r.After, r.OnStreams = record.TruncateFault, uint16(c.Truncate.After), true
		return true
	},
}
