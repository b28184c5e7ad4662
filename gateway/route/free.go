package route

import "foundrylab/internal/tick"

// FreeOf is what is free of a backend's limits in parts per million, at least 1:
// of the one of which less is left. A limit of 0 is none.
func FreeOf(tokens, ofTokens, requests, ofRequests int64) int32 {
	free := int64(1_000_000)
	for _, l := range [2][2]int64{{tokens, ofTokens}, {requests, ofRequests}} {
		if l[1] > 0 {
			free = min(free, tick.MulDiv(max(l[0], 0), 1_000_000, l[1]))
		}
	}
	return int32(max(free, 1))
}

// FreeAt is what is free at a utilization, both in parts per million.
func FreeAt(utilization int64) int32 { return int32(min(max(1_000_000-utilization, 1), 1_000_000)) }
