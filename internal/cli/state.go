package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"foundrylab/simulator"
	"foundrylab/simulator/lease"
	"foundrylab/simulator/replica"
)

// state is where sim keeps limits that several of it share; off without an address.
type state struct {
	address, away string
	wait          time.Duration
}

// aways are the words for what to do while the state is away.
var aways = map[string]lease.Away{"local_share": lease.LocalShare, "closed": lease.Closed, "open": lease.Open}

func (s *state) flags(c *cobra.Command) {
	c.Flags().StringVar(&s.address, "state", "", "Redis `address` through which several simulators have their limits together, as redis://127.0.0.1:6379/0 (with a password better in FOUNDRYLAB_STATE); default none")
	c.Flags().StringVar(&s.away, "state-away", "local_share", "`mode` while the state does not answer: local_share (each its part of the limits), closed (503) or open (no limits)")
	c.Flags().DurationVar(&s.wait, "state-wait", 20*time.Millisecond, "longest `time` that a request waits for the state before it is refused")
}

// sharing returns what the flags say, and how to end it.
func (s *state) sharing(c *cobra.Command) (simulator.Sharing, func(), error) {
	if s.address == "" {
		if c.Flags().Changed("state-away") || c.Flags().Changed("state-wait") {
			return simulator.Sharing{}, nil, usage("--state-away and --state-wait are about --state, which is not given")
		}
		return simulator.Sharing{}, func() {}, nil
	}
	away, known := aways[s.away]
	if !known {
		return simulator.Sharing{}, nil, usage("--state-away %s: choose local_share, closed or open", s.away)
	}
	if s.wait < time.Millisecond || s.wait > 10*time.Second {
		return simulator.Sharing{}, nil, usage("--state-wait %v: choose from 1ms to 10s", s.wait)
	}
	store, err := replica.Open(s.address)
	if err != nil {
		return simulator.Sharing{}, nil, usage("--state: %s", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "Limits are shared through %s\n", store)
	return simulator.Sharing{State: store, Away: away, Patience: s.wait}, func() { store.Close() }, nil
}
