package core

import (
	"testing"
	"time"

	"foundrylab/gateway/canary"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// What asks nothing of a model says nothing of those that do: neither do its failures
// open a breaker, nor does it close one, and its speed is nobody else's. But that
// nobody answers at all it tells as all do.
func TestApartTeachesNothing(t *testing.T) {
	count := func(core *Core, status uint16, retryMs uint32, why record.Reason, outcome record.Outcome) {
		sent := core.Step(1, Event{Kind: Request, Marks: Apart}, nil)[0]
		if sent.Kind == Send && outcome == record.Succeeded {
			core.Step(1, Event{Kind: Head, Ref: sent.Ref, Status: status, Marks: Apart}, nil)
		}
		core.Step(1, Event{Kind: End, Ref: sent.Ref, Status: status, RetryMs: retryMs, HasRetry: retryMs > 0, Reason: why, Outcome: outcome, Marks: Apart}, nil)
	}
	for name, c := range map[string]struct {
		status uint16
		retry  uint32
		why    record.Reason
		want   record.BackendState
	}{
		"a limit of its own": {429, 60_000, record.RateLimited, record.Closed},
		"no such route":      {501, 0, record.BackendStatus, record.Closed},
		"nobody there":       {0, 0, record.ConnectError, record.Open},
	} {
		core := New(policy(), Options{Backends: []string{"a"}})
		for range 3 {
			count(core, c.status, c.retry, c.why, record.Failed)
		}
		if state, _ := core.Backend(0); state != c.want {
			t.Errorf("%s: the backend is %v", name, state)
		}
	}
	core := New(policy(), Options{Backends: []string{"a"}})
	for range 3 {
		first := core.Step(1, Event{Kind: Request}, nil)[0]
		core.Step(1, Event{Kind: End, Ref: first.Ref, Status: 500, Outcome: record.Failed, Reason: record.BackendStatus}, nil)
		count(core, 200, 0, record.NoReason, record.Succeeded)
	}
	if state, _ := core.Backend(0); state != record.Open {
		t.Errorf("three failures with counts between them: the backend is %v", state)
	}
	if seen := &core.seen[0]; seen.InFlight != 0 || seen.Begins(1, false) != 0 { // nothing is awaited, and nothing known
		t.Errorf("%+v", seen)
	}
}

// Who is on trial must not be saved by hedges: a backend that was to show that it is
// back, and is slow, is open again; and a canary that hangs is rolled back.
func TestOutrunOnTrial(t *testing.T) {
	core := hedgingCore(func(cfg *Config) { cfg.Breaker.Failures = 1 })
	first := core.Step(1, Event{Kind: Request}, nil)[0]
	out := core.Step(1, Event{Kind: End, Ref: first.Ref, Status: 500, Outcome: record.Failed, Reason: record.BackendStatus}, nil)
	core.Step(1, Event{Kind: End, Ref: out[len(out)-1].Ref, Status: 200, Outcome: record.Succeeded}, nil)
	now := tick.Instant(11 * time.Second) // its breaker is half-open
	probe := core.Step(now, Event{Kind: Request}, nil)
	now = now.Add(time.Second)
	out = core.Step(now, Event{Kind: Silent, Ref: probe[len(probe)-1].Ref, Span: tick.ToUnits(time.Second)}, nil)
	if probe[len(probe)-1].Backend != 0 || len(out) != 1 || out[0].Kind != Send {
		t.Fatalf("%+v, then %+v", probe, out)
	}
	core.Step(now, Event{Kind: Head, Ref: out[0].Ref}, nil)
	if state, _ := core.Backend(0); state != record.Open {
		t.Errorf("outrun as it was to show that it is back, it is %v", state)
	}

	core = hedgingCore(func(cfg *Config) {
		cfg.Route.Groups = [][]string{{"a", "b"}}
		cfg.Canary = &canary.Config{Backends: []string{"b"}, Share: unit.One, By: "request", Rollback: canary.Rollback{Failures: 500_000, Over: unit.Duration(5 * time.Minute), Min: 5}}
	})
	for i := range 5 {
		first := core.Step(now, Event{Kind: Request, Ref: record.Ref{Slot: uint32(i)}}, nil)[0]
		now = now.Add(time.Second)
		second := core.Step(now, Event{Kind: Silent, Ref: first.Ref, Span: tick.ToUnits(time.Second)}, nil)[0]
		if out = core.Step(now, Event{Kind: Head, Ref: second.Ref}, nil); first.Backend != 1 || second.Backend != 0 || (out[0].Kind == RolledBack) != (i == 4) {
			t.Fatalf("request %d: first at %d, then at %d: %+v", i, first.Backend, second.Backend, out)
		}
		core.Step(now, Event{Kind: End, Ref: second.Ref, Status: 200, Outcome: record.Succeeded}, nil)
	}
}

// What is the client's own fault is its answer, whichever of two attempts hears it.
func TestClientsFaultEndsBoth(t *testing.T) {
	core := hedgingCore(nil)
	first := core.Step(1, Event{Kind: Request}, nil)[0]
	second := core.Step(tick.Instant(time.Second), Event{Kind: Silent, Ref: first.Ref, Span: tick.ToUnits(time.Second)}, nil)[0]
	out := core.Step(tick.Instant(time.Second), Event{Kind: End, Ref: first.Ref, Status: 400, Outcome: record.Failed, Reason: record.BackendStatus}, nil)
	if len(out) != 2 || out[0].Kind != Abort || out[0].Ref != second.Ref || out[1].Kind != Respond || out[1].Status != 400 || out[1].Backend != 0 || core.Active() != 0 {
		t.Errorf("%+v", out)
	}
}

// There is no hedge of what must be asked once, at a backend that is no more, or
// beyond the budget; and a look that leads to none leaves the turns as they were.
func TestNoHedge(t *testing.T) {
	for name, c := range map[string]struct {
		marks  Marks
		change func(*Config)
		next   []string
	}{
		"apart":     {Apart, nil, nil},
		"gone":      {0, nil, []string{"a"}},
		"no budget": {0, func(cfg *Config) { cfg.Hedge.Budget = Hedges{Burst: 1} }, nil},
	} {
		core := hedgingCore(func(cfg *Config) {
			cfg.Route.Policy, cfg.Route.Groups = "round-robin", [][]string{{"a", "b"}}
			if c.change != nil {
				c.change(cfg)
			}
		})
		if c.change != nil {
			core.hedges.Take(1, &core.cfg.hedges)
		}
		first := core.Step(1, Event{Kind: Request, Marks: c.marks}, nil)[0]
		if c.next != nil {
			next := *core.cfg.Config
			next.Route.Groups = [][]string{c.next}
			core.Step(1, Event{Kind: Configure, Version: core.Install(&next, []string{"a", "b"}, []Member{{"x", 1}})}, nil)
		}
		if out := core.Step(tick.Instant(time.Second), Event{Kind: Silent, Ref: first.Ref, Span: tick.ToUnits(time.Second)}, nil); len(out) != 0 {
			t.Errorf("%s: %+v", name, out)
		}
		core.Step(tick.Instant(time.Second), Event{Kind: End, Ref: first.Ref, Status: 200, Outcome: record.Succeeded}, nil)
		if again := core.Step(tick.Instant(time.Second), Event{Kind: Request}, nil)[0]; c.next == nil && again.Backend == first.Backend {
			t.Errorf("%s: it is not the other one's turn", name)
		}
	}
}

// That it is refused is its answer at once, and costs the others nothing: neither
// does it wait for a limit of its own, nor does the gate count it.
func TestApartIsRefusedAtOnce(t *testing.T) {
	for status, outcome := range map[uint16]record.Outcome{429: record.Throttled, 501: record.Failed} {
		core := hedgingCore(paced)
		for i := range 20 { // as many as would fill a minute
			out := core.Step(1, Event{Kind: Request, PromptTokens: 20_000, PromptEstimate: 20_000, Marks: Apart}, nil)
			for n := 0; out[len(out)-1].Kind == Send; n++ {
				if n == 2 {
					t.Fatalf("request %d is sent again and again", i)
				}
				out = core.Step(1, Event{Kind: End, Ref: out[len(out)-1].Ref, Status: status, RetryMs: 60_000, HasRetry: status == 429, Outcome: outcome, Reason: record.BackendStatus, Marks: Apart}, nil)
			}
			if e := out[len(out)-1]; e.Kind != Respond || e.Status != status || e.Made || core.Waiting() != 0 {
				t.Fatalf("request %d: %+v", i, out)
			}
		}
		if out := core.Step(1, Event{Kind: Request, PromptTokens: 20_000, PromptEstimate: 20_000}, nil); len(out) != 1 || out[0].Kind != Send || out[0].Backend != 0 {
			t.Errorf("%d, the next one: %+v", status, out)
		}
	}
}

// The Abort of a hedge that took too long says that it is one.
func TestSlowHedgeIsAborted(t *testing.T) {
	core := hedgingCore(func(cfg *Config) { cfg.Timeouts.Head = unit.Duration(3 * time.Second) })
	first := core.Step(1, Event{Kind: Request}, nil)[0]
	second := core.Step(tick.Instant(time.Second), Event{Kind: Silent, Ref: first.Ref, Span: tick.ToUnits(time.Second)}, nil)[0]
	out := core.Step(tick.Instant(4*time.Second), Event{Kind: Silent, Ref: second.Ref, Span: tick.ToUnits(3 * time.Second)}, nil)
	if e := out[len(out)-1]; e.Kind != Abort || e.Ref != second.Ref || !e.Hedge || e.Reason != record.AttemptTimeout {
		t.Errorf("%+v", out)
	}
}
