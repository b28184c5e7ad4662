package route

import "foundrylab/internal/rng"

func weighted(members []Member, p Pick, die rng.Die, _ *uint64) int {
	if len(members) == 1 {
		return 0
	}
	return at(members, rng.Below(die.Draw(p.Key, p.Attempt), total(members)))
}
