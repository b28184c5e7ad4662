package core

import "foundrylab/internal/tick"

// phases hands out nanoseconds below the grid, each to one request at a time.
type phases struct {
	taken []uint64
	used  int
}

const phaseCount = uint32(tick.Grid) // 0 belongs to fault edges and probes

func (p *phases) init() { p.taken = make([]uint64, (phaseCount+63)/64) }

// take returns a free phase, the first at or after the one a request is named
// for, so that it seldom depends on who else is in flight. With more requests
// than phases it is shared, and ties go by sequence.
func (p *phases) take(name uint64) uint32 {
	at := 1 + uint32(name%uint64(phaseCount-1))
	if p.used >= int(phaseCount)-1 {
		return at
	}
	for p.taken[at/64]&(1<<(at%64)) != 0 {
		if at++; at == phaseCount {
			at = 1
		}
	}
	p.taken[at/64] |= 1 << (at % 64)
	p.used++
	return at
}

func (p *phases) release(at uint32) {
	if bit := uint64(1) << (at % 64); p.taken[at/64]&bit != 0 {
		p.taken[at/64] &^= bit
		p.used--
	}
}
