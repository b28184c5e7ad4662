package fault

import "foundrylab/internal/record"

// ErrorInStream ends a stream with an error of the service.
type ErrorInStream struct {
	After int `yaml:"after" default:"10" min:"1" max:"65535" doc:"tokens that come before it; a shorter answer is not struck"`
}

var errorInStreamKind = Kind{
	Name:    "error_in_stream",
	Help:    "Streams of requests that arrive while it lasts end after some tokens with an event that holds the service's error for an overloaded model. Answers that are not streamed are not struck.",
	Example: "error_in_stream: {after: 10}",
	asked:   Config{ErrorInStream: &ErrorInStream{After: 10}},
	compile: func(c Config, r *Rule) bool {
		if c.ErrorInStream == nil {
			return false
		}
		r.Break, r.After, r.OnStreams = record.StreamErrorFault, uint16(c.ErrorInStream.After), true
		return true
	},
}
