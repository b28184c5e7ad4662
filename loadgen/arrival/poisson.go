package arrival

import (
	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
)

// Poisson has exponential gaps.
type Poisson struct {
	Rate unit.Rate `yaml:"rate" required:"true" doc:"mean rate, such as 6/s"`
}

var poissonKind = Kind{
	Name:    "poisson",
	Help:    "Independent arrivals: exponential gaps, coefficient of variation 1. Right for many users who do not know of each other.",
	Example: "poisson: {rate: 6/s}",
	start: func(c Config, s rng.Stream, _ []Row) Process {
		if c.Poisson == nil {
			return nil
		}
		mean := meanGap(c.Poisson.Rate)
		return &gaps{draw: func() int64 { return rng.MulQ(mean, rng.Exponential(s.Next())) }}
	},
}
