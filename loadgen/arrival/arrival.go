// Package arrival says when clients want something: one file a process, each a
// pure sequence of offsets from the tenant's start. It refuses clocks and
// files: a trace comes in as rows.
package arrival

import (
	"time"

	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
)

// Config is an open-loop arrival process, as a one-key map.
type Config struct {
	Poisson  *Poisson  `yaml:"poisson" doc:"independent arrivals at a rate"`
	Gamma    *Gamma    `yaml:"gamma" doc:"gamma-distributed gaps: burstier than Poisson for cv above 1"`
	Constant *Constant `yaml:"constant" doc:"evenly spaced arrivals"`
	Trace    *Trace    `yaml:"trace" doc:"arrivals and lengths from a file"`
}

// OneOf marks Config as a choice of one key.
func (Config) OneOf() {}

// Arrival is one wish: when, and how long where a trace says so.
type Arrival struct {
	At     time.Duration // from the tenant's start; never falls
	Prompt int32         // tokens; -1: the tenant's own distribution
	Output int32         // tokens; -1: the tenant's own distribution
}

// Process yields arrivals in order. Not safe for concurrent use.
type Process interface {
	// Next returns the next arrival; ok is false when there are no more.
	Next() (a Arrival, ok bool)
}

// Kind is one row of the table of processes.
type Kind struct {
	Name    string
	Help    string
	Example string // YAML under `arrivals`
	start   func(c Config, s rng.Stream, rows []Row) Process
}

// Kinds lists every process; adding one is a file and a line here.
var Kinds = []Kind{poissonKind, gammaKind, constantKind, traceKind}

// Start returns the process of a valid Config. die is the tenant's arrival
// die; rows are those of the trace, if it is one.
func (c Config) Start(die rng.Die, rows []Row) Process {
	for _, k := range Kinds {
		if p := k.start(c, die.Stream(), rows); p != nil {
			return p
		}
	}
	panic("arrival: empty config")
}

// gaps is a process of independent gaps.
type gaps struct {
	at   time.Duration
	draw func() int64 // nanoseconds
}

// latest is beyond every run; a sum of gaps must not wrap around.
const latest = 100 * 365 * 24 * time.Hour

func (g *gaps) Next() (Arrival, bool) {
	gap := g.draw()
	if gap > int64(latest-g.at) {
		return Arrival{}, false
	}
	g.at += time.Duration(gap)
	return Arrival{At: g.at, Prompt: -1, Output: -1}, true
}

func meanGap(r unit.Rate) int64 { return max(r.MeanGap(), 1) }
