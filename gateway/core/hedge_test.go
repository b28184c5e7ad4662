package core

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/queue"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// hedgingCore is a core over a and b that hedges after a second.
func hedgingCore(change func(*Config)) *Core {
	cfg := policy()
	cfg.Route.Groups = [][]string{{"a"}, {"b"}}
	cfg.Hedge.After = unit.Duration(time.Second)
	if change != nil {
		change(cfg)
	}
	return New(cfg, Options{Seed: 1, Backends: []string{"a", "b"}, Tenants: []Member{{"x", 1}}})
}

// paced gives a core a queue and two backends that admit 60,000 tokens a minute, half of
// which are kept for who uses less than its share.
func paced(cfg *Config) {
	cfg.Retry.Attempts = 2
	cfg.Queue = &queue.Config{Discipline: "vtc", MaxRequests: 10, MaxBytes: 1 << 20, TTL: unit.Duration(time.Minute)}
	cfg.Budget = budget.Config{Dispatch: "predictive", Reserve: 500_000}
	for _, name := range []string{"a", "b"} {
		cfg.Budget.Limits = append(cfg.Budget.Limits, budget.Limit{Backend: name, TPM: 60_000, OutputWeight: 1, Charge: "actual", RPMWindow: unit.Duration(time.Second)})
	}
}

// A hedge has the claim of a request that comes: what is kept for who uses less than
// its share is not for the second attempt of somebody who uses more.
func TestHedgesTakeNoReserve(t *testing.T) {
	for prompt, want := range map[int32]int{10_000: 1, 20_000: 0} {
		core := hedgingCore(paced)
		first := core.Step(1, Event{Kind: Request, PromptTokens: prompt, PromptEstimate: prompt}, nil)[0].Ref
		out := core.Step(tick.Instant(time.Second), Event{Kind: Silent, Ref: first, Span: tick.ToUnits(time.Second)}, nil)
		if len(out) != want {
			t.Errorf("a prompt of %d: %+v", prompt, out)
		}
	}
}

// What a request's attempts are charged at the gates of their backends, to their
// tenant's share of them and to its place in the queue, is what the two of them
// would be charged alone, whichever of them is outrun.
func TestHedgesAreCharged(t *testing.T) {
	for _, c := range []struct {
		name  string
		ends  []string // of first and second
		a, b  bool     // their gates hold what they were charged
		lined int64    // what the queue has charged the tenant
	}{
		{"the first begins", []string{"head first", "ok first"}, true, true, 20_000},
		{"the second begins", []string{"head second", "ok second"}, true, true, 20_000},
		{"the second is there at once", []string{"ok second"}, true, true, 20_000},
		{"the first is refused", []string{"429 first", "ok second"}, false, true, 10_000},
		{"the second is refused", []string{"429 second", "ok first"}, true, false, 10_000},
		{"the first fails, of which nobody knows what it cost", []string{"503 first", "ok second"}, true, true, 10_000},
		{"the client leaves", []string{"gone"}, true, true, 20_000},
		{"both are refused", []string{"429 first", "429 second"}, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			core := hedgingCore(paced)
			req := record.Ref{}
			now := tick.Instant(time.Second)
			first := core.Step(now, Event{Kind: Request, Ref: req, PromptTokens: 10_000, PromptEstimate: 10_000, MaxTokens: 0}, nil)[0].Ref
			now = now.Add(time.Second)
			out := core.Step(now, Event{Kind: Silent, Ref: first, Span: tick.ToUnits(time.Second)}, nil)
			if len(out) != 1 || out[0].Kind != Send || !out[0].Hedge || out[0].Backend != 1 || out[0].Attempts != 2 || !out[0].Bounded {
				t.Fatalf("no hedge: %+v", out)
			}
			attempts := map[string]record.Ref{"first": first, "second": out[0].Ref}
			lined := core.attempts[first.Slot].lined + core.attempts[out[0].Ref.Slot].lined
			if lined != 20_000 {
				t.Errorf("the queue has charged %d for two attempts", lined)
			}
			for _, what := range c.ends {
				kind, which, _ := strings.Cut(what, " ")
				ev := Event{Kind: Head, Ref: attempts[which]}
				if kind == "gone" {
					ev = Event{Kind: Gone, Ref: req}
				} else if kind != "head" {
					ev.Kind = End
					ev.Status, ev.Outcome, ev.Reason = result(kind)
				}
				out = core.Step(now, ev, nil)
			}
			if last := out[len(out)-1]; last.Kind != Respond || !last.Hedge || last.Attempts != 2 {
				t.Errorf("ends with %+v", last)
			}
			for backend, want := range []bool{c.a, c.b} {
				if took := core.gate.OpensAt(now, backend, 60_000, budget.Entitled) > now.Add(10*time.Second); took != want {
					t.Errorf("the gate of backend %d holds something: %v", backend, took)
				}
			}
			lined = 0
			for i := range core.attempts {
				lined += core.attempts[i].lined
			}
			if lined != c.lined {
				t.Errorf("the queue has charged %d, want %d", lined, c.lined)
			}
		})
	}
}

