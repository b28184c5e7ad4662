package route

import "foundrylab/internal/rng"

// second keeps the draw of the second backend apart from those of attempts.
const second = 1 << 16

func powerOfTwo(members []Member, p Pick, die rng.Die, _ *uint64) int {
	one := weighted(members, p, die, nil)
	if len(members) == 1 {
		return one
	}
	n, other := rng.Below(die.Draw(p.Key, p.Attempt|second), total(members)-members[one].Weight), one
	for i, m := range members {
		if i == one {
			continue
		}
		if other = i; n < m.Weight {
			break
		}
		n -= m.Weight
	}
	if p.cost(members[other])*members[one].Weight < p.cost(members[one])*members[other].Weight {
		return other
	}
	return one
}

// cost is what waits at a backend, the request included, times how long each
// takes to begin; for its whole weight.
func (p *Pick) cost(m Member) int64 {
	return (p.Seen[m.Backend].InFlight + m.Weight) * p.begins(m)
}
