// Package retry decides whether an attempt that failed is sent again, and
// where it may go: at once, to a backend this request has not tried. It
// refuses to sleep and to retry what has begun to reach the client.
package retry

import (
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

// Config is the `retry` part of a gateway.
type Config struct {
	Attempts int    `yaml:"attempts" default:"3" min:"1" max:"16" doc:"attempts per request in all, the first included"`
	On       []int  `yaml:"on" doc:"statuses that are tried on another backend; default 401, 403, 408, 429, 500, 502, 503, 504 (the credentials that a backend sees are the gateway's); and 404 where the deployment is not there"`
	Connect  *bool  `yaml:"connect" doc:"whether a connection that failed without an answer, or before its answer began, or an answer that did not begin in time, is tried on another backend; default true"`
	Begins   string `yaml:"begins" default:"content" enum:"content|headers" doc:"when an answer begins for its client, and is not sent again. content: with the first token of a stream, or at its end; an answer that is not streamed when all of it has come, or 1 MiB. headers: with the headers"`
	Budget   Extra  `yaml:"budget" doc:"how many attempts there may be beyond the first of each request, over all of them"`

	Jitter unit.Ratio `yaml:"jitter" default:"20%" doc:"the wait that clients are told when no backend is left is longer than the shortest that one asked for, by up to this share of it, so that they do not come back at once"`
}

// Policy is a compiled Config; immutable.
type Policy struct {
	attempts uint16
	connect  bool
	on       [600]bool
}

// Compile returns the policy of a valid Config.
func Compile(c Config) *Policy {
	p := &Policy{attempts: uint16(c.Attempts), connect: c.Connect == nil || *c.Connect}
	statuses := c.On
	if len(statuses) == 0 {
		statuses = []int{401, 403, 408, 429, 500, 502, 503, 504}
	}
	for _, s := range statuses {
		if s > 0 && s < len(p.on) {
			p.on[s] = true
		}
	}
	return p
}

// HoldsBack reports whether what comes before an answer begins is held back.
func (c *Config) HoldsBack() bool { return c.Begins == "content" }

// More reports whether a request that had so many attempts may have another.
func (p *Policy) More(attempts uint16) bool { return attempts < p.attempts }

// Again reports whether a request may be attempted once more after an attempt
// that ended without reaching the client. status 0 is a failed connection, and a
// good one an answer that failed before it began.
func (p *Policy) Again(attempts, status uint16, outcome record.Outcome) bool {
	if outcome == record.Succeeded || !p.More(attempts) {
		return false
	}
	if status < 300 {
		return p.connect
	}
	return int(status) < len(p.on) && p.on[status]
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	for _, s := range c.On {
		if s < 400 || s > 599 {
			fail("on", "%d is no error status (400 to 599)", s)
		}
	}
	if c.Jitter > unit.One {
		fail("jitter", "is more than the wait itself: at most 100%%")
	}
}
