package latency

import "strings"

// Bursts are how many tokens of an answer the service's default content filter
// releases at once: six sizes from 1 to 20, taken in turn until the answer is
// complete. The zero value releases each token as it comes.
//
// Six sizes of five bits each, so that an answer of any length has a flat
// value; the highest bit marks what is not the zero value.
type Bursts uint32

const (
	burstSizes = 6
	burstBits  = 5
	// longestBurst: that the filter buffers is documented, how much is not
	// (docs/latency.md).
	longestBurst = 20
)

// buffered reports whether tokens are released in bursts, by the setting or
// else by the profile: Anthropic's models pass no filter of Azure's.
func buffered(filter, profile string) bool {
	return filter == "default" || filter == "" && !strings.HasPrefix(profile, "claude-")
}

// newBursts draws sizes from 64 uniform bits.
func newBursts(u uint64) Bursts { return Bursts(u) | 1<<31 }

// size returns one of the sizes.
func (b Bursts) size(i int) int64 {
	v := int64(b>>(burstBits*i)) & (1<<burstBits - 1)
	return 1 + v*longestBurst>>burstBits
}

// round returns how many tokens the six release.
func (b Bursts) round() (n int64) {
	for i := range burstSizes {
		n += b.size(i)
	}
	return n
}

// last returns the last token of the burst that token k, from 1, comes in.
func (b Bursts) last(k int32) int32 {
	if b == 0 {
		return k
	}
	round := b.round()
	n := int64(k-1) / round * round
	for i := range burstSizes {
		if n += b.size(i); n >= int64(k) {
			break
		}
	}
	return int32(min(n, 1<<31-1))
}

// within returns how many of the first made tokens come in complete bursts.
func (b Bursts) within(made int32) int32 {
	if b == 0 {
		return made
	}
	round := b.round()
	n := int64(made) / round * round
	for i := 0; n+b.size(i) <= int64(made); i++ { // ends: n plus a round is more
		n += b.size(i)
	}
	return int32(n)
}
