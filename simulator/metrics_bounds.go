package simulator

import (
	"time"

	"foundrylab/internal/histogram"
)

// The bounds that OpenTelemetry's semantic conventions for generative AI advise: seconds in nanoseconds, and tokens.
var (
	durationBounds = doubled(int64(10*time.Millisecond), 14)
	firstBounds    = histogram.Milliseconds(1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000)
	perTokenBounds = histogram.Milliseconds(10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2500)
	tokenBounds    = []int64{1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864}
)

func doubled(first int64, n int) (bounds []int64) {
	for i := range n {
		bounds = append(bounds, first<<i)
	}
	return bounds
}
