package scenarios

import (
	"fmt"
	"strings"
	"time"

	"foundrylab/internal/yamlconf"
	"foundrylab/loadgen/tenant"
	"foundrylab/scenarios/assert"
)

// Validate implements yamlconf.Validator: what only the whole file can tell.
func (s *Scenario) Validate(fail func(path, format string, args ...any)) {
	if _, err := time.Parse(time.RFC3339, s.Start); err != nil {
		fail("start", "%q is not like 2026-01-05T09:00:00Z", s.Start)
	}
	if s.Duration <= 0 {
		fail("duration", "must be longer than zero")
	}
	if s.Warmup >= s.Duration && s.Duration > 0 {
		fail("warmup", "must be shorter than the duration (%v)", s.Duration)
	}
	s.validateNames(fail)
	s.validateRoutes(fail)
	s.validateFaults(fail)
	s.compileAssertions(fail)
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

func (s *Scenario) validateNames(fail func(path, format string, args ...any)) {
	unique := func(list string, names []string) {
		for i, n := range names {
			if indexOf(names, n) < i {
				fail(fmt.Sprintf("%s[%d].name", list, i), "%q is used twice", n)
			}
		}
	}
	unique("backends", s.backendNames())
	unique("tenants", s.tenantNames())
	unique("faults", s.faultNames())
	for i := range s.Tenants {
		for j := range i {
			if s.Tenants[i].Name != s.Tenants[j].Name && tenant.KeyBase(s.Tenants[i].Name) == tenant.KeyBase(s.Tenants[j].Name) {
				fail(fmt.Sprintf("tenants[%d].name", i), "hashes like %q: request keys could not be told apart; rename one", s.Tenants[j].Name)
			}
		}
	}
}

// validateRoutes: every backend named exists, and all serve one model and
// version, since a gateway must never answer with another model than was
// asked for (architecture article, "what not to do").
func (s *Scenario) validateRoutes(fail func(path, format string, args ...any)) {
	known := s.backendNames()
	first := -1
	for g, group := range s.Gateway.Route.Groups {
		for m, name := range group {
			path := fmt.Sprintf("gateway.route.groups[%d][%d]", g, m)
			i := indexOf(known, name)
			if i < 0 {
				fail(path, "%s", unknown("backend", name, known))
				continue
			}
			if first < 0 {
				first = i
			}
			a, b := &s.Backends[first], &s.Backends[i]
			if a.Model != b.Model || a.Version != b.Version {
				fail(path, "%q serves %s %s, but %q serves %s %s: a gateway never fails over to another model or version",
					b.Name, b.Model, b.Version, a.Name, a.Model, a.Version)
			}
		}
	}
}

func (s *Scenario) validateFaults(fail func(path, format string, args ...any)) {
	known := s.backendNames()
	for i, f := range s.Faults {
		if indexOf(known, f.Backend) < 0 {
			fail(fmt.Sprintf("faults[%d].backend", i), "%s", unknown("backend", f.Backend, known))
		}
		if f.At >= s.Duration && s.Duration > 0 {
			fail(fmt.Sprintf("faults[%d].at", i), "begins after the run's end (%v)", s.Duration)
		}
	}
}

func unknown(what, name string, known []string) string {
	msg := fmt.Sprintf("unknown %s %q", what, name)
	if near, ok := yamlconf.Nearest(name, known); ok {
		return msg + fmt.Sprintf(", did you mean %q?", near)
	}
	return msg + "; known: " + strings.Join(known, ", ")
}

func (s *Scenario) compileAssertions(fail func(path, format string, args ...any)) {
	names := assert.Names{Tenants: s.tenantNames(), Backends: s.backendNames(), Faults: s.faultNames()}
	s.programs = nil
	add := func(list string, sources []string, severity assert.Severity) {
		for i, src := range sources {
			p, err := assert.Compile(src, names)
			if err != nil {
				fail(fmt.Sprintf("%s[%d]", list, i), "%v", err)
				continue
			}
			p.Severity = severity
			s.programs = append(s.programs, p)
		}
	}
	add("assert", s.Assert, assert.Error)
	add("warn", s.Warn, assert.Warn)
}
