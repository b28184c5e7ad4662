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
	told []shared      // mistakes of policies
}

func (c *fileCheck) all() {
	tenants := c.roll("tenants", len(c.Tenants), func(i int) string { return c.Tenants[i].Name })
	c.pools(tenants)
	c.totals(tenants)
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
