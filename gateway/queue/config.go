package queue

import (
	"fmt"

	"foundrylab/internal/unit"
)

// Config is the `queue` part of a gateway.
type Config struct {
	Discipline  string        `yaml:"discipline" default:"vtc" enum:"vtc|drr|fifo" doc:"whose turn it is among the tenants of a band: vtc (virtual token counters), drr (deficit round robin) or fifo (by arrival, whoever sent it)"`
	Bands       []Band        `yaml:"bands" doc:"priority bands, the highest first; default one band, which all tenants share"`
	MaxRequests int           `yaml:"max_requests" default:"10000" min:"1" max:"1000000" doc:"bound on requests that wait"`
	MaxBytes    unit.Count    `yaml:"max_bytes" default:"256M" min:"1" max:"1000000000000" doc:"bound on the bytes of their bodies"`
	TTL         unit.Duration `yaml:"ttl" default:"30s" min:"1ms" doc:"longest wait; then a request is refused"`
	Quantum     unit.Count    `yaml:"quantum" default:"1000" min:"1" max:"1000000000" doc:"drr: the tokens that a tenant of weight 1 may be served in a round"`
}

// Band is a level of priority.
type Band struct {
	Name        string        `yaml:"name" required:"true" doc:"band name"`
	MinShare    unit.Ratio    `yaml:"min_share" max:"100%" doc:"part of all tokens served while it has requests waiting that the band gets even while higher ones wait; the first band needs none"`
	MaxRequests int           `yaml:"max_requests" min:"0" max:"1000000" doc:"bound on the band's requests that wait; default 0: the queue's alone"`
	MaxBytes    unit.Count    `yaml:"max_bytes" max:"1000000000000" doc:"bound on the bytes of their bodies; default 0: the queue's alone"`
	TTL         unit.Duration `yaml:"ttl" doc:"longest wait of the band's requests; default 0s: the queue's"`
}

// MaxBands bounds the bands of a queue.
const MaxBands = 16

// maxShares bounds what all minimum shares together may be.
const maxShares = unit.One * 9 / 10

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	if len(c.Bands) > MaxBands {
		fail("bands", "a queue has at most %d bands", MaxBands)
	}
	var sum unit.Ratio
	for i, b := range c.Bands {
		if i == 0 && b.MinShare > 0 {
			fail("bands[0].min_share", "is for lower bands: nothing comes before the first")
		}
		sum += b.MinShare
		for _, earlier := range c.Bands[:i] {
			if earlier.Name == b.Name {
				fail(fmt.Sprintf("bands[%d].name", i), "%q is listed twice", b.Name)
				break
			}
		}
	}
	if sum > maxShares {
		fail("bands", "the minimum shares add up to %s: above %s nothing would be left to go by priority", sum, maxShares)
	}
}
