// Package histogram counts whole numbers in buckets, for Prometheus. It refuses to know what is counted, and locks.
package histogram

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// MostBuckets is how many bounds a histogram has at most.
const MostBuckets = 16

// Histogram counts whole numbers, nanoseconds or tokens. A value at a bound is in its bucket. The zero value has counted
// nothing, and a copy shares nothing with it. Not safe for concurrent use.
type Histogram struct {
	buckets [MostBuckets]uint64 // each on its own: the sums are taken when they are read
	count   uint64
	sum     int64
}

// Add counts v by bounds that rise, MostBuckets at most, always the same of one Histogram. It allocates nothing.
func (h *Histogram) Add(bounds []int64, v int64) {
	h.count++
	h.sum += v
	for i, b := range bounds {
		if v <= b {
			h.buckets[i]++
			return
		}
	}
}

// Metric is what there is, in units of which a value has so many: 1e9 makes seconds of nanoseconds.
func (h *Histogram) Metric(desc *prometheus.Desc, bounds []int64, unit float64, labels ...string) prometheus.Metric {
	upTo, sum := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, b := range bounds {
		sum += h.buckets[i]
		upTo[float64(b)/unit] = sum
	}
	return prometheus.MustNewConstHistogram(desc, h.count, float64(h.sum)/unit, upTo, labels...)
}

// Milliseconds returns bounds in nanoseconds. It panics where there are more than MostBuckets.
func Milliseconds(ms ...int64) []int64 {
	if len(ms) > MostBuckets {
		panic(fmt.Sprintf("histogram: %d bounds, at most %d", len(ms), MostBuckets))
	}
	bounds := make([]int64, len(ms))
	for i, n := range ms {
		bounds[i] = n * int64(time.Millisecond)
	}
	return bounds
}
