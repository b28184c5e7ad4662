package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/tenant"
	"foundrylab/scenarios/assert"
)

// check is what only the whole file can tell. It is made even where parts of
// the scenario could not be read, and then says nothing about these parts nor
// about what depends on them.
type check struct {
	*Scenario
	wasRead func(path string) bool
	fail    yamlconf.Fail // drops what it is told of a path that was not read

	backends, tenants, faults named
	struck                    named // faults as they strike each backend
}

// named is the names of a list's items. It is open where not all of them could
// be read, so that a name that is missing from it may be right all the same.
type named struct {
	what  string
	names []string
	open  bool
}

func (c *check) all(read ReadFile) {
	c.backends = c.named("backend", c.backendNames())
	c.tenants = c.named("tenant", c.tenantNames())
	c.faults = c.named("fault", c.faultNames())
	c.times()
	c.sizes()
	c.unique()
	c.quota()
	c.routes()
	c.grants()
	c.resources()
	c.struck = c.strikes()
	c.traces(read)
	c.assertions()
}

// Bounds on a scenario: what a summary keeps grows with them.
const (
	maxTenants  = 200
	maxBackends = 64
	maxFaults   = 200
	maxPools    = 200
)

func (c *check) sizes() {
	for _, l := range []struct {
		list      string
		have, max int
	}{{"tenants", len(c.Tenants), maxTenants}, {"backends", len(c.Backends), maxBackends}, {"faults", len(c.Faults), maxFaults}, {"quota", len(c.Quota), maxPools}} {
		if l.have > l.max {
			c.fail(l.list, "has %d entries, at most %d are allowed", l.have, l.max)
		}
	}
	for i := range c.Tenants {
		if len(c.Tenants[i].Name) > 64 {
			c.fail(fmt.Sprintf("tenants[%d].name", i), "is longer than 64 bytes")
		}
	}
}

func (c *check) named(what string, names []string) named {
	n := named{what: what, names: names, open: !c.wasRead(what + "s")}
	for i := range names {
		if !c.wasRead(fmt.Sprintf("%ss[%d].name", what, i)) {
			n.open = true
		}
	}
	return n
}

// The span of time a run can lie in: well within what nanoseconds since 1970
// can count in 63 bits.
const (
	firstYear, lastYear = 1970, 2199
	longest             = unit.Duration(10 * 365 * 24 * time.Hour)
)

func (c *check) times() {
	start, err := time.Parse(time.RFC3339, c.Start)
	if err != nil {
		c.fail("start", "%q is not like 2026-01-05T09:00:00Z", c.Start)
	} else if y := start.UTC().Year(); y < firstYear || y > lastYear {
		c.fail("start", "must be in the years %d to %d, found %s", firstYear, lastYear, c.Start)
	}
	if c.Duration <= 0 {
		c.fail("duration", "must be longer than zero")
	}
	if c.Duration > longest {
		c.fail("duration", "must be at most %v (10 years)", longest)
	}
	if c.Drain > longest {
		c.fail("drain", "must be at most %v (10 years)", longest)
	}
	if c.Warmup >= c.Duration && c.Duration > 0 {
		c.fail("warmup", "must be shorter than the duration (%v)", c.Duration)
	}
}

func (s *Scenario) backendNames() []string {
	names := make([]string, len(s.Backends))
	for i := range s.Backends {
		names[i] = s.Backends[i].Name
	}
	return names
}

func (s *Scenario) tenantNames() []string {
	names := make([]string, len(s.Tenants))
	for i := range s.Tenants {
		names[i] = s.Tenants[i].Name
	}
	return names
}

