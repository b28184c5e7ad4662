// Package des is the discrete-event queue: deadlines ordered by (instant,
// priority, sequence), so that equal instants have one order on every machine.
// It refuses to know what a deadline means.
package des

import "foundrylab/internal/tick"

// Item is one deadline. Order packs priority and sequence; Val is the
// caller's, usually a slot and its generation.
type Item struct {
	At    tick.Instant
	order uint64
	Val   uint64
}

// Priorities of equal instants: the lower goes first.
const (
	PrioFault uint8 = iota // edges of the world come before what happens in it
	PrioEnd
	PrioStart
)

// Heap is a 4-ary min-heap of deadlines, about a third faster than a binary
// one at 10,000 entries since a level's children share cache lines. Not safe
// for concurrent use.
type Heap struct {
	items []Item
	seq   uint64
}

// Len returns the number of deadlines, stale ones included.
func (h *Heap) Len() int { return len(h.items) }

// Next returns the earliest instant, or tick.Never.
func (h *Heap) Next() tick.Instant {
	if len(h.items) == 0 {
		return tick.Never
	}
	return h.items[0].At
}

// Peek returns the earliest deadline; the heap must not be empty.
func (h *Heap) Peek() Item { return h.items[0] }

// Push adds a deadline.
func (h *Heap) Push(at tick.Instant, prio uint8, val uint64) {
	h.seq++
	h.items = append(h.items, Item{})
	h.up(len(h.items)-1, Item{at, uint64(prio)<<56 | h.seq, val})
}

// Pop removes and returns the earliest deadline; the heap must not be empty.
func (h *Heap) Pop() Item {
	top := h.items[0]
	last := h.items[len(h.items)-1]
	h.items = h.items[:len(h.items)-1]
	if len(h.items) > 0 {
		h.down(last)
	}
	return top
}

// Replace removes the earliest deadline and adds another in one sift.
func (h *Heap) Replace(at tick.Instant, prio uint8, val uint64) {
	h.seq++
	h.down(Item{at, uint64(prio)<<56 | h.seq, val})
}

func before(a, b *Item) bool {
	return a.At < b.At || a.At == b.At && a.order < b.order
}

func (h *Heap) up(i int, it Item) {
	for i > 0 {
		parent := (i - 1) / 4
		if !before(&it, &h.items[parent]) {
			break
		}
		h.items[i] = h.items[parent]
		i = parent
	}
	h.items[i] = it
}

// down places it from the root, whose item is gone.
func (h *Heap) down(it Item) {
	items := h.items
	n, i := len(items), 0
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, n); c++ {
			if before(&items[c], &items[least]) {
				least = c
			}
		}
		if !before(&items[least], &it) {
			break
		}
		items[i] = items[least]
		i = least
	}
	items[i] = it
}
