package core

import (
	"math/bits"

	"foundrylab/internal/tick"
)

// phases hands out nanoseconds below the grid, each to one request at a time.
type phases struct {
	taken []uint64
	used  int
}

const phaseCount = uint32(tick.Grid) // 0 belongs to fault edges and probes; no multiple of 64

func (p *phases) init() {
	p.taken = make([]uint64, (phaseCount+63)/64)
	p.taken[0] = 1 // 0 is nobody's, and so is what fills up the last word
	last := &p.taken[phaseCount/64]
	*last = ^*last << (phaseCount % 64)
}

// take returns a free phase, the first at or after the one a request is named
// for, so that it seldom depends on who else is in flight. With more requests
// than phases it is shared, and ties go by sequence; a shared one is not
// released.
func (p *phases) take(name uint64) (at uint32, shared bool) {
	at = 1 + uint32(name%uint64(phaseCount-1))
	if p.used == int(phaseCount)-1 {
		return at, true
	}
	for {
		if open := ^p.taken[at/64] >> (at % 64); open != 0 {
			at += uint32(bits.TrailingZeros64(open))
			break
		}
		if at = (at/64 + 1) * 64; at >= phaseCount {
			at = 0
		}
	}
	p.taken[at/64] |= 1 << (at % 64)
	p.used++
	return at, false
}

func (p *phases) release(at uint32) {
	p.taken[at/64] &^= 1 << (at % 64)
	p.used--
}
