// Package fault holds what can be made to go wrong with a deployment: one file
// a kind, compiled to a flat rule that the deployment core applies. It refuses
// probability in disguise: a 429 comes from limiter state or from a fault that
// says so.
package fault

import (
	"strings"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Config is one scheduled fault. Exactly one kind is given.
type Config struct {
	Name        string        `yaml:"name" required:"true" doc:"how assertions and reports call it"`
	Backend     string        `yaml:"backend" required:"true" doc:"the backend it strikes"`
	At          unit.Duration `yaml:"at" required:"true" doc:"when it begins, from the start of the run"`
	For         unit.Duration `yaml:"for" required:"true" doc:"how long it lasts"`
	Probability *unit.Ratio   `yaml:"probability" doc:"share of requests it strikes; default all"`
	Ramp        unit.Duration `yaml:"ramp" doc:"the share climbs evenly from nothing over this long; requests that run when it begins are spared"`
	Wave        *Wave         `yaml:"wave" doc:"strike again and again while it lasts, with pauses"`

	Status  *Status  `yaml:"status" doc:"answer with an error status"`
	Outage  *Outage  `yaml:"outage" doc:"reset connections, running streams included"`
	Latency *Latency `yaml:"latency" doc:"add time before the first token"`

	Abort         *Abort         `yaml:"abort" doc:"break the connection off within an answer"`
	Truncate      *Truncate      `yaml:"truncate" doc:"end a stream without its last events"`
	ErrorInStream *ErrorInStream `yaml:"error_in_stream" doc:"end a stream with an error event"`
	Malformed     *Malformed     `yaml:"malformed" doc:"end a stream with an event that is no JSON"`
	Stall         *Stall         `yaml:"stall" doc:"pause an answer"`
}

// Kind is one row of the table of fault kinds.
type Kind struct {
	Name    string
	Help    string
	Example string // YAML of the kind's own key
	asked   Config // what a single request asks for that names the kind
	compile func(Config, *Rule) bool
}

// Kinds lists every kind; adding one is a file and a line here.
var Kinds = []Kind{statusKind, outageKind, latencyKind, abortKind, truncateKind, errorInStreamKind, malformedKind, stallKind}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if n := c.kinds(); n != 1 {
		fail("", "give exactly one kind of fault (%s), found %d", kindNames(), n)
	}
	if c.For <= 0 || time.Duration(c.For) > maxFor {
		fail("for", "must be longer than zero and at most 10 years")
	}
	c.validateShape(fail)
	if c.Probability != nil && (*c.Probability > 1_000_000 || *c.Probability == 0) {
		fail("probability", "must be above 0 and at most 100%%")
	}
}

func kindNames() string {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = k.Name
	}
	return strings.Join(names, ", ")
}

// maxFor is as long as a run may be.
const maxFor = 10 * 365 * 24 * time.Hour

func (c Config) kinds() int {
	n := 0
	for _, k := range Kinds {
		if k.compile(c, &Rule{}) {
			n++
		}
	}
	return n
}

// KindName returns the name of the kind that c holds.
func (c Config) KindName() string {
	for _, k := range Kinds {
		if k.compile(c, &Rule{}) {
			return k.Name
		}
	}
	return ""
}

// Rule is a compiled fault: what it does to a request that arrives while it
// lasts, and whether its beginning cuts what is running.
type Rule struct {
	Begin, End tick.Instant
	Status     uint16 // answer with this
	Reset      bool   // close the connection without an answer
	CutStreams bool   // and cut the streams that run when it begins
	Add        time.Duration
	Jitter     time.Duration
	Break      record.Reason // end the answer in mid-stream, in the way of this reason; NoReason: it goes on
	Pause      time.Duration // or let nothing come for so long
	After      uint16        // so many tokens come before the break or the pause, at least 1
	BreakWhole bool          // and answers that are not streamed, before their body
	share      int64         // ppm of requests struck
	ramp       time.Duration // share climbs over it
	hit, size  rng.Die
}

// Compile places a valid fault on the time axis of a run.
func Compile(c Config, start tick.Instant, seed uint64) Rule {
	r := Rule{Begin: start.Add(time.Duration(c.At)), share: 1_000_000, ramp: time.Duration(c.Ramp),
		hit: rng.New(seed, rng.FaultHit, rng.Entity(c.Name)), size: rng.New(seed, rng.FaultSize, rng.Entity(c.Name))}
	r.End = r.Begin.Add(time.Duration(c.For))
	if c.Probability != nil {
		r.share = int64(*c.Probability)
	}
	for _, k := range Kinds {
		k.compile(c, &r)
	}
	return r
}

// Strikes reports whether the rule applies to an attempt of a request at now.
func (r *Rule) Strikes(now tick.Instant, key uint64, attempt uint32) bool {
	if now < r.Begin || now >= r.End {
		return false
	}
	share := r.shareAt(now)
	return share >= 1_000_000 || rng.Below(r.hit.Draw(key, attempt), 1_000_000) < share
}

// Delay returns what the rule adds before the first token of an attempt.
func (r *Rule) Delay(key uint64, attempt uint32) time.Duration {
	d := r.Add
	if r.Jitter > 0 {
		d += time.Duration(rng.Below(r.size.Draw(key, attempt), int64(r.Jitter)+1))
	}
	return d
}
