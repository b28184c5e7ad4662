package core

import (
	"testing"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// A core may be configured as often as one likes: what nobody uses is gone, and its version another's. A request keeps its
// own, and of those there are as many as MaxConfigurations.
func TestConfigurationsAreBounded(t *testing.T) {
	c := New(policy(), Options{Backends: []string{"a"}})
	configure := func() []Effect {
		return c.Step(1, Event{Kind: Configure, Version: c.Install(policy(), []string{"a"}, nil)}, nil)
	}
	for range 70_000 { // more than fit a version of 16 bits
		if out := configure(); len(out) != 1 || out[0].Kind != Drained {
			t.Fatalf("%+v", out)
		}
	}
	if n, places := c.Configurations(), len(c.configs); n != 1 || places != 2 {
		t.Errorf("there are %d in %d places", n, places)
	}
	var attempts []record.Ref
	for c.Configurations() < MaxConfigurations {
		out := c.Step(1, Event{Kind: Request, Ref: record.Ref{Slot: uint32(len(attempts))}}, nil)
		attempts = append(attempts, out[0].Ref)
		configure()
	}
	if len(attempts) != MaxConfigurations-1 {
		t.Errorf("%d requests have a configuration of their own", len(attempts))
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("one more has room")
			}
		}()
		c.Install(policy(), []string{"a"}, nil)
	}()
	for _, ref := range attempts {
		out := c.Step(tick.Instant(2), Event{Kind: End, Ref: ref, Status: 200, Outcome: record.Succeeded}, nil)
		if len(out) != 2 || out[0].Kind != Respond || out[1].Kind != Drained {
			t.Fatalf("%+v", out)
		}
	}
	if n := c.Configurations(); n != 1 {
		t.Errorf("in the end there are %d", n)
	}
}
