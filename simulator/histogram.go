package simulator

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// mostBuckets is how many buckets the widest histogram has, the one beyond all bounds not counted.
const mostBuckets = 16

// histogram counts whole numbers, nanoseconds or tokens, in buckets. A value at a bound is in its bucket.
type histogram struct {
	buckets [mostBuckets]uint64 // each on its own: the sums are taken when they are read
	count   uint64
	sum     int64
}

// add counts v by bounds that rise, mostBuckets at most.
func (h *histogram) add(bounds []int64, v int64) {
	h.count++
	h.sum += v
	for i, b := range bounds {
		if v <= b {
			h.buckets[i]++
			return
		}
	}
}

// metric is what there is, in units of which a value has so many.
func (h *histogram) metric(desc *prometheus.Desc, bounds []int64, unit float64, labels ...string) prometheus.Metric {
	upTo, sum := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, b := range bounds {
		sum += h.buckets[i]
		upTo[float64(b)/unit] = sum
	}
	return prometheus.MustNewConstHistogram(desc, h.count, float64(h.sum)/unit, upTo, labels...)
}

// The bounds that OpenTelemetry's semantic conventions for generative AI advise: seconds in nanoseconds, and tokens.
var (
	durationBounds = doubled(int64(10*time.Millisecond), 14)
	firstBounds    = milliseconds(1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000)
	perTokenBounds = milliseconds(10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2500)
	tokenBounds    = []int64{1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864}
)

func doubled(first int64, n int) (bounds []int64) {
	for i := range n {
		bounds = append(bounds, first<<i)
	}
	return bounds
}

func milliseconds(ms ...int64) (bounds []int64) {
	for _, n := range ms {
		bounds = append(bounds, n*int64(time.Millisecond))
	}
	return bounds
}
