package route

import "foundrylab/internal/rng"

// alike is what part of the lowest time another may have more and still count as
// lowest: else a hair's breadth would send all to one.
const alike = 8

func lowestTTFT(members []Member, p Pick, die rng.Die, _ *uint64) int {
	lowest := p.begins(members[0])
	for _, m := range members[1:] {
		lowest = min(lowest, p.begins(m))
	}
	bound, weights := lowest+lowest/alike, int64(0)
	for _, m := range members {
		if p.begins(m) <= bound {
			weights += m.Weight
		}
	}
	n := rng.Below(die.Draw(p.Key, p.Attempt), weights)
	for i, m := range members {
		if p.begins(m) > bound {
			continue
		}
		if n -= m.Weight; n < 0 {
			return i
		}
	}
	return len(members) - 1
}
