package scenarios

import (
	"cmp"
	"fmt"
)

// Resources returns the backends by the resource that they are deployed in, each as places in Backends, in the order of
// the file.
func (s *Scenario) Resources() (all [][]int) {
	place := map[string]int{}
	for i := range s.Backends {
		name := s.resourceOf(i)
		at, ok := place[name]
		if !ok {
			at = len(all)
			place[name] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], i)
	}
	return all
}

func (s *Scenario) resourceOf(i int) string {
	return cmp.Or(s.Backends[i].Resource, s.Backends[i].Name)
}

// SpilloverOf returns the backend that takes what this one refuses, or -1.
func (s *Scenario) SpilloverOf(backend int) int {
	if name := s.Backends[backend].Spillover; name != "" {
		return indexOf(s.backendNames(), name)
	}
	return -1
}

// resources: a resource has one address, and spillover stays within it.
func (c *check) resources() {
	for _, members := range c.Resources() {
		first := members[0]
		for _, i := range members[1:] {
			if a, b := c.Backends[first].TLS, c.Backends[i].TLS; a != b {
				c.fail(fmt.Sprintf("backends[%d].tls", i), "a resource has one address: %q and %q are both served over TLS, or neither", c.Backends[first].Name, c.Backends[i].Name)
			}
			if a, b := c.Backends[first].Listen, c.Backends[i].Listen; a != b {
				c.fail(fmt.Sprintf("backends[%d].listen", i), "a resource has one address: %q listens on %q, %q on %q", c.Backends[first].Name, a, c.Backends[i].Name, b)
			}
		}
	}
	for i := range c.Backends {
		from, path := &c.Backends[i], fmt.Sprintf("backends[%d].spillover", i)
		if from.Spillover == "" || !c.wereRead(fmt.Sprintf("backends[%d].", i), "sku", "model", "version", "key", "resource") {
			continue
		}
		j := c.SpilloverOf(i)
		if j < 0 {
			c.unknown(path, c.backends, from.Spillover)
			continue
		}
		to := &c.Backends[j]
		if !c.wereRead(fmt.Sprintf("backends[%d].", j), "sku", "model", "version", "key", "resource") {
			continue
		}
		for _, mistake := range from.SpilloverMistakes(to) {
			c.fail(path, "%s", mistake)
		}
		if i != j && c.resourceOf(i) != c.resourceOf(j) {
			c.fail(path, "%q is in another resource: give both the same resource", to.Name)
		}
	}
}
