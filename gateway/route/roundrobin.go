package route

import "foundrylab/internal/rng"

func roundRobin(members []Member, _ Pick, _ rng.Die, next *uint64) int {
	n := *next
	*next++
	return at(members, int64(n%uint64(total(members))))
}
