package queue

// entry is one member of a heap: the least goes first, by major, then by minor,
// which no two members of a heap have in common.
type entry struct {
	major, minor int64
	id           uint32
}

// heap is a 4-ary min-heap of ids. Where each id stands is written to a list by
// id that the caller hands in, so that any of them can be removed in O(log n);
// out of the heap it is absent.
type heap []entry

const absent = -1

func (e *entry) before(f *entry) bool {
	return e.major < f.major || e.major == f.major && e.minor < f.minor
}

func (h *heap) push(e entry, at []int32) {
	*h = append(*h, e)
	h.up(len(*h)-1, e, at)
}

// pop removes the first, of whom there must be one.
func (h *heap) pop(at []int32) entry {
	first := (*h)[0]
	h.remove(first.id, at)
	return first
}

// remove takes an id out; one that is absent stays absent.
func (h *heap) remove(id uint32, at []int32) {
	i := int(at[id])
	if i == absent {
		return
	}
	at[id] = absent
	n := len(*h) - 1
	last := (*h)[n]
	*h = (*h)[:n]
	if i < n {
		h.place(i, last, at)
	}
}

// move gives a member another key.
func (h *heap) move(e entry, at []int32) { h.place(int(at[e.id]), e, at) }

// place puts e where i was, or wherever it belongs from there.
func (h *heap) place(i int, e entry, at []int32) {
	if i > 0 && e.before(&(*h)[(i-1)/4]) {
		h.up(i, e, at)
		return
	}
	h.down(i, e, at)
}

func (h *heap) up(i int, e entry, at []int32) {
	list := *h
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&list[parent]) {
			break
		}
		list[i] = list[parent]
		at[list[i].id] = int32(i)
		i = parent
	}
	list[i] = e
	at[e.id] = int32(i)
}

func (h *heap) down(i int, e entry, at []int32) {
	list := *h
	for {
		first := 4*i + 1
		if first >= len(list) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(list)); c++ {
			if list[c].before(&list[least]) {
				least = c
			}
		}
		if !list[least].before(&e) {
			break
		}
		list[i] = list[least]
		at[list[i].id] = int32(i)
		i = least
	}
	list[i] = e
	at[e.id] = int32(i)
}

// below visits every member before bound, from place i on. It passes over whatever
// is behind one that is not, so that it costs as much as it visits.
func (h heap) below(bound *entry, i int, visit func(id uint32)) {
	if i >= len(h) || !h[i].before(bound) {
		return
	}
	visit(h[i].id)
	for c := 4*i + 1; c <= 4*i+4; c++ {
		h.below(bound, c, visit)
	}
}
