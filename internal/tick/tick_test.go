package tick

import (
	"math"
	"math/big"
	"math/rand"
	"testing"
	"time"
)

func TestMulDivAgainstBig(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 20000 {
		a, b, c := r.Int63()>>r.Intn(63), r.Int63()>>r.Intn(63), r.Int63()>>r.Intn(62)+1
		p := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		q, rest := new(big.Int).DivMod(p, big.NewInt(c), new(big.Int))
		up := new(big.Int).Set(q)
		if rest.Sign() > 0 {
			up.Add(up, big.NewInt(1))
		}
		if got := MulDiv(a, b, c); got != saturated(q) {
			t.Fatalf("MulDiv(%d,%d,%d)=%d want %v", a, b, c, got, q)
		}
		if got := CeilMulDiv(a, b, c); got != saturated(up) {
			t.Fatalf("CeilMulDiv(%d,%d,%d)=%d want %v", a, b, c, got, up)
		}
	}
}

func saturated(v *big.Int) int64 {
	if !v.IsInt64() {
		return math.MaxInt64
	}
	return v.Int64()
}

func TestUnitsKeepThePhase(t *testing.T) {
	at := Instant(7*Grid) + 123
	if got := at.After(ToUnits(250 * time.Millisecond)); got-got.Floor() != 123 {
		t.Fatalf("phase lost: %d", got)
	}
	for _, c := range []struct {
		d time.Duration
		u Units
	}{{-5, 0}, {0, 0}, {49 * time.Microsecond, 0}, {50 * time.Microsecond, 1}, {time.Second, 10000}} {
		if got := ToUnits(c.d); got != c.u {
			t.Errorf("ToUnits(%v) = %d, want %d", c.d, got, c.u)
		}
	}
	if Never.Add(time.Hour) != Never {
		t.Error("Never moves")
	}
}

func TestInPhaseOf(t *testing.T) {
	for _, c := range []struct{ at, of, want Instant }{
		{1_000_000, 5_000_123, 1_000_123},
		{1_000_123, 5_000_123, 1_000_123},
		{1_000_124, 5_000_123, 1_100_123},
		{1_099_999, 5_000_000, 1_100_000},
		{5_000_123, 1_000_124, 5_000_124},
		{Never, 7, Never},
	} {
		if got := c.at.InPhaseOf(c.of); got != c.want {
			t.Errorf("%d in the phase of %d: %d, want %d", c.at, c.of, got, c.want)
		}
	}
}
