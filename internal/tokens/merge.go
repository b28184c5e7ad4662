package tokens

import (
	"math/bits"
	"sync"
)

// Byte-pair encoding of one piece: it starts as its bytes, and as long as two neighbours together are a token, those of
// the lowest rank are merged, the leftmost first. What is wanted is the number of parts that remain.

// shortPiece is the longest that is merged without a tree, in bytes: it must fit the bits of a word.
const shortPiece = 64

// mergeShort counts the piece text[from:end] of 2 to shortPiece bytes. Parts are the set bits of a word, at the bytes
// where they start.
func (v *vocabulary) mergeShort(text string, from, end int) int {
	var keys [shortPiece]uint32 // of the part that starts there and its neighbour: rank<<6 | start, or all ones
	n := end - from
	for i, c := range []byte(text[from : end-1]) {
		keys[i] = key(v.pairs[int(c)<<8|int(text[from+i+1])], i)
	}
	keys[n-1] = noKey
	starts := ^uint64(0) >> (shortPiece - n)
	for {
		best := noKey
		for _, k := range keys[:n] {
			best = min(best, k)
		}
		if best == noKey {
			return bits.OnesCount64(starts)
		}
		at := int(best % shortPiece)
		middle := after(starts, at, n)
		starts &^= 1 << middle
		keys[middle] = noKey
		next := after(starts, at, n)
		keys[at] = noKey
		if next < n {
			keys[at] = key(v.joined(text, from+at, from+after(starts, next, n)), at)
		}
		if before := bits.Len64(starts&(1<<at-1)) - 1; before >= 0 {
			keys[before] = key(v.joined(text, from+before, from+next), before)
		}
	}
}

const noKey = ^uint32(0)

func key(r rank, at int) uint32 {
	if r == none {
		return noKey
	}
	return uint32(r)*shortPiece | uint32(at)
}

// after returns the first part after the one at i, or n.
func after(starts uint64, i, n int) int {
	return min(i+1+bits.TrailingZeros64(starts>>1>>(i&63)), n)
}

// joined returns the rank of two parts together.
func (v *vocabulary) joined(text string, at, end int) rank {
	if end-at > longest {
		return none
	}
	r, _ := v.rank(text, at, end)
	return r
}

// A long piece is merged in windows, so that memory and time for a byte do not grow with it. That is exact: the parts
// of a text are its encoding if those of every two neighbours are theirs, because no merge across a border could come
// first in the whole that does not come first in the two. Within a window that holds by itself; where one window's
// last kept part meets the next one's first, it is checked. The parts near a window's end, which what follows could
// change, are not kept. If a check fails all is done again in a window four times as large.
type windows struct{ size, margin int }

var longPiece = windows{size: 1024, margin: 256}

// longMerge is the memory for a long piece.
type longMerge struct{ window, border merger }

var longMerges = sync.Pool{New: func() any { return new(longMerge) }}

// mergeLong counts a piece of any length above 1.
func (v *vocabulary) mergeLong(piece string, w windows) int {
	m := longMerges.Get().(*longMerge)
	for ; ; w = (windows{w.size * 4, w.margin * 4}) {
		if n, ok := m.count(v, piece, w); ok {
			if cap(m.window.next) <= longPiece.size {
				longMerges.Put(m)
			}
			return n
		}
	}
}

func (m *longMerge) count(v *vocabulary, piece string, w windows) (n int, ok bool) {
	from, last := 0, 0 // where the window starts; where the last part kept before it does
	for {
		window := piece[from:min(from+w.size, len(piece))]
		m.window.merge(v, window)
		next := m.window.next
		if from > 0 && !m.apart(v, piece[last:from+int(next[0])], from-last) {
			return 0, false
		}
		keep := len(window) - w.margin
		if from+len(window) == len(piece) {
			keep = len(window)
		}
		end := 0
		for end < len(window) && int(next[end]) <= keep {
			last = from + end
			end = int(next[end])
			n++
		}
		if end == 0 {
			return 0, false
		}
		if from += end; from == len(piece) {
			return n, true
		}
	}
}

// apart tells whether two parts, the first of which has that length, are the encoding of their text.
func (m *longMerge) apart(v *vocabulary, both string, first int) bool {
	m.border.merge(v, both)
	next := m.border.next
	return int(next[0]) == first && int(next[first]) == len(both)
}

// merger merges one text. Parts are named by where they start.
type merger struct {
	next []int32 // where the part ends
	prev []int32 // where the part before starts; -1 for the first
	tree []uint64
}

// tree is a tournament: the leaf of a part, at len(tree)/2 plus its name, is its rank with the next part <<32 | its
// name, or all ones; every other node at i is the lower of those at 2i and 2i+1. So the pair to merge is at 1.

// merge leaves the parts of a text of at least one byte in next.
func (m *merger) merge(v *vocabulary, text string) {
	n := len(text)
	leaves := 1 << bits.Len(uint(n-1))
	if cap(m.next) < n {
		m.next, m.prev, m.tree = make([]int32, n), make([]int32, n), make([]uint64, 2*leaves)
	}
	m.next, m.prev, m.tree = m.next[:n], m.prev[:n], m.tree[:2*leaves]
	for i := range n {
		m.next[i], m.prev[i] = int32(i+1), int32(i-1)
	}
	for i := range n - 1 {
		m.tree[leaves+i] = leaf(v.pairs[int(text[i])<<8|int(text[i+1])], i)
	}
	for i := n - 1; i < leaves; i++ {
		m.tree[leaves+i] = noLeaf
	}
	for i := leaves - 1; i > 0; i-- {
		m.tree[i] = min(m.tree[2*i], m.tree[2*i+1])
	}
	for m.tree[1] != noLeaf {
		at := int(uint32(m.tree[1]))
		middle := m.next[at]
		end := m.next[middle]
		m.next[at] = end
		m.set(int(middle), noLeaf)
		joined := none
		if int(end) < n {
			m.prev[end] = int32(at)
			joined = v.joined(text, at, int(m.next[end]))
		}
		m.set(at, leaf(joined, at))
		if before := int(m.prev[at]); before >= 0 {
			m.set(before, leaf(v.joined(text, before, int(end)), before))
		}
	}
}

const noLeaf = ^uint64(0)

func leaf(r rank, part int) uint64 {
	if r == none {
		return noLeaf
	}
	return uint64(r)<<32 | uint64(part)
}

func (m *merger) set(part int, leaf uint64) {
	i := len(m.tree)/2 + part
	m.tree[i] = leaf
	for i > 1 {
		i /= 2
		lower := min(m.tree[2*i], m.tree[2*i+1])
		if m.tree[i] == lower {
			return
		}
		m.tree[i] = lower
	}
}
