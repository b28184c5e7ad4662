package structured

// unreachable is the height of what has no value: a schema that needs itself.
const unreachable = 1 << 20

// measure finds for each schema how deeply nested its values are at least, so that a recursive schema can be brought to
// an end. Heights only fall from unreachable, and those above maxDepth do not matter: so many rounds suffice.
func (r *reader) measure() {
	for _, n := range r.order {
		n.height = unreachable
	}
	for range maxDepth {
		again := false
		for _, n := range r.order {
			if h := n.measured(); h < n.height {
				n.height, again = h, true
			}
		}
		if !again {
			return
		}
	}
}

// measured is a node's height by what is known of those below it.
func (n *node) measured() int {
	if n.never || n.types == 0 || n.only && len(n.enum) == 0 {
		return unreachable
	}
	h := 0
	if n.types&(ofNull|ofBoolean|ofInteger|ofNumber|ofString) == 0 && !n.only {
		h = unreachable
		if n.types&ofObject != 0 {
			h = n.objectHeight()
		}
		if n.types&ofArray != 0 {
			h = min(h, n.arrayHeight())
		}
	}
	if n.ref != nil {
		h = max(h, n.ref.height)
	}
	for _, part := range n.allOf {
		h = max(h, part.height)
	}
	return max(h, least(n.anyOf), least(n.oneOf))
}

func (n *node) objectHeight() int {
	h := 0
	for _, name := range n.required {
		for _, p := range n.properties {
			if p.name == name {
				h = max(h, 1+p.schema.height)
			}
		}
	}
	return h
}

func (n *node) arrayHeight() int {
	h := 0
	for i := range min(max(n.minItems, 0), len(n.prefix)+1) {
		if item := n.item(i); item != nil {
			h = max(h, 1+item.height)
		}
	}
	if n.contains != nil && n.minContains != 0 {
		h = max(h, 1+n.contains.height)
	}
	return h
}

// item returns the schema of an item by its place, or nil where anything goes.
func (n *node) item(i int) *node {
	if i < len(n.prefix) {
		return n.prefix[i]
	}
	return n.items
}

// least returns the smallest height of a choice, 0 where there is none to make.
func least(choice []*node) int {
	if len(choice) == 0 {
		return 0
	}
	h := unreachable
	for _, n := range choice {
		h = min(h, n.height)
	}
	return h
}
