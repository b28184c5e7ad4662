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
	Backend     string        `yaml:"backend" doc:"the backend it strikes; or give resource or region"`
	Resource    string        `yaml:"resource" doc:"the resource it strikes: each of its backends, as a fault of its own with the name NAME/BACKEND"`
	Region      string        `yaml:"region" doc:"the region it strikes: each backend there, as a fault of its own with the name NAME/BACKEND"`
	At          unit.Duration `yaml:"at" required:"true" doc:"when it begins, from the start of the run"`
	For         unit.Duration `yaml:"for" required:"true" doc:"how long it lasts"`
	Probability *unit.Ratio   `yaml:"probability" doc:"share of requests it strikes; default all"`
	Ramp        unit.Duration `yaml:"ramp" doc:"the share climbs evenly from nothing over this long; requests that run when it begins are spared"`
	Wave        *Wave         `yaml:"wave" doc:"strike again and again while it lasts, with pauses"`

	Status  *Status  `yaml:"status" doc:"answer with an error status"`
	Outage  *Outage  `yaml:"outage" doc:"let nobody answer"`
	Latency *Latency `yaml:"latency" doc:"add time before the first token"`

	SlowHeaders *SlowHeaders `yaml:"slow_headers" doc:"add time before the response headers"`
	Throttle    *Throttle    `yaml:"throttle" doc:"answer 429 whatever the limits say"`
	Capacity    *Capacity    `yaml:"capacity" doc:"lower the limits"`
	TokenExpiry *TokenExpiry `yaml:"token_expiry" doc:"answer as to an expired token"`
	Deleted     *Deleted     `yaml:"deleted" doc:"delete the deployment, and create it anew at the end"`

	Abort         *Abort         `yaml:"abort" doc:"break the connection off within an answer"`
	Truncate      *Truncate      `yaml:"truncate" doc:"end a stream without its last events"`
	ErrorInStream *ErrorInStream `yaml:"error_in_stream" doc:"end a stream with an error event"`
	Malformed     *Malformed     `yaml:"malformed" doc:"end a stream with an event that is no JSON"`
	Stall         *Stall         `yaml:"stall" doc:"pause an answer"`
	WrongLength   *WrongLength   `yaml:"wrong_length" doc:"announce another length than the body has"`
	Peak          *Peak          `yaml:"peak" doc:"leave nothing to spare for the service tiers"`
	Stale         *Stale         `yaml:"stale" doc:"do not find stored responses"`
}

// Kind is one row of the table of fault kinds.
type Kind struct {
	Name    string
	Help    string
	Example string // YAML of the kind's own key
	asked   Config // what a single request asks for that names the kind
	compile func(Config, *Rule) bool

	// value reads what a request gives behind the kind's name, or none where given is false; apply puts it into the rule.
	// nil: the kind takes no value.
	value func(text string, given bool) (int32, error)
	apply func(*Rule, int32)
}

// Kinds lists every kind; adding one is a file and a line here.
var Kinds = []Kind{statusKind, outageKind, latencyKind, slowHeadersKind, throttleKind, capacityKind, tokenExpiryKind, deletedKind,
	abortKind, truncateKind, errorInStreamKind, malformedKind, stallKind, wrongLengthKind, peakKind, staleKind}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if n := c.kinds(); n != 1 {
		fail("", "give exactly one kind of fault (%s), found %d", kindNames(), n)
	}
	if c.For <= 0 || time.Duration(c.For) > maxFor {
		fail("for", "must be longer than zero and at most 10 years")
	}
	c.validateTarget(fail)
	c.validateShape(fail)
	if c.indivisible() && (c.Probability != nil || c.Ramp > 0) {
		fail("probability", "neither probability nor ramp goes with %s: it strikes no requests one by one", c.what())
	}
	if c.Probability != nil && (*c.Probability > 1_000_000 || *c.Probability == 0) {
		fail("probability", "must be above 0 and at most 100%%")
	}
}

// indivisible reports whether the fault has an effect on a deployment that no
// request can be spared.
func (c Config) indivisible() bool { return c.Capacity != nil || c.OfAddress() }

// what names the fault's kind, and the mode of an outage.
func (c Config) what() string {
	if c.Outage != nil {
		return "outage " + c.Outage.Mode
	}
	return c.KindName()
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

	Refuse     record.Reason // do not admit the request, for this reason; NoReason: it may be admitted
	Status     uint16        // and answer with this; 0: close the connection without an answer
	Chained    bool          // Refuse: only requests that build upon a stored response
	RetryMs    uint32        // and name this wait, in whole seconds; 0: none
	CutStreams bool          // cut the streams that run when it begins
	Renews     bool          // what is there when it is over is a new deployment, whose limits were never used

	Peak      bool          // have no capacity to spare for the service tiers
	Add       time.Duration // let the first token come later
	Jitter    time.Duration // by up to this much more
	Headers   bool          // and what is before it by as much: the headers
	Share     int32         // limits are this share of what they are, ppm; 0: they are whole
	Break     record.Reason // end the answer, in the way of this reason; NoReason: it goes on
	Pause     time.Duration // or let nothing come for so long
	After     uint16        // so many tokens come before the break or the pause, at least 1; 0: it comes at the end of the answer
	Off       int32         // the length that is announced is wrong by so many bytes
	OnStreams bool          // Break, Pause: those of streamed answers
	OnWhole   bool          // and those of others

	share     int64         // ppm of requests struck
	ramp      time.Duration // share climbs over it
	hit, size rng.Die
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
