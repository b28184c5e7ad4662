package scenarios

import (
	"fmt"

	"foundrylab/simulator/fault"
)

// Strikes returns every fault as it strikes each backend, in the order of the
// file: one of a resource or a region is one of each backend there.
func (s *Scenario) Strikes() (all []fault.Config) {
	places := s.places()
	for _, f := range s.Faults {
		all = append(all, f.On(places)...)
	}
	return all
}

func (s *Scenario) places() []fault.Place {
	places := make([]fault.Place, len(s.Backends))
	for i := range s.Backends {
		places[i] = fault.Place{Backend: s.Backends[i].Name, Resource: s.resourceOf(i), Region: s.Backends[i].Region}
	}
	return places
}

// strikes checks what faults name, and returns the names of what they are to
// each backend, for assertions to use.
func (c *check) strikes() named {
	names := named{what: "fault", open: c.faults.open}
	places := c.places()
	for i, f := range c.Faults {
		path := fmt.Sprintf("faults[%d]", i)
		if f.At >= c.Duration && c.Duration > 0 {
			c.fail(path+".at", "begins after the run's end (%v)", c.Duration)
		}
		if !c.wereRead(path+".", "backend", "resource", "region") {
			names.open = true
			continue
		}
		each := f.On(places)
		if len(each) == 0 {
			c.strikesNothing(path, &f)
			if f.Backend == "" {
				names.open = true
			}
			each = append(each, f) // its name, at least, is known
		}
		c.strikesAddresses(path, &f, each)
		for _, one := range each {
			if indexOf(names.names, one.Name) >= 0 && indexOf(c.faults.names, f.Name) == i {
				c.fail(path+".name", "%q would be the name of two faults", one.Name)
			}
			names.names = append(names.names, one.Name)
		}
	}
	if len(names.names) > maxFaults {
		c.fail("faults", "strike %d times, each backend of a resource or a region counted; at most %d are allowed", len(names.names), maxFaults)
	}
	return names
}

// strikesAddresses: an outage that keeps connections from coming about takes all that is reached at an address.
func (c *check) strikesAddresses(path string, f *fault.Config, each []fault.Config) {
	if !f.OfAddress() {
		return
	}
	struck := make([]string, len(each))
	for i := range each {
		struck[i] = each[i].Backend
	}
	for _, members := range c.Resources() {
		spared, hit := "", ""
		for _, i := range members {
			if name := c.Backends[i].Name; indexOf(struck, name) < 0 {
				spared = name
			} else {
				hit = name
			}
		}
		if hit == "" {
			continue
		}
		if spared != "" && c.wereRead(fmt.Sprintf("backends[%d].", members[0]), "resource") {
			c.fail(path+".outage.mode", "%s takes an address, and %q shares its address with %q, which is spared: give the fault resource %q",
				f.Outage.Mode, hit, spared, c.resourceOf(members[0]))
		}
		if f.Outage.Mode == "tls" && !c.Backends[members[0]].TLS && c.wasRead(fmt.Sprintf("backends[%d].tls", members[0])) {
			c.fail(path+".outage.mode", "tls is a handshake that fails, but %q is not served over TLS: give it tls: true", hit)
		}
	}
}

func (c *check) strikesNothing(path string, f *fault.Config) {
	if f.Backend != "" {
		c.unknown(path+".backend", c.backends, f.Backend)
		return
	}
	resources, regions := named{what: "resource", open: c.backends.open}, named{what: "region", open: c.backends.open}
	for i, p := range c.places() {
		if c.wereRead(fmt.Sprintf("backends[%d].", i), "resource", "region") {
			resources.add(p.Resource)
			regions.add(p.Region)
		} else {
			resources.open, regions.open = true, true
		}
	}
	if f.Resource != "" {
		c.unknown(path+".resource", resources, f.Resource)
	} else if f.Region != "" {
		c.unknown(path+".region", regions, f.Region)
	}
}

func (n *named) add(name string) {
	if indexOf(n.names, name) < 0 {
		n.names = append(n.names, name)
	}
}
