package arrival

import (
	"math"
	"math/bits"

	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Gamma has gamma-distributed gaps with a coefficient of variation.
type Gamma struct {
	Rate unit.Rate  `yaml:"rate" required:"true" doc:"mean rate, such as 2/s"`
	CV   unit.Ratio `yaml:"cv" required:"true" doc:"coefficient of variation of the gaps: 1 is Poisson, above is bursty; 0.1 to 20"`
}

// Validate implements yamlconf.Validator.
func (g Gamma) Validate(fail func(path, format string, args ...any)) {
	if g.CV < 100_000 || g.CV > 20_000_000 {
		fail("cv", "must be between 0.1 and 20")
	}
}

var gammaKind = Kind{
	Name:    "gamma",
	Help:    "Gamma-distributed gaps with a chosen coefficient of variation: recorded clients have 1 to 5, a coding service 13.",
	Example: "gamma: {rate: 2/s, cv: 3.5}",
	start: func(c Config, s rng.Stream, _ []Row) Process {
		if c.Gamma == nil {
			return nil
		}
		g := newGamma(int64(c.Gamma.CV), meanGap(c.Gamma.Rate), s)
		draw := g.first
		return &gaps{draw: func() int64 {
			gap := draw()
			draw = g.draw
			return gap
		}}
	},
}

// first returns the wait for the first arrival of a process that has been going
// on: a uniform part of a gap drawn in proportion to its length. Beginning with
// a fresh gap would begin every run with a burst.
func (g *gamma) first() int64 {
	longer := newGammaShape(g.shape+rng.One, g.mean, g.stream)
	v := tick.MulDiv(rng.MulQ(g.mean, longer.unit()), rng.One, g.shape)
	g.stream = longer.stream
	return rng.Below(g.stream.Next(), v+1)
}

// gamma samples by Marsaglia and Tsang's squeeze-free method (2000) in Q32
// integers; for a shape below one it samples shape+1 and multiplies by
// U^(1/shape).
type gamma struct {
	stream rng.Stream
	mean   int64
	shape  int64 // Q32: 1/cv^2
	d, c   int64 // Q32: shape' - 1/3, 1/(3 sqrt d)
	boost  bool
}

func newGamma(cvPPM, mean int64, s rng.Stream) *gamma {
	inv := tick.MulDiv(rng.One, 1_000_000, cvPPM) // 1/cv
	return newGammaShape(max(rng.MulQ(inv, inv), 1), mean, s)
}

func newGammaShape(shape, mean int64, s rng.Stream) *gamma {
	g := &gamma{stream: s, mean: mean, shape: shape}
	a := g.shape
	if g.boost = a < rng.One; g.boost {
		a += rng.One
	}
	g.d = a - rng.One/3
	g.c = tick.MulDiv(rng.One, rng.One, 3*sqrtQ(g.d))
	return g
}

// draw returns a gap in nanoseconds.
func (g *gamma) draw() int64 {
	v := g.unit()
	if g.boost {
		// U^(1/shape) = 2^(log2(U)/shape)
		minusLog := int64(64)<<32 - rng.Log2(g.stream.Next()|1)
		e := tick.MulDiv(minusLog, rng.One, g.shape)
		if e >= 128<<32 {
			return 0
		}
		v = rng.MulExp2(v, -e)
	}
	return tick.MulDiv(rng.MulQ(g.mean, v), rng.One, g.shape)
}

// unit returns a gamma variate of unit scale in Q32.
func (g *gamma) unit() int64 {
	for {
		x := rng.Normal(g.stream.Next())
		t := rng.One + rng.MulQ(g.c, x)
		if t <= 0 {
			continue
		}
		v := rng.MulQ(rng.MulQ(t, t), t)
		if v <= 0 {
			continue
		}
		lnV := rng.MulQ(rng.Log2(uint64(v))-32<<32, rng.Ln2)
		right := rng.MulQ(x, x)/2 + g.d - rng.MulQ(g.d, v) + rng.MulQ(g.d, lnV)
		if -rng.Exponential(g.stream.Next()) < right {
			return rng.MulQ(g.d, v)
		}
	}
}

// sqrtQ returns the square root of a Q32 number by Newton's method.
func sqrtQ(v int64) int64 {
	// sqrt(v * 2^32) in integers
	hi, lo := bits.Mul64(uint64(v), 1<<32)
	x := uint64(1) << ((bits.Len64(uint64(v)) + 33) / 2)
	for range 64 {
		if hi >= x {
			return math.MaxInt64
		}
		q, _ := bits.Div64(hi, lo, x)
		next := (x + q) / 2
		if next >= x {
			break
		}
		x = next
	}
	return int64(x)
}
