// Package breaker keeps a gateway's view of one backend: closed, open or
// half-open. A Retry-After is authoritative: the backend stays out exactly
// that long. Other failures open it by count, or by their share. It refuses
// clocks, and results of an earlier generation.
package breaker

import (
	"time"

	"foundrylab/gateway/results"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Config is the `breaker` part of a gateway.
type Config struct {
	Failures      int           `yaml:"failures" default:"3" min:"0" max:"1000" doc:"failures in a row within window that open it: no attempt that was sent after the first of them ended well; 0: any number; a 429 with Retry-After opens it at once"`
	Share         unit.Ratio    `yaml:"share" doc:"share of the results within window that open it, where so many are failures, such as 50%; default: none does"`
	ShareMin      int64         `yaml:"share_min" default:"20" min:"1" max:"1000000" doc:"results that there must be within window before share counts"`
	Window        unit.Duration `yaml:"window" default:"10s" doc:"failures are counted over this long, from the first of them; their share over the last of it"`
	Open          unit.Duration `yaml:"open" default:"10s" doc:"how long it stays open after failures, before one request probes"`
	ProbeEvery    unit.Duration `yaml:"probe_every" default:"1s" doc:"half-open: how long a probe may go unanswered before another request probes too"`
	MaxRetryAfter unit.Duration `yaml:"max_retry_after" default:"5m" doc:"a longer Retry-After is about the one request (larger than the whole quota), not about the backend, and is not honoured here"`
	Ramp          unit.Duration `yaml:"ramp" default:"50ms" doc:"back after it was open, it gets what waits in the queue one by one at first, and after failures also what can go to another backend, so that a herd meets neither a limit nor a weak server: the n-th follows the one before it after this long divided by n; 0s: all at once"`
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if c.Failures == 0 && c.Share == 0 {
		fail("failures", "is 0: then share must say what opens it")
	}
	if c.Share > unit.One {
		fail("share", "is more than all: at most 100%%")
	}
}

// Change is what a report to the breaker did to its state.
type Change struct {
	Changed bool
	State   record.BackendState
	Until   tick.Instant // Open: when Due must be called
	Reason  record.Reason
}

// Breaker is one backend's state. Not safe for concurrent use.
type Breaker struct {
	cfg       *Config
	state     record.BackendState
	gen       uint32
	failures  int
	first     tick.Instant // of the failures being counted
	until     tick.Instant
	throttled bool            // open because the backend said when to come back
	probed    tick.Instant    // half-open: when the last probe was sent; 0: none is out
	ramped    uint32          // closed again: how many were sent since, and 1; 0: no longer ramping
	next      tick.Instant    // ramping: when another may be sent
	eased     tick.Instant    // ramping: when that is over, however few were sent
	weak      bool            // ramping after failures, not after a wait that it named
	results   *results.Window // nil: their share does not count, or there is none yet
}

// New returns a closed breaker.
func New(cfg *Config) Breaker { return Breaker{cfg: cfg} }

// Reconfigure applies another configuration to what comes next.
func (b *Breaker) Reconfigure(cfg *Config) { b.cfg = cfg }

// Available reports whether an attempt may be sent now. Half-open, one probe is
// out at a time, but a slow one does not keep the backend away: after
// ProbeEvery without an answer the next request probes too.
func (b *Breaker) Available(now tick.Instant) bool {
	return b.state == record.Closed ||
		b.state == record.HalfOpen && (b.probed == 0 || now.Sub(b.probed) >= time.Duration(b.cfg.ProbeEvery))
}

// Ready reports whether what waits may be sent now: the backend is available,
// and its ramp has come so far.
func (b *Breaker) Ready(now tick.Instant) bool {
	return b.Available(now) && !b.holds(now)
}

// holds reports whether the ramp keeps another request back.
func (b *Breaker) holds(now tick.Instant) bool {
	return b.ramped > 0 && now < b.next && now < b.eased
}

// Rested reports whether what can go elsewhere may be sent now: the backend is
// available, and not just back from failures, or its ramp has come so far. Who
// only said when to come back is spared nothing.
func (b *Breaker) Rested(now tick.Instant) bool {
	return b.Available(now) && !(b.weak && b.holds(now))
}

// ReadyAt returns when Ready will say yes, when nothing else happens; Never
// where an event or Due has to come first.
func (b *Breaker) ReadyAt(now tick.Instant) tick.Instant {
	switch {
	case b.Ready(now):
		return now
	case b.state == record.Open:
		return tick.Never
	case b.state == record.HalfOpen:
		return b.probed.Add(time.Duration(b.cfg.ProbeEvery))
	}
	return min(b.next, b.eased)
}

// State returns the state, until when it is open, and whether a Retry-After
// opened it.
func (b *Breaker) State() (s record.BackendState, until tick.Instant, throttled bool) {
	return b.state, b.until, b.throttled
}

// Sent notes an attempt and returns the generation its result must carry.
func (b *Breaker) Sent(now tick.Instant) uint32 {
	if b.state == record.HalfOpen {
		b.probed = now
	}
	if b.ramped > 0 {
		b.ramp(now)
	}
	return b.gen
}

// The ramp is over when requests may follow this close together; or after this
// many times Ramp, which is how long that takes where there are enough of them.
const (
	rampEnds  = 20 * time.Microsecond
	rampTimes = 8
)

func (b *Breaker) ramp(now tick.Instant) {
	gap := time.Duration(b.cfg.Ramp) / time.Duration(b.ramped)
	if gap < rampEnds || now >= b.eased {
		b.ramped = 0
		return
	}
	b.ramped++
	if b.next < now.Add(-gap) {
		b.next = now // else a timer that was a little late does not make it slower
	}
	b.next = b.next.Add(gap)
}

// Began notes good headers: enough to close a half-open breaker, not enough to
// forget failures, since the answer may still break off.
func (b *Breaker) Began(now tick.Instant, gen uint32) Change {
	if gen != b.gen || b.state != record.HalfOpen {
		return Change{}
	}
	return b.to(now, record.Closed, 0, record.NoReason)
}

// Success notes a whole answer, or one that is the client's fault, to an attempt
// that was sent then. It forgets failures, and closes a half-open breaker. What
// was sent before the first failure says nothing of how the backend is since.
func (b *Breaker) Success(now tick.Instant, gen uint32, sent tick.Instant) Change {
	if gen != b.gen {
		return Change{}
	}
	if sent >= b.first {
		b.failures = 0
	}
	if b.state == record.Closed {
		b.tooMany(now, false)
	}
	return b.Began(now, gen)
}

// tooMany notes a result, and reports whether too many are failures.
func (b *Breaker) tooMany(now tick.Instant, failed bool) bool {
	if b.cfg.Share == 0 {
		return false
	}
	if b.results == nil {
		b.results = new(results.Window)
	}
	b.results.Note(now, time.Duration(b.cfg.Window), failed)
	all, bad := b.results.Count(now, time.Duration(b.cfg.Window))
	return all >= b.cfg.ShareMin && bad*int64(unit.One) >= all*int64(b.cfg.Share)
}

// Abandoned notes an attempt that ended without saying anything about the
// backend, such as a client that left: a probe slot is free again.
func (b *Breaker) Abandoned(gen uint32) {
	if gen == b.gen && b.state == record.HalfOpen {
		b.probed = 0
	}
}

// Throttled notes a 429 that names a wait. It opens the breaker for exactly
// that long, and prolongs it where it already is open for throttling.
func (b *Breaker) Throttled(now tick.Instant, gen uint32, wait time.Duration) Change {
	if wait > time.Duration(b.cfg.MaxRetryAfter) {
		b.Abandoned(gen)
		return Change{}
	}
	until := now.Add(wait)
	if b.state == record.Open {
		if !b.throttled || until <= b.until {
			return Change{}
		}
	} else if gen != b.gen {
		return Change{}
	}
	c := b.to(now, record.Open, until, record.RateLimited)
	b.throttled = true
	return c
}

// Failure notes an error status, a failed connection or a cut stream.
func (b *Breaker) Failure(now tick.Instant, gen uint32, why record.Reason) Change {
	if gen != b.gen || b.state == record.Open {
		return Change{}
	}
	if b.state == record.Closed {
		if b.failures == 0 || now.Sub(b.first) > time.Duration(b.cfg.Window) {
			b.failures, b.first = 0, now
		}
		b.failures++
		if many := b.tooMany(now, true); !many && (b.cfg.Failures == 0 || b.failures < b.cfg.Failures) {
			return Change{}
		}
	}
	return b.to(now, record.Open, now.Add(time.Duration(b.cfg.Open)), why)
}

// Due moves an open breaker on when its time has come: after a Retry-After it
// closes, since the backend itself said it may be used; after failures one
// request probes.
func (b *Breaker) Due(now tick.Instant) Change {
	if b.state != record.Open || now < b.until {
		return Change{}
	}
	if b.throttled {
		return b.to(now, record.Closed, 0, record.NoReason)
	}
	return b.to(now, record.HalfOpen, 0, record.NoReason)
}

func (b *Breaker) to(now tick.Instant, s record.BackendState, until tick.Instant, why record.Reason) Change {
	b.weak = b.state == record.HalfOpen
	b.state, b.until = s, until
	b.gen++
	b.failures, b.probed, b.throttled = 0, 0, false
	b.ramped, b.next = 0, 0
	b.results = nil
	if s == record.Closed && b.cfg.Ramp > 0 {
		b.ramped, b.eased = 1, now.Add(rampTimes*time.Duration(b.cfg.Ramp))
	}
	return Change{true, s, until, why}
}
