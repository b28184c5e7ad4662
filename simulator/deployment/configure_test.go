package deployment

import (
	"runtime"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
)

// Earlier configurations that requests still need are kept, and no more of them
// than there may be; with each that is drained there is room for another one.
func TestInstalledConfigurationsAreBounded(t *testing.T) {
	ample := standard(1_000_000_000, 1_000_000_000)
	c := New(ample, Options{})
	start := func(slot int) {
		c.Step(0, Event{Kind: Start, Ref: record.Ref{Slot: uint32(slot)}, MaxTokens: -1, OutputTokens: 1000, Stream: true}, nil)
	}
	for n := range maxInstalled - 1 {
		start(n)
		version, ok := c.Install(ample, 1)
		if !ok || version != uint32(n+1) {
			t.Fatalf("%d: version %d, %v", n, version, ok)
		}
		if out := c.Step(0, Event{Kind: Configure, Version: version}, nil); len(out) != 0 {
			t.Fatalf("%d: %s", n, describe(&out[0]))
		}
	}
	if _, ok := c.Install(ample, 1); ok || len(c.configs.at) != maxInstalled {
		t.Fatalf("%d configurations, and room for more", len(c.configs.at))
	}
	if out := c.Step(0, Event{Kind: Gone, Ref: record.Ref{Slot: 7}}, nil); len(out) != 2 || describe(&out[1]) != "version 7 is drained" {
		t.Fatalf("%+v", out)
	}
	if version, ok := c.Install(ample, 1); !ok || version != maxInstalled || len(c.configs.at) != maxInstalled {
		t.Fatalf("version %d of %d, %v", version, len(c.configs.at), ok)
	}
}

// A deployment that is changed all the time, with requests in flight, keeps
// what these need and nothing else.
func TestChangesLeaveNothing(t *testing.T) {
	const changes = 200_000
	c := New(standard(1_000_000, 60_000), Options{})
	cfg, now, out := standard(1_000_000, 60_000), tick.Instant(0), make([]Effect, 0, 8)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var before uint64
	for n := range changes {
		if n == changes/100 {
			before = heap()
		}
		now = now.Add(10 * time.Millisecond)
		ref := record.Ref{Slot: uint32(n % 50), Gen: uint32(n)}
		out = c.Step(now, Event{Kind: Start, Ref: ref, Key: uint64(n), PromptEstimate: 1, MaxTokens: -1, OutputTokens: 5}, out[:0])
		version, ok := c.Install(cfg, 1)
		if !ok || version != uint32(n+1) {
			t.Fatalf("%d: version %d, %v", n, version, ok)
		}
		out = c.Step(now, Event{Kind: Configure, Version: version, Forget: n%7 == 0}, out[:0])
	}
	if n := len(c.configs.at); n > 60 {
		t.Errorf("places for %d configurations", n)
	}
	if after := heap(); after > before+(1<<20) {
		t.Errorf("%d bytes, and %d after %d changes", before, after, changes)
	}
	runtime.KeepAlive(c)
}

// What is taken back leaves nothing: not its place, not its version, and what
// comes next goes on from what is in force.
func TestWithdraw(t *testing.T) {
	c := New(standard(1000, 600), Options{})
	down := []fault.Rule{fault.Compile(fault.Config{Name: "down", For: 1e9, Outage: &fault.Outage{}}, 0, 1)}
	for range 3 * maxInstalled {
		c.Install(standard(5, 5), 1)
		c.InstallFaults(down)
		c.Withdraw()
	}
	if out := c.Step(0, Event{Kind: Configure, Version: 1}, nil); len(out) != 1 || out[0].Kind != Stray {
		t.Fatalf("%+v", out)
	}
	version, ok := c.Install(standard(2000, 600), 1)
	if !ok || version != 1 || len(c.configs.at) > 3 {
		t.Fatalf("version %d, %v, %d places", version, ok, len(c.configs.at))
	}
	out := c.Step(0, Event{Kind: Configure, Version: version}, nil)
	if len(out) != 1 || out[0].Kind != Drained || c.cfg.TPM != 2000 || len(c.cfg.faults.rules) != 0 {
		t.Errorf("%+v, and %d faults", out, len(c.cfg.faults.rules))
	}
}
