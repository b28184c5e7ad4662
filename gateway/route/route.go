// Package route chooses a backend: priority groups in order, and within a
// group one of the policies of this package, a file each. It refuses to know
// health; the caller says who is available.
package route

import (
	"fmt"
	"strings"

	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
)

// Config is the `route` part of a gateway.
type Config struct {
	Policy  string     `yaml:"policy" default:"weighted" enum:"weighted|round-robin|least-busy|lowest-ttft|power-of-two|utilization-aware" doc:"how a backend of a group is chosen"`
	Groups  [][]string `yaml:"groups" required:"true" doc:"priority groups of backend names; a group is used when none of an earlier one is available"`
	Weights []Weight   `yaml:"weights" doc:"shares within a group; default 1 each"`
	Zones   []Zone     `yaml:"zones" doc:"where backends process what they are sent, for tenants that bind their requests to zones"`
}

// Weight gives a backend a share of its group.
type Weight struct {
	Backend string `yaml:"backend" required:"true" doc:"backend name"`
	Weight  int64  `yaml:"weight" required:"true" min:"1" max:"1000" doc:"share within its group"`
}

// Zone says where a backend processes what it is sent.
type Zone struct {
	Backend string `yaml:"backend" required:"true" doc:"backend name"`
	Zone    string `yaml:"zone" required:"true" doc:"any name: of a region, a data zone, a geography; a deployment of a global type processes anywhere, and is in none"`
}

// Member is a backend within a group.
type Member struct {
	Backend int // dense id
	Weight  int64
}

// Pick is a choice to make: for which request and attempt, when, and what was
// seen of the backends.
type Pick struct {
	Key     uint64
	Attempt uint32
	Stream  bool
	Now     tick.Instant
	Seen    []Seen // by dense id of the backend
}

func (p *Pick) begins(m Member) int64 { return p.Seen[m.Backend].Begins(p.Now, p.Stream) }

// Policy chooses one of the members, of whom there is at least one; next is
// the policy's memory for the group. It returns a place in members.
type Policy func(members []Member, p Pick, die rng.Die, next *uint64) int

// Named is one row of the policy table.
type Named struct {
	Name   string
	Help   string
	Choose Policy
}

// Policies lists every policy; adding one is a file, a line here and its name
// in Config's enum.
var Policies = []Named{
	{"weighted", "A draw of the request's own dice, in proportion to weight: stateless, the same in any order of arrival.", weighted},
	{"round-robin", "Each in turn; weights repeat a backend within the turn.", roundRobin},
	{"least-busy", "The one with the fewest attempts under way for its weight.", leastBusy},
	{"lowest-ttft", "The one whose answers begin soonest, as a moving average has it; those within an eighth of it share by weight. One that was not heard of for 10 s is asked again, by a single request.", lowestTTFT},
	{"power-of-two", "Of two that are drawn by weight, the one where what is under way, times how long answers take to begin, is less.", powerOfTwo},
	{"utilization-aware", "A draw in proportion to weight, times what the last answer said is free of the limit; where none said so for 10 s, all is.", utilizationAware},
}

// Lookup returns the policy of a name.
func Lookup(name string) Policy {
	for _, p := range Policies {
		if p.Name == name {
			return p.Choose
		}
	}
	panic(fmt.Sprintf("route: unknown policy %q", name))
}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if len(c.Groups) == 0 {
		fail("groups", "give at least one group of backends")
	}
	var seen []string
	for i, g := range c.Groups {
		if len(g) == 0 {
			fail(fmt.Sprintf("groups[%d]", i), "is empty")
		}
		for j, name := range g {
			if contains(seen, name) {
				fail(fmt.Sprintf("groups[%d][%d]", i, j), "%q is in the groups twice", name)
			}
			seen = append(seen, name)
		}
	}
	for i, w := range c.Weights {
		if !contains(seen, w.Backend) {
			fail(fmt.Sprintf("weights[%d].backend", i), "%q is in no group; the groups have %s", w.Backend, strings.Join(seen, ", "))
		}
	}
	c.validateZones(seen, fail)
}

func (c Config) validateZones(groups []string, fail func(path, format string, args ...any)) {
	var zoned []string
	for i, z := range c.Zones {
		path := fmt.Sprintf("zones[%d].backend", i)
		if !contains(groups, z.Backend) {
			fail(path, "%q is in no group; the groups have %s", z.Backend, strings.Join(groups, ", "))
		}
		if contains(zoned, z.Backend) {
			fail(path, "%q is listed twice", z.Backend)
		}
		zoned = append(zoned, z.Backend)
	}
}

// ZoneOf returns the zone of a backend; "": it is in none.
func (c *Config) ZoneOf(backend string) string {
	for _, z := range c.Zones {
		if z.Backend == backend {
			return z.Zone
		}
	}
	return ""
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// WeightOf returns the configured weight of a backend.
func (c *Config) WeightOf(backend string) int64 {
	for _, w := range c.Weights {
		if w.Backend == backend {
			return w.Weight
		}
	}
	return 1
}

func total(members []Member) int64 {
	sum := int64(0)
	for _, m := range members {
		sum += m.Weight
	}
	return sum
}

// at returns the member whose share of the summed weights holds position n.
func at(members []Member, n int64) int {
	for i, m := range members {
		if n -= m.Weight; n < 0 {
			return i
		}
	}
	return len(members) - 1
}
