package structured

import (
	"math/big"
	"slices"
)

// checker decides whether values are valid. Its work is bounded: a schema can refer to itself over and over.
type checker struct{ budget int }

// maxChecks bounds the schemas that one check applies.
const maxChecks = 200_000

// Valid reports whether a JSON text is valid; a known format counts. A text or a schema beyond the
// bounds is not valid.
func (s *Schema) Valid(src []byte) bool {
	v, err := parse(src)
	if err != nil {
		return false
	}
	c := checker{maxChecks}
	return c.valid(s.root, &v) && c.budget >= 0
}

func (c *checker) valid(n *node, v *value) bool {
	if n == nil {
		return true
	}
	if c.budget--; c.budget < 0 || n.never {
		return false
	}
	return c.plain(n, v) && c.composed(n, v)
}

// plain checks what a schema says of a value itself and its parts.
func (c *checker) plain(n *node, v *value) bool {
	if n.types&typeOf(v) == 0 || n.only && !slices.ContainsFunc(n.enum, func(e value) bool { return e.equal(v) }) {
		return false
	}
	switch v.kind {
	case number:
		return n.admitsNumber(v.num)
	case text:
		return n.admitsText(v.str)
	case array:
		return c.array(n, v)
	case object:
		return c.object(n, v)
	}
	return true
}

func (c *checker) composed(n *node, v *value) bool {
	if n.ref != nil && !c.valid(n.ref, v) {
		return false
	}
	for _, part := range n.allOf {
		if !c.valid(part, v) {
			return false
		}
	}
	if len(n.anyOf) > 0 && !slices.ContainsFunc(n.anyOf, func(m *node) bool { return c.valid(m, v) }) {
		return false
	}
	if len(n.oneOf) > 0 {
		hits := 0
		for _, part := range n.oneOf {
			if c.valid(part, v) {
				hits++
			}
		}
		if hits != 1 {
			return false
		}
	}
	if n.not != nil && c.valid(n.not, v) {
		return false
	}
	if n.when == nil {
		return true
	}
	if c.valid(n.when, v) {
		return c.valid(n.then, v)
	}
	return c.valid(n.other, v)
}

func (c *checker) array(n *node, v *value) bool {
	if !within(len(v.items), n.minItems, n.maxItems) {
		return false
	}
	hits := 0
	for i := range v.items {
		if !c.valid(n.item(i), &v.items[i]) {
			return false
		}
		if n.contains != nil && c.valid(n.contains, &v.items[i]) {
			hits++
		}
		if n.unique && slices.ContainsFunc(v.items[:i], func(w value) bool { return w.equal(&v.items[i]) }) {
			return false
		}
	}
	least := n.minContains
	if least < 0 {
		least = 1
	}
	return n.contains == nil || within(hits, least, n.maxContains)
}

func (c *checker) object(n *node, v *value) bool {
	if !within(len(v.members), n.minProps, n.maxProps) {
		return false
	}
	for _, name := range n.required {
		if v.get(name) == nil {
			return false
		}
	}
	for i := range v.members {
		m := &v.members[i]
		for _, part := range n.of(m.name, nil) {
			if !c.valid(part, &m.value) {
				return false
			}
		}
		if n.names != nil && !c.valid(n.names, &value{kind: text, str: m.name}) {
			return false
		}
	}
	for _, d := range n.needs {
		if v.get(d.name) == nil {
			continue
		}
		if !c.valid(d.schema, v) || slices.ContainsFunc(d.required, func(name string) bool { return v.get(name) == nil }) {
			return false
		}
	}
	return true
}

// of appends the schemas that a member of an object must meet, by its name.
func (n *node) of(name string, list []*node) []*node {
	known := false
	for _, p := range n.properties {
		if p.name == name {
			list, known = append(list, p.schema), true
		}
	}
	for _, p := range n.patterns {
		if p.re.re.MatchString(name) {
			list, known = append(list, p.schema), true
		}
	}
	if !known && n.additional != nil {
		list = append(list, n.additional)
	}
	return list
}

func typeOf(v *value) types {
	switch v.kind {
	case null:
		return ofNull
	case boolean:
		return ofBoolean
	case number:
		if v.num.IsInt() {
			return ofInteger
		}
		return ofNumber
	case text:
		return ofString
	case array:
		return ofArray
	}
	return ofObject
}

func (n *node) admitsNumber(v *big.Rat) bool {
	if n.least != nil {
		if d := v.Cmp(n.least); d < 0 || d == 0 && n.leastOpen {
			return false
		}
	}
	if n.most != nil {
		if d := v.Cmp(n.most); d > 0 || d == 0 && n.mostOpen {
			return false
		}
	}
	return n.multipleOf == nil || new(big.Rat).Quo(v, n.multipleOf).IsInt()
}

func (n *node) admitsText(s string) bool {
	return within(length(s), n.minLength, n.maxLength) && (n.pattern == nil || n.pattern.re.MatchString(s)) && hasFormat(n.format, s)
}

// within reports whether a count is in bounds; negative bounds are absent.
func within(count, least, most int) bool {
	return count >= least && (most < 0 || count <= most)
}
