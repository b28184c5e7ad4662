package fault

// Place says where a backend is, for faults of a resource or a region.
type Place struct{ Backend, Resource, Region string }

func (c Config) validateTarget(fail func(path, format string, args ...any)) {
	given := 0
	for _, name := range []string{c.Backend, c.Resource, c.Region} {
		if name != "" {
			given++
		}
	}
	if given != 1 {
		fail("backend", "give exactly one of backend, resource and region, found %d", given)
	}
}

// On returns what the fault is to each backend that it strikes, in the order
// of places; nothing where it strikes none. A fault of a backend is itself; one
// of a resource or a region becomes a fault of each backend there, with a name,
// and so with dice, of its own.
func (c Config) On(places []Place) (each []Config) {
	for _, p := range places {
		switch {
		case c.Backend != "" && c.Backend == p.Backend:
			each = append(each, c)
		case c.Resource != "" && c.Resource == p.Resource, c.Region != "" && c.Region == p.Region:
			one := c
			one.Name, one.Backend, one.Resource, one.Region = c.Name+"/"+p.Backend, p.Backend, "", ""
			each = append(each, one)
		}
	}
	return each
}
