package arrival

import (
	"time"

	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Constant has equal gaps.
type Constant struct {
	Rate unit.Rate `yaml:"rate" required:"true" doc:"rate, such as 10/s"`
}

var constantKind = Kind{
	Name:    "constant",
	Help:    "Evenly spaced arrivals, the first one gap after the start; the n-th is exact, gaps do not accumulate rounding.",
	Example: "constant: {rate: 10/s}",
	start: func(c Config, _ rng.Stream, _ []Row) Process {
		if c.Constant == nil {
			return nil
		}
		return &even{rate: c.Constant.Rate}
	},
}

type even struct {
	rate unit.Rate
	n    int64
}

func (e *even) Next() (Arrival, bool) {
	e.n++
	// n arrivals take n*Per*1e6/Num nanoseconds
	at := tick.MulDiv(tick.MulDiv(e.n, 1_000_000, 1), e.rate.Per, e.rate.Num)
	return Arrival{At: time.Duration(at), Prompt: -1, Output: -1}, true
}
