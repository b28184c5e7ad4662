package record

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"foundrylab/internal/tick"
)

// Every value lies in the bucket that claims it, buckets meet without a gap,
// and a bucket is no wider than 1/2^sub of its least value.
func TestBuckets(t *testing.T) {
	for _, sub := range []uint8{runDigits, windowDigits} {
		last := -1
		values := []uint32{math.MaxUint32}
		for bit := range 32 {
			for _, d := range []int64{-2, -1, 0, 1, 2} {
				if v := int64(1)<<bit + d; v >= 0 && v <= math.MaxUint32 {
					values = append(values, uint32(v))
				}
			}
		}
		slices.Sort(values)
		for _, v := range values {
			i := bucket(v, sub)
			lo, hi := lowest(i, sub), lowest(i+1, sub)
			if int64(v) < lo || int64(v) >= hi || i < last {
				t.Fatalf("sub %d: %d is in bucket %d, of %d to %d", sub, v, i, lo, hi-1)
			}
			if width := hi - lo; width > max(lo>>sub, 1) {
				t.Errorf("sub %d: the bucket of %d is %d wide", sub, v, width)
			}
			last = i
		}
		for i := range bucket(math.MaxUint32, sub) {
			if lo := lowest(i, sub); bucket(uint32(lo), sub) != i {
				t.Fatalf("sub %d: %d, the least of bucket %d, is in %d", sub, lo, i, bucket(uint32(lo), sub))
			}
		}
	}
}

// spans draws values of all sizes up to a greatest one.
func spans(dice *rand.Rand, n int, most tick.Units) []tick.Units {
	values := make([]tick.Units, n)
	for i := range values {
		values[i] = tick.Units(dice.Int63n(int64(most)>>dice.Intn(12) + 1))
	}
	return values
}

// exact is the definition: the least value that at least permille/1000 of the
// values do not exceed.
func exact(values []tick.Units, permille int) tick.Units {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	for i, v := range sorted {
		if (i+1)*1000 >= permille*len(sorted) {
			return v
		}
	}
	panic("no value")
}

func TestQuantilesAgainstASortedList(t *testing.T) {
	dice := rand.New(rand.NewSource(1))
	for range 150 {
		most := tick.Units(1 << (1 + dice.Intn(31)))
		values := spans(dice, 1+dice.Intn(400), most)
		for _, sub := range []uint8{runDigits, windowDigits} {
			h := Hist{sub: sub}
			for _, v := range values {
				h.Add(v)
			}
			for _, permille := range []int{0, 1, 500, 900, 950, 990, 999, 1000} {
				want := int64(exact(values, permille)) * 100 // microseconds
				got := int64(h.Quantile(int64(permille)))
				// Exact below 2048 units, 204.8 ms; else the middle of a bucket that holds it.
				bound := want >> (sub + 1)
				if want < 100<<(sub+1) {
					bound = 0
				}
				if got < want-bound || got > want+bound {
					t.Fatalf("sub %d, %d values: the %d permille are %d us, want %d within %d", sub, len(values), permille, got, want, bound)
				}
			}
		}
	}
}

func TestQuantileKnown(t *testing.T) {
	var h Hist
	h.sub = runDigits
	if h.Quantile(500) != Null || h.p() != (P{Null, Null, Null}) {
		t.Error("nothing has quantiles")
	}
	for i := range 100 {
		h.Add(tick.Units(i + 1))
	}
	if got := h.p(); got != (P{5000, 9500, 9900}) { // 5.0, 9.5, 9.9 ms
		t.Errorf("of 0.1 to 10 ms: %v", got)
	}
	for _, c := range []struct {
		at   tick.Units
		want Millis
	}{{2047, 204_700}, {2048, 204_850}, {2049, 204_850}, {4095, 409_450}, {4096, 409_750}} {
		one := Hist{sub: runDigits}
		one.Add(c.at)
		if got := one.Quantile(950); got != c.want {
			t.Errorf("of %d alone: %v, want %v", c.at, got, c.want)
		}
	}
}

// The promises about resolution, three digits for a run and 6 % for a window,
// are widths: the middle of a bucket is half of that off at most.
func TestResolution(t *testing.T) {
	for v := tick.Units(1); v < 1<<31; v += 1 + v/7 {
		for sub, parts := range map[uint8]int64{runDigits: 2000, windowDigits: 31} {
			h := Hist{sub: sub}
			h.Add(v)
			if off := int64(h.Quantile(500)) - 100*int64(v); max(off, -off) > 100*int64(v)/parts {
				t.Fatalf("sub %d: %d reads as %v", sub, v, h.Quantile(500))
			}
		}
	}
}

// Parts merged in any grouping are the whole, and merging changes only the
// receiver.
func TestHistMerge(t *testing.T) {
	dice := rand.New(rand.NewSource(2))
	for range 50 {
		whole := Hist{sub: windowDigits}
		parts := make([]Hist, 1+dice.Intn(5))
		for i := range parts {
			parts[i].sub = windowDigits
		}
		for _, v := range spans(dice, dice.Intn(300), 1<<30) {
			whole.Add(v)
			parts[dice.Intn(len(parts))].Add(v)
		}
		for len(parts) > 1 {
			i := dice.Intn(len(parts) - 1)
			other := slices.Clone(parts[i+1].counts)
			parts[i].Merge(&parts[i+1])
			if !slices.Equal(other, parts[i+1].counts) {
				t.Fatal("merging changed the other")
			}
			parts = slices.Delete(parts, i+1, i+2)
		}
		for permille := int64(0); permille <= 1000; permille += 10 {
			if a, b := whole.Quantile(permille), parts[0].Quantile(permille); a != b {
				t.Fatalf("the %d permille are %v, merged %v", permille, a, b)
			}
		}
		if whole.total != parts[0].total {
			t.Fatalf("%d values, merged %d", whole.total, parts[0].total)
		}
	}
}

func TestClamp(t *testing.T) {
	for in, want := range map[int64]tick.Units{-1: 0, 0: 0, 7: 7, math.MaxUint32: math.MaxUint32, math.MaxUint32 + 1: math.MaxUint32, math.MinInt64: 0} {
		if got := clamp(in); got != want {
			t.Errorf("%d: %d, want %d", in, got, want)
		}
	}
}