func (s *Scenario) faultNames() []string {
	names := make([]string, len(s.Faults))
	for i := range s.Faults {
		names[i] = s.Faults[i].Name
	}
	return names
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

func (c *check) unique() {
	for _, list := range []named{c.backends, c.tenants, c.faults} {
		for i, n := range list.names {
			if indexOf(list.names, n) < i {
				c.fail(fmt.Sprintf("%ss[%d].name", list.what, i), "%q is used twice", n)
			}
		}
	}
	for i, name := range c.tenants.names {
		for _, earlier := range c.tenants.names[:i] {
			if name != earlier && tenant.KeyBase(name) == tenant.KeyBase(earlier) {
				c.fail(fmt.Sprintf("tenants[%d].name", i), "hashes like %q: request keys could not be told apart; rename one", earlier)
			}
		}
	}
}

// routes: every backend named exists, and all serve one model and version,
// since a gateway must never answer with another model than was asked for
// (architecture article, "what not to do").
func (c *check) routes() {
	first := -1
	for g, group := range c.Gateway.Route.Groups {
		for m, name := range group {
			path := fmt.Sprintf("gateway.route.groups[%d][%d]", g, m)
			i := indexOf(c.backends.names, name)
			if i < 0 {
				c.unknown(path, c.backends, name)
				continue
			}
			if !c.wasRead(fmt.Sprintf("backends[%d].model", i)) || !c.wasRead(fmt.Sprintf("backends[%d].version", i)) {
				continue
			}
			if first < 0 {
				first = i
			}
			a, b := &c.Backends[first], &c.Backends[i]
			if a.Model != b.Model || a.Version != b.Version {
				c.fail(path, "%q serves %s %s, but %q serves %s %s: a gateway never fails over to another model or version",
					b.Name, b.Model, b.Version, a.Name, a.Model, a.Version)
			}
		}
	}
}

// grants: who is granted something is a tenant.
func (c *check) grants() {
	for i, t := range c.Gateway.Tenants {
		if indexOf(c.tenants.names, t.Name) < 0 {
			c.unknown(fmt.Sprintf("gateway.tenants[%d].name", i), c.tenants, t.Name)
		}
	}
	if !c.wasRead("gateway.route.zones") {
		return
	}
	for i := range c.Gateway.Route.Zones {
		if !c.wasRead(fmt.Sprintf("gateway.route.zones[%d].zone", i)) {
			return
		}
	}
	c.Gateway.ValidateZones(c.Gateway.Route.Zones, func(path, format string, args ...any) { c.fail("gateway."+path, format, args...) })
}

// unknown reports a name that is not in a list, where that is certain.
func (c *check) unknown(path string, list named, name string) {
	if list.open {
		return
	}
	hint := "; known: " + strings.Join(list.names, ", ")
	if near, ok := yamlconf.Nearest(name, list.names); ok {
		hint = fmt.Sprintf(", did you mean %q?", near)
	}
	c.fail(path, "unknown %s %q%s", list.what, name, hint)
}

// traces reads the files of the tenants that play traces.
func (c *check) traces(read ReadFile) {
	c.rows = make([][]arrival.Row, len(c.Tenants))
	for i := range c.Tenants {
		path := fmt.Sprintf("tenants[%d].arrivals.trace.file", i)
		a := c.Tenants[i].Arrivals
		if a == nil || a.Trace == nil || !c.wasRead(path) {
			continue
		}
		src, err := read(a.Trace.File)
		if err != nil {
			c.fail(path, "cannot read the trace: %v", err)
			continue
		}
		rows, err := arrival.ParseTrace(src)
		if broken := (*arrival.Broken)(nil); errors.As(err, &broken) {
			c.fail(path, "%s:%d: %s", a.Trace.File, broken.Line, broken.Msg)
			continue
		}
		c.rows[i] = rows
	}
}

func (c *check) assertions() {
	c.programs = nil
	c.compile("assert", c.Assert, assert.Error)
	c.compile("warn", c.Warn, assert.Warn)
}

func (c *check) compile(list string, sources []string, severity assert.Severity) {
	for i, src := range sources {
		path := fmt.Sprintf("%s[%d]", list, i)
		if !c.wasRead(path) {
			continue
		}
		p, err := assert.Compile(src, assert.Names{Tenants: c.tenants.allow(src), Backends: c.backends.allow(src), Faults: c.struck.allow(src)})
		if err != nil {
			c.fail(path, "%v", err)
			continue
		}
		p.Severity = severity
		c.programs = append(c.programs, p)
	}
}

// allow returns the names that an assertion may use: those of the list, and
// where it is open any that the assertion has in quotes.
func (n named) allow(assertion string) []string {
	names := slices.Clip(n.names)
	for rest := assertion; n.open; {
		i := strings.IndexAny(rest, `"'`)
		if i < 0 {
			break
		}
		name, after, _ := strings.Cut(rest[i+1:], rest[i:i+1])
		names, rest = append(names, name), after
	}
	return names
}
