package tokens

import "sync/atomic"

// memo remembers the counts of short pieces: of the words that come again and again, and of names and misspelt words,
// which are no token. It is a table of fixed size in which a piece has one place and pushes out what was there; nothing
// waits for anything. A piece is kept whole, so what is remembered is right and not just likely.
type memo []memoSlot

// memoSlots bounds a memo: 24 bytes each.
const memoSlots = 1 << 13

// memoBytes is the length of the longest piece that a slot holds.
const memoBytes = 16

// memoSlot is read without a lock. state is, from the low end, the count, the length, and a number that is odd while
// somebody writes and another after each time: who finds the same state before and after has read one piece. (It would
// have to be written 2^47 times while somebody reads to fool him.)
type memoSlot struct {
	state atomic.Uint64
	a, b  atomic.Uint64 // the piece, as of word
}

const memoWriting = 1 << 16

// get returns the count of a piece, or 0.
func (m memo) get(w word, length int) int {
	s := &m[w.hash&uint64(len(m)-1)]
	state := s.state.Load()
	if state>>8&0xff != uint64(length) || state&memoWriting != 0 {
		return 0
	}
	if s.a.Load() != w.a || s.b.Load() != w.b || s.state.Load() != state {
		return 0
	}
	return int(state & 0xff)
}

// put remembers the count of a piece, unless somebody writes in its place at this moment.
func (m memo) put(w word, length, count int) {
	s := &m[w.hash&uint64(len(m)-1)]
	state := s.state.Load()
	if state&memoWriting != 0 || !s.state.CompareAndSwap(state, state|memoWriting) {
		return
	}
	s.a.Store(w.a)
	s.b.Store(w.b)
	s.state.Store((state&^0xffff + 2*memoWriting) | uint64(length)<<8 | uint64(count))
}
