package record

import (
	"math/bits"
	"time"

	"foundrylab/internal/tick"
)

// Hist is a histogram of spans in grid units with log-linear buckets: exact up
// to 2^sub units, and within 1/2^sub of the value above. All-integer, so that
// merging is exact and quantiles are the same on every machine.
type Hist struct {
	sub    uint8
	counts []uint32
	total  int64
}

// Resolutions: three digits for a run, 6 % for a window of the timeline.
const (
	runDigits    uint8 = 10
	windowDigits uint8 = 4
)

func bucket(v uint32, sub uint8) int {
	if v < 1<<(sub+1) {
		return int(v)
	}
	shift := bits.Len32(v) - int(sub) - 1
	return shift<<sub + int(v>>shift)
}

// lowest returns the least value of a bucket.
func lowest(i int, sub uint8) int64 {
	if i < 1<<(sub+1) {
		return int64(i)
	}
	shift := i>>sub - 1
	return (int64(i&(1<<sub-1)) | 1<<sub) << shift
}

// Add counts a span of u grid units.
func (h *Hist) Add(u tick.Units) {
	i := bucket(uint32(u), h.sub)
	if i >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, i+1-len(h.counts)+1<<h.sub)...)
	}
	h.counts[i]++
	h.total++
}

// Merge adds another histogram of the same resolution.
func (h *Hist) Merge(o *Hist) {
	if len(o.counts) > len(h.counts) {
		h.counts = append(h.counts, make([]uint32, len(o.counts)-len(h.counts))...)
	}
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// Quantile returns the least recorded value that at least permille/1000 of the
// values do not exceed, as the middle of its bucket; Null when empty.
func (h *Hist) Quantile(permille int64) Millis {
	twice, ok := h.twiceQuantile(permille)
	if !ok {
		return Null
	}
	return Millis(twice * int64(tick.Grid/time.Microsecond) / 2)
}

// twiceQuantile returns the doubled middle of the quantile's bucket, in the
// units that were added.
func (h *Hist) twiceQuantile(permille int64) (int64, bool) {
	if h.total == 0 {
		return 0, false
	}
	rank := max((h.total*permille+999)/1000, 1)
	for i, n := range h.counts {
		if rank -= int64(n); rank <= 0 {
			return lowest(i, h.sub) + lowest(i+1, h.sub) - 1, true
		}
	}
	panic("record: histogram counts do not add up")
}

// scaled returns a quantile of values that were added in units of
// num/den microseconds.
func (h *Hist) scaled(permille, num, den int64) Millis {
	twice, ok := h.twiceQuantile(permille)
	if !ok {
		return Null
	}
	return Millis(twice * num / (2 * den))
}

func (h *Hist) p() P { return P{h.Quantile(500), h.Quantile(950), h.Quantile(990)} }

func (h *Hist) pScaled(num, den int64) P {
	return P{h.scaled(500, num, den), h.scaled(950, num, den), h.scaled(990, num, den)}
}
