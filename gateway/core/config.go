package core

import (
	"fmt"

	"foundrylab/gateway/breaker"
	"foundrylab/gateway/retry"
	"foundrylab/gateway/route"
)

// Config is a gateway: the `gateway` part of a scenario.
type Config struct {
	Route       route.Config   `yaml:"route" required:"true" doc:"which backend a request goes to"`
	Retry       retry.Config   `yaml:"retry" doc:"when it is sent again"`
	Breaker     breaker.Config `yaml:"breaker" doc:"when a backend is left alone"`
	MaxInFlight int            `yaml:"max_in_flight" default:"200000" min:"1" max:"1000000" doc:"bound on requests inside the gateway; above it 503"`
}

// MaxBackends bounds the backends of one gateway: what a request has tried is
// a 64-bit set.
const MaxBackends = 64

// Validate implements yamlconf.Validator.
func (c Config) Validate(fail func(path, format string, args ...any)) {
	n := 0
	for i, g := range c.Route.Groups {
		if n += len(g); n > MaxBackends {
			fail(fmt.Sprintf("route.groups[%d]", i), "a gateway takes at most %d backends", MaxBackends)
			return
		}
	}
}
