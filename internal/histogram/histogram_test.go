package histogram

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A value at a bound is in its bucket, one beyond all bounds only in the count; what is read is in the unit that was asked for.
func TestHistogram(t *testing.T) {
	bounds := Milliseconds(1, 5, 20)
	var h Histogram
	for _, v := range []int64{0, 1_000_000, 1_000_001, 5_000_000, 20_000_000, 20_000_001} {
		h.Add(bounds, v)
	}
	desc := prometheus.NewDesc("x_seconds", "x", []string{"of"}, nil)
	var got dto.Metric
	if err := h.Metric(desc, bounds, 1e9, "a").Write(&got); err != nil {
		t.Fatal(err)
	}
	if n, sum := got.Histogram.GetSampleCount(), got.Histogram.GetSampleSum(); n != 6 || sum != 0.047000002 {
		t.Errorf("%d values, %v s", n, sum)
	}
	for i, want := range []struct {
		bound float64
		upTo  uint64
	}{{0.001, 2}, {0.005, 4}, {0.02, 5}} {
		if b := got.Histogram.Bucket[i]; b.GetUpperBound() != want.bound || b.GetCumulativeCount() != want.upTo {
			t.Errorf("up to %v there are %d, want %d up to %v", b.GetUpperBound(), b.GetCumulativeCount(), want.upTo, want.bound)
		}
	}
	if n := testing.AllocsPerRun(100, func() { h.Add(bounds, 7) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBounds(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("17 bounds are taken")
		}
	}()
	Milliseconds(make([]int64, MostBuckets)...)
	Milliseconds(make([]int64, MostBuckets+1)...)
}
