package rng

import (
	"fmt"
	"math"
	"testing"
)

func TestNormalMatchesErfc(t *testing.T) {
	prev := int64(math.MinInt64)
	for i := 1; i < 100000; i++ {
		u := uint64(float64(i) / 100000 * math.Exp2(64))
		z := Normal(u)
		if z < prev {
			t.Fatalf("Normal not monotone at %d", i)
		}
		prev = z
		got := 0.5 * math.Erfc(-float64(z)/float64(One)/math.Sqrt2)
		if want := float64(i) / 100000; math.Abs(got-want) > 2e-5 {
			t.Fatalf("Normal(%v): CDF %v", want, got)
		}
	}
	for _, e := range []int{30, 24, 20, 10} {
		u := uint64(1) << (64 - e)
		z := float64(Normal(u)) / float64(One)
		got := 0.5 * math.Erfc(-z/math.Sqrt2)
		if want := math.Exp2(-float64(e)); math.Abs(got/want-1) > 1e-3 {
			t.Fatalf("tail 2^-%d: got %v want %v", e, got, want)
		}
	}
}

func TestLog2AndMulExp2(t *testing.T) {
	for x := uint64(1); x < 1<<40; x = x*9/8 + 1 {
		if got, want := float64(Log2(x))/float64(One), math.Log2(float64(x)); math.Abs(got-want) > 4e-6 {
			t.Fatalf("Log2(%d) = %v want %v", x, got, want)
		}
	}
	for e := -40.0; e < 20; e += 0.37 {
		got := float64(MulExp2(1_000_000_000, int64(e*float64(One))))
		want := 1e9 * math.Exp2(e)
		if math.Abs(got-want) > want*2e-6+1 {
			t.Fatalf("MulExp2(1e9, %v) = %v want %v", e, got, want)
		}
	}
	if MulExp2(1<<40, 100<<32) != math.MaxInt64 || MulExp2(5, -200<<32) != 0 || MulExp2(0, 100<<32) != 0 {
		t.Fatal("MulExp2 must saturate and vanish")
	}
}

func TestExponentialMean(t *testing.T) {
	s := New(7, Arrival, 1).Stream()
	var sum float64
	const n = 200000
	for range n {
		sum += float64(Exponential(s.Next())) / float64(One)
	}
	if mean := sum / n; math.Abs(mean-1) > 0.01 {
		t.Fatalf("mean %v", mean)
	}
}

// A draw depends on every coordinate and on nothing else.
func TestDrawsAreKeyed(t *testing.T) {
	base := New(1, Pace, Entity("a")).Draw(5, 0)
	for name, other := range map[string]uint64{
		"seed":    New(2, Pace, Entity("a")).Draw(5, 0),
		"purpose": New(1, FirstToken, Entity("a")).Draw(5, 0),
		"entity":  New(1, Pace, Entity("b")).Draw(5, 0),
		"key":     New(1, Pace, Entity("a")).Draw(6, 0),
		"attempt": New(1, Pace, Entity("a")).Draw(5, 1),
	} {
		if other == base {
			t.Errorf("%s does not change the draw", name)
		}
	}
	if New(1, Pace, Entity("a")).Draw(5, 0) != base {
		t.Error("a draw is not repeatable")
	}
}

func TestDrawIsUniform(t *testing.T) {
	d := New(3, RouteChoice, 9)
	var bins [64]int
	const n = 640000
	for k := range uint64(n) {
		bins[d.Draw(k, uint32(k&1))>>58]++
	}
	chi := 0.0
	for _, b := range bins {
		x := float64(b) - n/64
		chi += x * x / (n / 64)
	}
	if chi > 120 { // 63 degrees of freedom: P < 1e-5
		t.Fatalf("chi square %v", chi)
	}
}

func BenchmarkDraw(b *testing.B) {
	d := New(3, RouteChoice, 9)
	var x uint64
	for i := 0; b.Loop(); i++ {
		x += d.Draw(uint64(i), 0)
	}
	_ = x
}

func BenchmarkNormal(b *testing.B) {
	d := New(3, RouteChoice, 9)
	var x int64
	for i := 0; b.Loop(); i++ {
		x += MulExp2(600, Normal(d.Draw(uint64(i), 0)))
	}
	_ = x
}

// Digest tells texts apart by every byte and by their length, and is the same everywhere.
func TestDigest(t *testing.T) {
	if got := Digest([]byte("the same on every machine, whatever its words are like")); got != 0x90d52f25c0fb1657 {
		t.Errorf("%#x", got)
	}
	seen := map[uint64]string{}
	note := func(what string, text []byte) {
		d := Digest(text)
		if other, known := seen[d]; known {
			t.Errorf("%s and %s have one digest", what, other)
		}
		seen[d] = what
	}
	for n := range 70 {
		note(fmt.Sprintf("%d zeroes", n), make([]byte, n))
		for i := range n {
			for bit := range 8 {
				text := make([]byte, n)
				text[i] = 1 << bit
				note(fmt.Sprintf("%d zeroes, bit %d of %d set", n, bit, i), text)
			}
		}
	}
}
