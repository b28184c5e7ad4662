package structured

import (
	"slices"

	"foundrylab/internal/rng"
)

// Source is what values are made from. Its dice are consumed in order.
type Source struct {
	Dice  *rng.Stream
	Prose func(dst []byte, key uint64, tokens int) []byte // plain words, for strings that may say anything
}

// Bounds on one value: beyond them there is none, however much a schema asks for.
const (
	maxValues = 20_000 // values made, those thrown away included
	maxItems  = 1_000  // items and members of one value
	maxText   = 64 << 10
	tries     = 40 // of each value, before the one around it is tried anew
	deep      = 4  // levels, below which everything optional is left out
)

// Append appends one valid value as compact JSON, or reports that none was found: the schema contradicts itself, asks
// for more than the bounds, or hides its only values behind conditions that dice do not meet.
func (s *Schema) Append(dst []byte, from Source) ([]byte, bool) {
	m := maker{from: from, budget: maxValues, check: checker{maxChecks}}
	v, ok := m.value([]*node{s.root}, "", 0)
	if !ok {
		return dst, false
	}
	return v.append(dst), true
}

// maker makes one value.
type maker struct {
	from   Source
	budget int
	check  checker
}

// below returns an integer from 0 to n-1.
func (m *maker) below(n int) int { return int(rng.Below(m.from.Dice.Next(), int64(n))) }

// value makes a value that meets all of the schemas. The branches of choices are drawn, and what contradicts is thrown
// away and made again. Late tries are as small as can be, since what is optional is most often what contradicts.
func (m *maker) value(nodes []*node, name string, depth int) (value, bool) {
	for _, n := range nodes {
		if n.height >= unreachable {
			return value{}, false
		}
	}
	for try := range tries {
		if m.budget--; m.budget < 0 || m.check.budget < 0 {
			return value{}, false
		}
		c := choice{maker: m, name: name, depth: depth, lean: depth > deep || try > tries*2/3}
		if !c.gather(nodes, 0) {
			continue
		}
		v, ok := c.make()
		if ok && !slices.ContainsFunc(nodes, func(n *node) bool { return !m.check.valid(n, &v) }) {
			return v, true
		}
	}
	return value{}, false
}

// choice is one try at a value: which branches were taken, and all schemas that apply then.
type choice struct {
	*maker
	name  string // of the member it is for
	depth int
	lean  bool // nothing that is not required
	parts []*node
}

// gather collects the schemas that apply, those of references and of drawn branches included.
func (c *choice) gather(nodes []*node, hops int) bool {
	for _, n := range nodes {
		if n == nil {
			continue
		}
		if n.never || hops > maxDepth {
			return false
		}
		c.parts = append(c.parts, n)
		below := append([]*node{n.ref, c.branch(n.anyOf), c.branch(n.oneOf)}, n.allOf...)
		if n.when != nil {
			if c.below(2) == 0 {
				below = append(below, n.when, n.then)
			} else {
				below = append(below, n.other)
			}
		}
		if !c.gather(below, hops+1) {
			return false
		}
	}
	return true
}

// branch draws one of a choice, or the shallowest where values shall be small.
func (c *choice) branch(of []*node) *node {
	if len(of) == 0 {
		return nil
	}
	from := c.below(len(of))
	if of[from].types == ofNull && c.below(4) > 0 { // that something may be absent does not mean that it mostly is
		from = c.below(len(of))
	}
	best := of[from]
	for i := range of {
		n := of[(from+i)%len(of)]
		if n.height < best.height && (c.lean || best.height >= unreachable) {
			best = n
		}
	}
	return best
}

// make makes a value of the gathered schemas.
func (c *choice) make() (value, bool) {
	set := anyType
	for _, n := range c.parts {
		set &= n.types
	}
	for _, n := range c.parts {
		if n.only {
			return c.listed(n.enum)
		}
	}
	switch c.pick(set) {
	case ofNull:
		return value{kind: null}, true
	case ofBoolean:
		return value{kind: boolean, yes: c.below(2) == 0}, true
	case ofInteger:
		return c.number(true)
	case ofNumber:
		return c.number(false)
	case ofString:
		return c.text()
	case ofArray:
		return c.array()
	case ofObject:
		return c.object()
	}
	return value{}, false
}

// listed draws one of the listed values that the other schemas admit as well.
func (c *choice) listed(enum []value) (value, bool) {
	if len(enum) == 0 {
		return value{}, false
	}
	from := c.below(len(enum))
	for i := range enum {
		v := &enum[(from+i)%len(enum)]
		if !slices.ContainsFunc(c.parts, func(n *node) bool { return !c.check.plain(n, v) }) {
			return *v, true
		}
	}
	return value{}, false
}

// pick draws the type of a value. Where several may be, keywords tell what is meant; null is seldom, and where nothing
// tells, it is a string.
func (c *choice) pick(set types) types {
	hints := types(0)
	for _, n := range c.parts {
		hints |= n.hints()
	}
	if c.lean && set&ofNull != 0 {
		return ofNull
	}
	if set&hints != 0 && c.below(8) > 0 {
		set &= hints
	} else if set == anyType {
		return ofString
	}
	if set&ofNumber != 0 {
		set &^= ofInteger
	}
	if set != ofNull && c.below(8) > 0 {
		set &^= ofNull
	}
	var list []types
	for t := ofNull; t <= ofObject; t <<= 1 {
		if set&t != 0 {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return 0
	}
	return list[c.below(len(list))]
}

// hints returns the types that a schema's keywords speak of.
func (n *node) hints() (set types) {
	if n.properties != nil || n.required != nil || n.additional != nil || n.patterns != nil || n.minProps > 0 || n.needs != nil {
		set |= ofObject
	}
	if n.items != nil || n.prefix != nil || n.contains != nil || n.minItems > 0 || n.unique {
		set |= ofArray
	}
	if n.pattern != nil || n.format != "" || n.minLength > 0 || n.maxLength >= 0 {
		set |= ofString
	}
	if n.least != nil || n.most != nil || n.multipleOf != nil {
		set |= ofInteger | ofNumber
	}
	return set
}
