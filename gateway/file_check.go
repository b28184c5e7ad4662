package gateway

import (
	"fmt"
	"slices"
	"strings"

	"foundrylab/internal/record"
	"foundrylab/internal/yamlconf"
)

// fileCheck looks at what the parts of a File say of each other, also where other things in it are wrong.
type fileCheck struct {
	*File
	read func(path string) bool
	fail yamlconf.Fail // drops what it is told of a path that was not read
}

func (c *fileCheck) all() {
	backends := c.roll("backends", len(c.Backends), func(i int) string { return c.Backends[i].Name })
	tenants := c.roll("tenants", len(c.Tenants), func(i int) string { return c.Tenants[i].Name })
	c.oneModel()
	for i, group := range c.Gateway.Route.Groups {
		for j, name := range group {
			c.known(backends, fmt.Sprintf("gateway.route.groups[%d][%d]", i, j), name)
		}
	}
	for i, t := range c.Gateway.Tenants {
		c.known(tenants, fmt.Sprintf("gateway.tenants[%d].name", i), t.Name)
	}
	c.Identity.EachTenant(func(path, name string) { c.known(tenants, "identity."+path, name) })
	if len(c.Tenants) >= int(record.NoTenant) {
		c.fail("tenants", "are %d, at most %d", len(c.Tenants), record.NoTenant-1)
	}
	if len(c.Tenants) > 0 && !c.Identity.Enabled() && c.read("identity") {
		c.fail("tenants", "nobody can be any of them: say in identity how they prove who they are")
	}
	if c.Identity.MTLS != nil && c.Listen.TLS == nil && c.read("listen.tls") {
		c.fail("identity.mtls", "needs listen.tls: a client shows its certificate only over TLS")
	}
}

// oneModel refuses backends of several models: a request may be answered by any of them.
func (c *fileCheck) oneModel() {
	said := slices.IndexFunc(c.Backends, func(b FileBackend) bool { return b.Model != "" })
	if said < 0 {
		return
	}
	for i, b := range c.Backends {
		if b.Model != c.Backends[said].Model {
			c.fail(fmt.Sprintf("backends[%d].model", i), "is %q, that of backends[%d] is %q: serve each model by a gateway of its own", b.Model, said, c.Backends[said].Model)
		}
	}
}

// roll is the names of a list. It is open where not all of them could be read, so that a name that is missing from it may
// be right all the same.
type roll struct {
	list  string
	names []string
	open  bool
}

// roll reads the names of a list, and refuses one that is there twice.
func (c *fileCheck) roll(list string, n int, name func(i int) string) roll {
	r := roll{list: list, open: !c.read(list)}
	for i := range n {
		path := fmt.Sprintf("%s[%d].name", list, i)
		if !c.read(path) {
			r.open = true
			continue
		}
		if slices.Contains(r.names, name(i)) {
			c.fail(path, "%q is taken", name(i))
			continue
		}
		r.names = append(r.names, name(i))
	}
	return r
}

// known refuses a name that is not on a roll.
func (c *fileCheck) known(r roll, path, name string) {
	if r.open || name == "" || slices.Contains(r.names, name) {
		return
	}
	hint := "; there are " + strings.Join(r.names, ", ")
	if near, ok := yamlconf.Nearest(name, r.names); ok {
		hint = fmt.Sprintf(", did you mean %q?", near)
	} else if len(r.names) == 0 {
		hint = "; there are none"
	}
	c.fail(path, "%q is not among %s%s", name, r.list, hint)
}
