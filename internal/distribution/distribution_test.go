package distribution

import (
	"math"
	"slices"
	"testing"

	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
)

func count(v int64) *unit.Count { c := unit.Count(v); return &c }

func TestQuantiles(t *testing.T) {
	for _, c := range []struct {
		name          string
		cfg           Config
		p50, p95, p99 float64
	}{
		{"constant", Config{Constant: count(4000)}, 4000, 4000, 4000},
		{"uniform", Config{Uniform: &Uniform{Min: 100, Max: 300}}, 200, 290, 298},
		{"exponential", Config{Exponential: &Exponential{Mean: 1000}}, 693, 2996, 4605},
		{"lognormal p95", Config{Lognormal: &Lognormal{P50: 600, P95: 1500}}, 600, 1500, 2192},
		{"lognormal p99", Config{Lognormal: &Lognormal{P50: 1000, P99: 4000}}, 1000, 2665, 4000},
	} {
		s := c.cfg.Compile()
		die := rng.New(1, rng.PromptLength, 1)
		v := make([]int64, 100000)
		for i := range v {
			v[i] = s.At(die.Draw(uint64(i), 0))
		}
		slices.Sort(v)
		for q, want := range map[float64]float64{0.5: c.p50, 0.95: c.p95, 0.99: c.p99} {
			got := float64(v[int(q*float64(len(v)))])
			if math.Abs(got-want) > want*0.02+1 {
				t.Errorf("%s p%v = %v, want %v", c.name, q*100, got, want)
			}
		}
	}
}

func TestCut(t *testing.T) {
	s := Config{Lognormal: &Lognormal{P50: 100, P95: 1000, Max: 1200}}.Compile()
	if got := s.At(math.MaxUint64); got != 1200 {
		t.Fatalf("cut at %d, want 1200", got)
	}
}
