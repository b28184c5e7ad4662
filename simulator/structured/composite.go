package structured

import (
	"slices"
	"strconv"
)

// array makes an array: one to three items where nothing is said.
func (c *choice) array() (value, bool) {
	least, most := 0, -1
	for _, n := range c.parts {
		least = max(least, n.minItems)
		if n.maxItems >= 0 && (most < 0 || n.maxItems < most) {
			most = n.maxItems
		}
	}
	wanted := c.contained()
	least = max(least, len(wanted))
	if least > maxItems || most >= 0 && least > most {
		return value{}, false
	}
	count := least
	if !c.lean {
		top := max(least, 3)
		if most >= 0 {
			top = min(top, most)
		}
		bottom := min(max(least, 1), top)
		count = bottom + c.below(top-bottom+1)
	}
	v := value{kind: array}
	for i := range count {
		nodes := c.itemNodes(i)
		if i < len(wanted) {
			nodes = append(nodes, wanted[i])
		}
		item, ok := c.item(nodes, v.items)
		if !ok {
			return v, i >= least // what cannot go on may still be long enough
		}
		v.items = append(v.items, item)
	}
	return v, true
}

// contained lists the schemas that so many items have to meet.
func (c *choice) contained() (wanted []*node) {
	for _, n := range c.parts {
		if n.contains == nil {
			continue
		}
		need := n.minContains
		if need < 0 {
			need = 1
		}
		for range min(need, maxItems+1) {
			wanted = append(wanted, n.contains)
		}
	}
	return wanted
}

func (c *choice) itemNodes(i int) (nodes []*node) {
	for _, n := range c.parts {
		if item := n.item(i); item != nil {
			nodes = append(nodes, item)
		}
	}
	return nodes
}

// item makes one item, other than those before it where they must differ.
func (c *choice) item(nodes []*node, before []value) (value, bool) {
	unique := slices.ContainsFunc(c.parts, func(n *node) bool { return n.unique })
	for range tries {
		v, ok := c.value(nodes, c.name, c.depth+1)
		if !ok || !unique || !slices.ContainsFunc(before, func(w value) bool { return w.equal(&v) }) {
			return v, ok
		}
	}
	return value{}, false
}

// object makes an object: what is required, and most of what may be there.
func (c *choice) object() (value, bool) {
	least, most := 0, -1
	for _, n := range c.parts {
		least = max(least, n.minProps)
		if n.maxProps >= 0 && (most < 0 || n.maxProps < most) {
			most = n.maxProps
		}
	}
	names, required := c.declared()
	need := 0
	for i := range names {
		if required[i] {
			need++
		}
	}
	if least > maxItems || most >= 0 && (need > most || least > most) {
		return value{}, false
	}
	v := value{kind: object}
	room := len(names)
	if most >= 0 {
		room = most
	}
	optional := room - need
	spare := len(names) - need // optional ones yet to come
	for i, name := range names {
		if !required[i] {
			spare--
			forced := len(v.members)+need+spare < least
			if optional <= 0 || !forced && (c.lean || c.below(4) == 0) {
				continue
			}
		}
		item, ok := c.value(c.memberNodes(name), name, c.depth+1)
		switch {
		case ok:
			v.members = append(v.members, member{name, item})
			if required[i] {
				need--
			} else {
				optional--
			}
		case required[i]:
			return v, false
		}
	}
	return c.more(v, least)
}

// declared lists the members that the schemas name, in their order, and whether they must be there; what a drawn one
// brings with it counts as required, since it is either there or left out with it.
func (c *choice) declared() (names []string, required []bool) {
	place := map[string]int{}
	add := func(name string) {
		if _, known := place[name]; !known {
			place[name] = len(names)
			names, required = append(names, name), append(required, false)
		}
	}
	for _, n := range c.parts {
		for i := range n.properties {
			add(n.properties[i].name)
		}
	}
	for _, n := range c.parts {
		for _, name := range n.required {
			add(name)
			required[place[name]] = true
		}
	}
	for range 4 { // what is required may require more
		for _, n := range c.parts {
			for _, d := range n.needs {
				if i, known := place[d.name]; !known || !required[i] {
					continue
				}
				for _, name := range d.required {
					add(name)
					required[place[name]] = true
				}
			}
		}
	}
	return names, required
}

func (c *choice) memberNodes(name string) (nodes []*node) {
	for _, n := range c.parts {
		nodes = n.of(name, nodes)
	}
	return nodes
}

// more adds members that no schema names, until there are enough.
func (c *choice) more(v value, least int) (value, bool) {
	for k := 0; len(v.members) < least && k < least+tries; k++ {
		name, ok := c.newName(k)
		if !ok || v.get(name) != nil {
			continue
		}
		if item, ok := c.value(c.memberNodes(name), name, c.depth+1); ok {
			v.members = append(v.members, member{name, item})
		}
	}
	return v, len(v.members) >= least
}

// newName makes the name of a further member: as the schemas want names to be, or as a pattern of theirs has it.
func (c *choice) newName(k int) (string, bool) {
	for _, n := range c.parts {
		if n.names != nil {
			v, ok := c.value([]*node{n.names}, "", c.depth+1)
			return v.str, ok && v.kind == text
		}
	}
	for _, n := range c.parts {
		if len(n.patterns) > 0 {
			return c.matching(n.patterns[c.below(len(n.patterns))].re, c.below(6)), true
		}
	}
	return "key_" + strconv.Itoa(k+1), true
}