// An attempt that is outrun says nothing of its backend, and one that fails what
// any that fails says.
func TestOutrunTeachesNothing(t *testing.T) {
	core := hedgingCore(func(cfg *Config) { cfg.Breaker.Failures = 1 })
	now := tick.Instant(1)
	for i := range 20 {
		req := record.Ref{Slot: uint32(i)}
		first := core.Step(now, Event{Kind: Request, Ref: req}, nil)[0]
		now = now.Add(time.Second)
		out := core.Step(now, Event{Kind: Silent, Ref: first.Ref, Span: tick.ToUnits(time.Second)}, nil)
		second := out[len(out)-1]
		if first.Backend != 0 || second.Kind != Send || second.Backend != 1 {
			t.Fatalf("request %d: sent to %d, then %+v", i, first.Backend, second)
		}
		out = core.Step(now, Event{Kind: Head, Ref: second.Ref}, nil)
		if len(out) != 2 || out[0].Kind != Abort || out[0].Ref != first.Ref || out[0].Reason != record.Outrun || out[0].Hedge || out[1].Kind != Commit || !out[1].Hedge {
			t.Fatalf("request %d: %+v", i, out)
		}
		core.Step(now, Event{Kind: End, Ref: second.Ref, Status: 200, Outcome: record.Succeeded}, nil)
	}
	if state, _ := core.Backend(0); state != record.Closed {
		t.Errorf("the backend that was outrun is %v", state)
	}
}

// Hedges are as many as the budget says, and what they cost is not more than that
// where every answer is slow.
func TestHedgesStayWithinTheirBudget(t *testing.T) {
	core := hedgingCore(func(cfg *Config) { cfg.Hedge.Budget = Hedges{Share: unit.One / 20, Burst: 10} })
	now, hedges := tick.Instant(1), 0
	for i := range 1000 {
		req := record.Ref{Slot: uint32(i % 10), Gen: uint32(i / 10)}
		first := core.Step(now, Event{Kind: Request, Ref: req}, nil)[0].Ref
		now = now.Add(time.Second)
		for _, e := range core.Step(now, Event{Kind: Silent, Ref: first, Span: tick.ToUnits(time.Second)}, nil) {
			if e.Kind == Send {
				hedges++
			}
		}
		core.Step(now, Event{Kind: Gone, Ref: req}, nil)
	}
	if hedges != 10+1000/20-1 { // the first request adds to what is full
		t.Errorf("%d hedges of 1,000 requests", hedges)
	}
}

// Two attempts for each request allocate nothing either.
func TestHedgesAllocateNothing(t *testing.T) {
	core := hedgingCore(nil)
	var out []Effect
	now, gen := tick.Instant(1), uint32(0)
	turn := func() {
		req := record.Ref{Gen: gen}
		gen++
		out = core.Step(now, Event{Kind: Request, Ref: req}, out[:0])
		first := out[len(out)-1].Ref
		now = now.Add(time.Second)
		out = core.Step(now, Event{Kind: Silent, Ref: first, Span: tick.ToUnits(time.Second)}, out[:0])
		second := out[len(out)-1]
		if second.Kind != Send {
			panic(fmt.Sprintf("no hedge: %+v", out))
		}
		out = core.Step(now, Event{Kind: Head, Ref: second.Ref}, out[:0])
		out = core.Step(now, Event{Kind: End, Ref: second.Ref, Status: 200, Outcome: record.Succeeded}, out[:0])
	}
	for range 100 {
		turn()
	}
	if got := testing.AllocsPerRun(1000, turn); got != 0 {
		t.Errorf("%v allocations in a turn", got)
	}
}

func TestHedgeBesideOtherParts(t *testing.T) {
	for _, c := range []struct {
		after, head time.Duration
		attempts    int
		want        string
	}{
		{0, 0, 1, ""},
		{0, time.Second, 1, ""},
		{time.Second, 0, 2, ""},
		{time.Second, 1001 * time.Millisecond, 2, ""},
		{time.Second, 0, 1, "hedge.after: needs retry.attempts to be 2 at least: a hedge is one of them"},
		{time.Second, time.Second, 2, "hedge.after: is not shorter than timeouts.head: by then the attempt is given up"},
	} {
		cfg := policy()
		cfg.Hedge.After, cfg.Timeouts.Head, cfg.Retry.Attempts = unit.Duration(c.after), unit.Duration(c.head), c.attempts
		told := ""
		if cfg.Validate(func(path, format string, args ...any) { told += path + ": " + fmt.Sprintf(format, args...) }); told != c.want {
			t.Errorf("%+v: %q", c, told)
		}
	}
}

func TestHedgeValidate(t *testing.T) {
	for after, want := range map[time.Duration]string{0: "", time.Millisecond: "", 999 * time.Microsecond: "after: is shorter than 1ms"} {
		told := ""
		Hedge{After: unit.Duration(after)}.Validate(func(path, format string, args ...any) { told = path + ": " + fmt.Sprintf(format, args...) })
		if told != want {
			t.Errorf("%v: %q", after, told)
		}
	}
}
