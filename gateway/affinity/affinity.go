// Package affinity keeps what has state at one backend there. It owns the tags
// that a gateway puts on the ids of the Responses API and takes off again, and
// how long a response may be unknown where it was made. It refuses to choose a
// backend, and to know which there are.
//
// A tag is a function of a backend's name alone, so it outlives a restart and
// means the same to every replica; nothing is remembered.
package affinity

import (
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Config is the `affinity` part of a gateway.
type Config struct {
	Off bool          `yaml:"off" doc:"whether ids of the Responses API pass as they are: then a response is found only where the request happens to go"`
	Lag unit.Duration `yaml:"lag" default:"40s" max:"10m" doc:"how long a previous response may be unknown at its own backend before its client is told so; 0s: not at all. The service has taken up to 33 s to find a response that was streamed"`
}

// The waits are a 128th of the lag, doubled up to an eighth: eleven of them take
// all of it but a 128th.
const (
	firstShift, lastShift = 7, 3
	waits                 = 11
)

// Wait returns how long to wait before a response is asked for again that was
// not found, after so many waits; more is false when there were enough.
func (c *Config) Wait(waited uint16) (wait time.Duration, more bool) {
	if waited >= waits || c.Lag == 0 {
		return 0, false
	}
	return (time.Duration(c.Lag) >> max(firstShift-int(waited), lastShift)).Truncate(tick.Grid), true
}
