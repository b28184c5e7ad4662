package route

import "foundrylab/internal/rng"

func leastBusy(members []Member, p Pick, die rng.Die, _ *uint64) int {
	best := weighted(members, p, die, nil) // among equals, the draw decides
	for i := range members {
		m, b := &members[i], &members[best]
		if p.Seen[m.Backend].InFlight*b.Weight < p.Seen[b.Backend].InFlight*m.Weight {
			best = i
		}
	}
	return best
}
