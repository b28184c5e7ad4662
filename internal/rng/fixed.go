package rng

import "math/bits"

//go:generate go run ./gen

// One is 1 in Q32, the fixed-point format of this package.
const One int64 = 1 << 32

// Normal maps 64 uniform bits to a standard normal quantile in Q32; it is
// monotone in u. Between table points it interpolates (the CDF is met within 2e-5);
// beyond 2^-40 the tail is cut at about 7 sigma.
func Normal(u uint64) int64 {
	upper := u>>63 == 1
	q := u << 1 >> 1 // distance from the median side
	if upper {
		q = ^u << 1 >> 1
	}
	// q/2^64 is the tail probability in (0, 1/2); its octave and 32nd index
	// the table, the remaining bits interpolate.
	q |= 1
	octave := bits.LeadingZeros64(q) - 1
	if octave >= 40 {
		return sign(upper, normalTable[len(normalTable)-1])
	}
	frac := ^(q << (octave + 2)) // falls as q rises: 0 at the octave's start
	step := frac >> 59
	rest := int64(frac << 5 >> 32)
	i := octave*32 + int(step)
	a, b := normalTable[i], normalTable[i+1]
	return sign(upper, a+((b-a)*(rest>>8)>>24))
}

func sign(positive bool, v int64) int64 {
	if positive {
		return v
	}
	return -v
}

// Log2 returns log2(x) in Q32 for x >= 1 (error < 3e-6).
func Log2(x uint64) int64 {
	n := bits.Len64(x) - 1
	m := x << (63 - n) << 1 // mantissa below the leading one
	i := m >> 56
	rest := int64(m << 8 >> 40)
	a, b := log2Table[i], log2Table[i+1]
	return int64(n)<<32 + a + ((b-a)*rest)>>24
}

// MulExp2 returns v * 2^e for e in Q32 and v >= 0, saturating at MaxInt64
// (relative error < 1e-6).
func MulExp2(v, e int64) int64 {
	n := e >> 32
	f := uint64(e) & (1<<32 - 1)
	i := f >> 24
	rest := int64(f & (1<<24 - 1))
	a, b := exp2Table[i], exp2Table[i+1]
	m := uint64(a + ((b-a)*rest)>>24) // [1,2) in Q32
	hi, lo := bits.Mul64(uint64(v), m)
	shift := 32 - n
	switch {
	case shift >= 128:
		return 0
	case shift >= 64:
		return int64(hi >> (shift - 64))
	case shift < 0:
		return satShift(v, m, -shift)
	}
	if hi>>shift != 0 || shift == 0 && (hi != 0 || lo>>63 != 0) {
		return 1<<63 - 1
	}
	r := hi<<(64-shift) | lo>>shift
	if r>>63 != 0 {
		return 1<<63 - 1
	}
	return int64(r)
}

func satShift(v int64, m uint64, left int64) int64 {
	hi, lo := bits.Mul64(uint64(v), m)
	if v == 0 {
		return 0
	}
	if hi != 0 || left > 62 || lo >= 1<<(62-left) {
		return 1<<63 - 1
	}
	return int64(lo << left)
}

// Ln2 is ln(2) in Q32.
const Ln2 int64 = 2977044472

// Exponential maps 64 uniform bits to a standard exponential quantile,
// -ln(u), in Q32.
func Exponential(u uint64) int64 {
	l := int64(64)<<32 - Log2(u|1) // -log2(u/2^64)
	hi, lo := bits.Mul64(uint64(l), uint64(Ln2))
	return int64(hi<<32 | lo>>32)
}

// MulQ returns v*q for q in Q32, rounded down; v may be negative, the product
// must fit int64.
func MulQ(v, q int64) int64 {
	neg := (v < 0) != (q < 0)
	hi, lo := bits.Mul64(abs(v), abs(q))
	r := int64(hi<<32 | lo>>32)
	if neg {
		return -r
	}
	return r
}

func abs(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}
