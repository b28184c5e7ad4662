// Package distribution holds the distributions a configuration can name and their
// integer quantiles. A sample is a monotone function of 64 uniform bits, so it
// is the same on every machine. It refuses floating point and state.
package distribution

import (
	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
)

// Config is one distribution of whole numbers (tokens), as a one-key map;
// a bare number is a constant.
type Config struct {
	Constant    *unit.Count  `yaml:"constant" scalar:"true" doc:"always this number"`
	Uniform     *Uniform     `yaml:"uniform" doc:"every whole number from min to max alike"`
	Exponential *Exponential `yaml:"exponential" doc:"exponential with a mean"`
	Lognormal   *Lognormal   `yaml:"lognormal" doc:"log-normal, given by its median and one upper quantile"`
}

// Most is the greatest number a distribution may be given or yield: more
// tokens than any model takes, few enough that sums and characters of them fit.
const Most = 2_000_000

// OneOf marks Config as a choice of one key.
func (Config) OneOf() {}

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	check := func(path string, values ...unit.Count) {
		for _, v := range values {
			if v > Most {
				fail(path, "%v is more than %d", v, Most)
				return
			}
		}
	}
	switch {
	case c.Constant != nil:
		check("constant", *c.Constant)
	case c.Uniform != nil:
		check("uniform", c.Uniform.Min, c.Uniform.Max)
	case c.Exponential != nil:
		check("exponential", c.Exponential.Mean, c.Exponential.Max)
	case c.Lognormal != nil:
		check("lognormal", c.Lognormal.P50, c.Lognormal.P95, c.Lognormal.P99, c.Lognormal.Max)
	}
}

// Uniform is every whole number from Min to Max.
type Uniform struct {
	Min unit.Count `yaml:"min" required:"true" doc:"least value"`
	Max unit.Count `yaml:"max" required:"true" doc:"greatest value"`
}

// Validate implements yamlconf.Validator.
func (u Uniform) Validate(fail func(path, format string, args ...any)) {
	if u.Max < u.Min {
		fail("max", "must not be below min (%v)", u.Min)
	}
}

// Exponential has a mean.
type Exponential struct {
	Mean unit.Count `yaml:"mean" required:"true" doc:"mean value"`
	Max  unit.Count `yaml:"max" doc:"values above are cut to this; absent: 20 x mean"`
}

// Lognormal is given by its median and its 95th or 99th percentile.
type Lognormal struct {
	P50 unit.Count `yaml:"p50" required:"true" doc:"median"`
	P95 unit.Count `yaml:"p95" doc:"95th percentile; give this or p99"`
	P99 unit.Count `yaml:"p99" doc:"99th percentile; give this or p95"`
	Max unit.Count `yaml:"max" doc:"values above are cut to this; absent: 20 x p50"`
}

// Validate implements yamlconf.Validator.
func (l Lognormal) Validate(fail func(path, format string, args ...any)) {
	if l.P50 < 1 {
		fail("p50", "must be at least 1")
	}
	upper := max(l.P95, l.P99)
	if (l.P95 == 0) == (l.P99 == 0) {
		fail("", "give exactly one of p95 and p99")
	} else if upper < l.P50 {
		fail("p50", "is above the upper percentile (%v)", upper)
	}
}

// Sampler is a compiled distribution; a value, safe to copy.
type Sampler struct {
	kind     kind
	a, sigma int64 // sigma: log2 units per standard deviation, Q32
	lo, hi   int64
	least    int64
}

type kind uint8

const (
	constant kind = iota
	uniform
	exponential
	lognormal
)

// Compile returns the sampler of a valid Config.
func (c Config) Compile() Sampler {
	switch {
	case c.Constant != nil:
		return Constant(int64(*c.Constant))
	case c.Uniform != nil:
		return Sampler{kind: uniform, lo: int64(c.Uniform.Min), hi: int64(c.Uniform.Max)}
	case c.Exponential != nil:
		return NewExponential(int64(c.Exponential.Mean), int64(c.Exponential.Max)).AtMost(Most)
	case c.Lognormal != nil:
		l := c.Lognormal
		upper, z := int64(l.P95), Z95
		if upper == 0 {
			upper, z = int64(l.P99), Z99
		}
		return NewLognormal(int64(l.P50), upper, z, int64(l.Max)).AtMost(Most)
	}
	return Sampler{}
}

// Constant always yields v.
func Constant(v int64) Sampler { return Sampler{kind: constant, a: v} }

// NewExponential has the given mean, cut at limit (0: 20 x mean).
func NewExponential(mean, limit int64) Sampler {
	if limit == 0 {
		limit = 20 * mean
	}
	return Sampler{kind: exponential, a: mean, hi: limit}
}

// Standard normal quantiles in Q32.
const (
	Z95 int64 = 7064589318 // 1.6448536
	Z99 int64 = 9991601690 // 2.3263479
)

// NewLognormal has median p50 and value upper at standard normal quantile z
// (Q32), cut at limit (0: 20 x p50). p50 and upper are at least 1.
func NewLognormal(p50, upper, z, limit int64) Sampler {
	if limit == 0 {
		limit = 20 * p50
	}
	spread := rng.Log2(uint64(upper)) - rng.Log2(uint64(p50))
	return NewLog2normal(p50, divQ(spread, z), limit)
}

// NewLog2normal has median p50 and a standard deviation of sigma (Q32) in
// log2 units, cut at limit.
func NewLog2normal(p50, sigma, limit int64) Sampler {
	return Sampler{kind: lognormal, a: p50, sigma: max(sigma, 0), hi: limit}
}

// divQ divides two Q32 numbers, b > 0.
func divQ(a, b int64) int64 {
	if a < 0 {
		return 0
	}
	whole := a / b
	rest := a % b
	return whole<<32 + (rest<<28)/b<<4
}

// At returns the quantile at 64 uniform bits.
func (s Sampler) At(u uint64) int64 { return max(s.at(u), s.least) }

func (s Sampler) at(u uint64) int64 {
	switch s.kind {
	case uniform:
		return s.lo + rng.Below(u, s.hi-s.lo+1)
	case exponential:
		return min(rng.MulQ(s.a, rng.Exponential(u)), s.hi)
	case lognormal:
		return min(rng.MulExp2(s.a, rng.MulQ(s.sigma, rng.Normal(u))), s.hi)
	}
	return s.a
}

// AtLeast returns the sampler with every value raised to lo.
func (s Sampler) AtLeast(lo int64) Sampler {
	s.least = lo
	return s
}

// AtMost returns the sampler with its cut lowered to hi.
func (s Sampler) AtMost(hi int64) Sampler {
	s.hi = min(s.hi, hi)
	return s
}

// Least returns what AtLeast set.
func (s Sampler) Least() int64 { return s.least }
