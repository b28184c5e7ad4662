// Package canary tries new backends out with a part of the requests: which
// requests those are, and when too many attempts fail there beside the others,
// so that it is over. It refuses clocks, and to know which backends they are or
// why an attempt failed.
package canary

import (
	"slices"
	"strings"
	"time"

	"foundrylab/gateway/results"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Config is the `canary` part of a gateway.
type Config struct {
	Backends []string   `yaml:"backends" required:"true" doc:"the backends of route.groups that are tried out"`
	Share    unit.Ratio `yaml:"share" default:"5%" doc:"share of the requests that go there first; 0%: those with the header alone; 100%: all, and the others are there for what fails"`
	By       string     `yaml:"by" default:"request" enum:"request|tenant" doc:"what is drawn: requests, or tenants with all of theirs; who is in at a share is in at each larger one"`
	Header   string     `yaml:"header" doc:"requests that have this header go there whatever is drawn, written as 'x-canary: 1'; in a scenario none has"`
	Rollback Rollback   `yaml:"rollback" doc:"when it is over by itself, so that no request goes there any more"`
}

// Rollback says when a canary has failed.
type Rollback struct {
	Failures unit.Ratio    `yaml:"failures" default:"5%" doc:"that much more of the attempts there must fail, in percentage points, than of those at the others; 0%: it is never over by itself"`
	Over     unit.Duration `yaml:"over" default:"5m" doc:"of the attempts that ended within this long"`
	Min      int64         `yaml:"min" default:"50" min:"1" max:"1000000" doc:"attempts that there must be, so that it is no accident; with fewer at the others, none of those counts as failed"`
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if c.Share > unit.One {
		fail("share", "is more than all: at most 100%%")
	}
	if name, value := c.HeaderField(); c.Header != "" && (value == "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || name == "") {
		fail("header", "write a name and a value, such as 'x-canary: 1'")
	}
}

// Validate implements yamlconf.Validator.
func (r Rollback) Validate(fail func(path, format string, args ...any)) {
	if r.Failures > unit.One {
		fail("failures", "is more than all: at most 100%%")
	}
	if r.Over <= 0 {
		fail("over", "must be longer than zero")
	}
}

// HeaderField returns name and value of the header that chooses the canary.
func (c *Config) HeaderField() (name, value string) {
	name, value, _ = strings.Cut(c.Header, ":")
	return strings.TrimSpace(name), strings.TrimSpace(value)
}

// Same reports whether two configurations say the same.
func (c *Config) Same(other *Config) bool {
	return slices.Equal(c.Backends, other.Backends) && c.Share == other.Share && c.By == other.By && c.Header == other.Header && c.Rollback == other.Rollback
}

// Trial is a canary in use. Not safe for concurrent use.
type Trial struct {
	cfg      *Config
	die      rng.Die
	over     bool
	since    tick.Instant   // it is over
	at, rest results.Window // of attempts at the canary, and at the others
}

// Seen is what ended within Rollback.Over, and how much of it failed.
type Seen struct{ All, Failed int64 }

// View is how a trial stands.
type View struct {
	Over     bool
	Since    tick.Instant // Over
	At, Rest Seen         // as long as it is not over; then as they were when it was
}

// New returns a trial that begins. Whom it draws depends on the names of its
// backends alone, so that who is in stays in over restarts and at every replica.
func New(cfg *Config) *Trial {
	return &Trial{cfg: cfg, die: rng.New(0, rng.CanarySide, rng.Entity(strings.Join(cfg.Backends, ",")))}
}

// Draws reports whether what has that key, a request or a tenant, goes to the canary.
func (t *Trial) Draws(key uint64) bool {
	return rng.Below(t.die.Draw(key, 0), int64(unit.One)) < int64(t.cfg.Share)
}

// Over reports whether the trial has failed.
func (t *Trial) Over() bool { return t.over }

// Note counts how an attempt ended at the canary, or at one of the others, and
// reports whether the trial is over by that.
func (t *Trial) Note(now tick.Instant, canary, failed bool) (over bool) {
	if t.over {
		return false
	}
	span := time.Duration(t.cfg.Rollback.Over)
	if !canary {
		t.rest.Note(now, span, failed)
		return false
	}
	t.at.Note(now, span, failed)
	all, bad := t.at.Count(now, span)
	if t.cfg.Rollback.Failures == 0 || all < t.cfg.Rollback.Min {
		return false
	}
	allRest, badRest := t.rest.Count(now, span)
	if allRest < t.cfg.Rollback.Min {
		badRest = 0
	}
	t.over = share(bad, all)-share(badRest, allRest) >= int64(t.cfg.Rollback.Failures)
	t.since = now
	return t.over
}

// share is a part of all, in parts per million.
func share(part, all int64) int64 { return tick.MulDiv(part, int64(unit.One), max(all, 1)) }

// View returns how the trial stands.
func (t *Trial) View(now tick.Instant) (v View) {
	if t.over {
		v.Over, v.Since, now = true, t.since, t.since
	}
	span := time.Duration(t.cfg.Rollback.Over)
	v.At.All, v.At.Failed = t.at.Count(now, span)
	v.Rest.All, v.Rest.Failed = t.rest.Count(now, span)
	return v
}
