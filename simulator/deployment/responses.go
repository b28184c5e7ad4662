package deployment

import (
	"foundrylab/internal/distribution"
	"foundrylab/internal/unit"
	"foundrylab/simulator/latency"
)

// Responses is how a deployment keeps the responses that later ones build upon.
type Responses struct {
	Visibility *latency.Quantiles `yaml:"visibility" doc:"how long a streamed response cannot be found after its end, log-normal; default: no time. Measured on the service in 2026: {p50: 6s, p95: 21s}"`
	Whole      unit.Ratio         `yaml:"whole" default:"10%" doc:"the share of this time for responses that were not streamed (undocumented by the service)"`
}

// Lag returns the distribution of how long a streamed response cannot be found, in nanoseconds, and what share of that
// others have, in ppm; false: all are found at once.
func (c *Config) Lag() (d distribution.Sampler, whole int64, late bool) {
	if c.Responses == nil || c.Responses.Visibility == nil {
		return d, 0, false
	}
	v := c.Responses.Visibility
	return distribution.NewLognormal(int64(v.P50), int64(v.P95), distribution.Z95, 0), int64(c.Responses.Whole), true
}
