package route

import "foundrylab/internal/rng"

// utilizationAware draws in proportion to weight and to what is free: always the
// freest would be a herd, until the next answer says that it no longer is.
func utilizationAware(members []Member, p Pick, die rng.Die, _ *uint64) int {
	if len(members) == 1 {
		return 0
	}
	sum := int64(0)
	for _, m := range members {
		sum += m.Weight * p.Seen[m.Backend].Free(p.Now)
	}
	n := rng.Below(die.Draw(p.Key, p.Attempt), sum)
	for i, m := range members {
		if n -= m.Weight * p.Seen[m.Backend].Free(p.Now); n < 0 {
			return i
		}
	}
	return len(members) - 1
}
