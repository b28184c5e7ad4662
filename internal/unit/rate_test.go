package unit

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestScale(t *testing.T) {
	tests := []struct {
		rate     Rate
		num, den int64
		want     Rate
	}{
		{Rate{6_000_000, 1e9}, 1, 1, Rate{6_000_000, 1e9}},
		{Rate{6_000_000, 1e9}, 13, 10, Rate{7_800_000, 1e9}},
		{Rate{10_000_000, 3600e9}, 1, 3, Rate{3_333_333, 3600e9}},
		{Rate{5, 60e9}, 1, 2, Rate{3, 60e9}},                        // half up
		{Rate{1, 1e9}, 1, 1000, Rate{1, 1e9}},                       // never zero
		{Rate{1e15, 1e9}, 2, 1, Rate{1e15, 1e9}},                    // never above 1/ns
		{Rate{1e15, 1e9}, math.MaxInt64, 1, Rate{1e15, 1e9}},        // 128 bits
		{Rate{1, 1e9}, math.MaxInt64, math.MaxInt64, Rate{1, 1e9}},  // 128 bits
		{Rate{3600e15, 3600e9}, 1, 3600e9, Rate{1_000_000, 3600e9}}, // large den
		{Rate{5, 1 << 62}, 2, 1, Rate{10, 1 << 62}},                 // a period no text has
	}
	for _, test := range tests {
		if got := test.rate.Scale(test.num, test.den); got != test.want {
			t.Errorf("%s times %d/%d = %s, want %s", test.rate, test.num, test.den, got, test.want)
		}
	}
}

func TestMeanGap(t *testing.T) {
	tests := []struct {
		rate Rate
		want int64
	}{
		{Rate{6_000_000, 1e9}, 166_666_667},
		{Rate{120_000_000, 60e9}, 500_000_000},
		{Rate{10_000_000, 3600e9}, 360e9},
		{Rate{3_000_000, 1e9}, 333_333_333},
		{Rate{1e15, 1e9}, 1},
		{Rate{1, 3600e9}, 3_600_000_000_000_000_000},
		{Rate{1, math.MaxInt64}, math.MaxInt64},
		{Rate{math.MaxInt64, 1}, 1},
	}
	for _, test := range tests {
		if got := test.rate.MeanGap(); got != test.want {
			t.Errorf("%s: mean gap %d ns, want %d", test.rate, got, test.want)
		}
	}
}

func TestRateArithmeticPanicsOnImpossibleInput(t *testing.T) {
	rate := Rate{6_000_000, 1e9}
	for name, call := range map[string]func(){
		"zero rate scale": func() { Rate{}.Scale(1, 1) },
		"zero num":        func() { rate.Scale(0, 1) },
		"negative den":    func() { rate.Scale(1, -1) },
		"zero rate gap":   func() { Rate{}.MeanGap() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			call()
		})
	}
}

// TestMulDivRound holds the 128-bit arithmetic against big integers.
func TestMulDivRound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		a, b, c := r.Uint64()>>r.IntN(63), r.Uint64()>>r.IntN(63), 1+r.Uint64()>>(1+r.IntN(62))
		want := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		want.Add(want, new(big.Int).SetUint64(c/2)).Quo(want, new(big.Int).SetUint64(c))
		got, ok := mulDivRound(a, b, c)
		if ok != want.IsUint64() || ok && got != want.Uint64() {
			t.Fatalf("%d*%d/%d = %d, %t, want %s", a, b, c, got, ok, want)
		}
	}
}
