package budget

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// line is the claim of who waits where there are no bands.
var line = Standing(0, 1)

func at(d time.Duration) tick.Instant { return tick.Instant(time.Hour + d) }

func predictive(limits ...Limit) *Config {
	for i := range limits {
		if limits[i].OutputWeight == 0 {
			limits[i].OutputWeight = 1
		}
		if limits[i].RPMWindow == 0 {
			limits[i].RPMWindow = unit.Duration(time.Second)
		}
	}
	return &Config{Dispatch: "predictive", Reserve: 20_000, Limits: limits}
}

// Whoever is sent as soon as the gate opens, of whatever size, entitled or not:
// no window of the service is ever exceeded, wherever its windows begin.
func TestNoWindowIsExceeded(t *testing.T) {
	for seed := range int64(40) {
		dice := rand.New(rand.NewSource(seed))
		perMinute := int64(1_000 + dice.Intn(100_000))
		rpm := int64(60 * (1 + dice.Intn(50)))
		g := NewGate(predictive(Limit{Backend: "a", TPM: unit.Count(perMinute), RPM: unit.Count(rpm)}), []string{"a"}, at(0))
		tokens := limit.NewSliding(perMinute, time.Minute) // at least as strict as every aligned window
		requests := limit.NewSliding(rpm/60, time.Second)
		now, sent := at(0), int64(0)
		for now < at(10*time.Minute) {
			cost := 1 + dice.Int63n(perMinute/5)
			claim := []Claim{Entitled, Standing(0, 1), Standing(1, 3)}[dice.Intn(3)]
			if dice.Intn(4) == 0 {
				now = now.Add(time.Duration(dice.Intn(int(20 * time.Second))))
			}
			g.Save(now, 0, cost, claim)
			opens := g.OpensAt(now, 0, cost, claim)
			if opens > now && g.Open(opens-1, 0, cost, claim) {
				t.Fatalf("seed %d: OpensAt is late", seed)
			}
			if now = opens; !g.Open(now, 0, cost, claim) {
				t.Fatalf("seed %d: OpensAt is early", seed)
			}
			if !tokens.Fits(now, cost) || !requests.Fits(now, 1) {
				t.Fatalf("seed %d: %d more tokens exceed a window of %d or one of %d requests", seed, cost, perMinute, rpm/60)
			}
			tokens.Take(now, cost)
			requests.Take(now, 1)
			g.Take(now, 0, cost)
			sent += cost
		}
	}
}

// What waits uses all of the limit but the reserve.
func TestPaceUsesTheLimit(t *testing.T) {
	g := NewGate(predictive(Limit{Backend: "a", TPM: 100_000}), []string{"a"}, at(0))
	now, sent := at(0), int64(0)
	for now < at(10*time.Minute) {
		g.Save(now, 0, 150, line)
		now = g.OpensAt(now, 0, 150, line)
		g.Take(now, 0, 150)
		sent += 150
	}
	if sent < 979_000 || sent > 983_000 {
		t.Errorf("%d of 1,000,000 tokens were used, want 98 %%", sent)
	}
}

// What is saved up for a large request is there when it goes, and who is
// entitled finds the reserve untouched before and after.
func TestLargeRequestsAreSavedUpFor(t *testing.T) {
	g := NewGate(predictive(Limit{Backend: "a", TPM: 60_000}), []string{"a"}, at(0))
	g.Save(at(0), 0, 9_800, line)
	opens := g.OpensAt(at(0), 0, 9_800, line)
	if want := at(9387755103); opens != want { // 9,200 tokens at 980 a second
		t.Errorf("opens after %v, want %v", opens.Sub(at(0)), want.Sub(at(0)))
	}
	if !g.Open(opens-1, 0, 1_200, Entitled) {
		t.Error("while it saves, who is entitled must wait")
	}
	g.Take(opens, 0, 9_800)
	g.Save(opens, 0, 0, line)
	if !g.Open(opens, 0, 600, Entitled) || g.Open(opens, 0, 601, Entitled) {
		t.Error("after it half of the reserve must be left, no more and no less")
	}
	g.Save(opens, 0, 9_800, line)
	g.Save(at(time.Hour), 0, 0, line)
	if g.Open(at(time.Hour), 0, 601, line) || !g.Open(at(time.Hour), 0, 600, line) {
		t.Error("what was saved for a request that is gone is kept")
	}
}

func TestGate(t *testing.T) {
	known := Limit{Backend: "a", TPM: 60_000}
	for _, c := range []struct {
		name  string
		taken int64
		cost  int64
		claim Claim
		open  bool
		opens time.Duration
	}{
		{"empty: half the reserve", 0, 600, line, true, 0},
		{"empty, larger than that: it is saved up first", 0, 601, line, false, 1020409},
		{"larger than the limit: the backend says so", 1_000, 100_000, line, true, 0},
		{"who waits is paced", 1_000, 10, line, false, 418367347}, // 410 tokens at 980 a second
		{"who is entitled uses the reserve", 1_000, 200, Entitled, true, 0},
		{"but no more than the reserve", 1_000, 201, Entitled, false, 1020409},
		{"larger than the reserve waits until nothing is in the way", 980, 1_300, Entitled, false, time.Second},
		{"the last of two bands may fill a quarter", 0, 300, Standing(1, 2), true, 0},
		{"and no more", 1, 300, Standing(1, 2), false, 1020409},
		{"the first of them half", 300, 300, Standing(0, 2), true, 0},
		{"the second of three between that", 0, 450, Standing(1, 3), true, 0},
		{"and no more", 0, 451, Standing(1, 3), false, 1020409},
	} {
		g := NewGate(predictive(known), []string{"a"}, at(0))
		if c.taken > 0 {
			g.Take(at(0), 0, c.taken)
		}
		g.Save(at(0), 0, c.cost, c.claim)
		if open := g.Open(at(0), 0, c.cost, c.claim); open != c.open {
			t.Errorf("%s: open is %v", c.name, open)
		}
		if opens := g.OpensAt(at(0), 0, c.cost, c.claim); opens != at(c.opens) {
			t.Errorf("%s: opens after %v, want %v", c.name, opens.Sub(at(0)), c.opens)
		}
	}
}

func TestCost(t *testing.T) {
	g := NewGate(predictive(Limit{Backend: "standard", TPM: 1, AbsentOutput: 640}, Limit{Backend: "ptu", TPM: 1, Charge: "actual", OutputWeight: 4}),
		[]string{"standard", "ptu", "unknown"}, at(0))
	for _, c := range []struct {
		backend             int
		maxTokens, expected int32
		want                int64
	}{
		{0, 50, 20, 150}, // counts what it takes the prompt for
		{0, -1, 20, 740},
		{1, 50, 20, 170}, // counts the prompt
		{1, 50, 70, 290}, // no more than it asks for
		{1, -1, 20, 170},
		{1, 50, -1, 290},
		{2, 50, 20, 150},
	} {
		if got := g.Cost(c.backend, 90, 100, c.maxTokens, c.expected); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
	if got := g.Cost(0, 0, 0, 0, -1); got != 1 {
		t.Errorf("nothing is free, or it could not be shared out: %d", got)
	}
	if used, settles := g.Used(1, 90, 10); used != 130 || !settles {
		t.Errorf("a provisioned deployment counts what was used: %d %v", used, settles)
	}
	if _, settles := g.Used(0, 90, 10); settles {
		t.Error("a standard deployment charges at arrival")
	}
}

func TestPacedIn(t *testing.T) {
	g := NewGate(predictive(Limit{Backend: "a", TPM: 60_000}, Limit{Backend: "b", TPM: 120_000}), []string{"a", "b", "c"}, at(0))
	if wait, ok := g.PacedIn(at(0), 0b11, 31_800); !ok || wait != 10*time.Second {
		t.Errorf("31,800 tokens, 1,800 of which may go at once, over 180,000 a minute: %v %v", wait, ok)
	}
	if _, ok := g.PacedIn(at(0), 0b111, 30_000); ok {
		t.Error("nobody knows what c admits")
	}
	if _, ok := g.PacedIn(at(0), 0, 1); ok {
		t.Error("nobody is there")
	}
}

// What a backend never admits counts for nothing.
func TestTooLargeCountsForNothing(t *testing.T) {
	cfg := predictive(Limit{Backend: "a", TPM: 60_000})
	cfg.Dispatch = "hybrid"
	g := NewGate(cfg, []string{"a"}, at(0))
	g.Take(at(0), 0, 60_001)
	if wait, _ := g.PacedIn(at(0), 1, 600); wait != 0 {
		t.Error("it keeps others waiting")
	}
	g.Refused(at(0), 0, 60_001, Tokens)
	if got := g.LimitOf(0); got != 60_000 {
		t.Errorf("its refusal made the limit %d", got)
	}
}

// A configuration that comes later lets nobody send a minute's limit twice.
func TestReconfigureKeepsWhatWasUsed(t *testing.T) {
	g := NewGate(predictive(Limit{Backend: "a", TPM: 60_000}), []string{"a"}, at(0))
	g.Take(at(0), 0, 60_000)
	g.Reconfigure(predictive(Limit{Backend: "a", TPM: 90_000}), []string{"a", "b"}, at(0))
	if g.Open(at(time.Second), 0, 30_001, Entitled) || g.OpensAt(at(time.Second), 0, 30_001, Entitled) != at(time.Minute) {
		t.Error("what was used is forgotten")
	}
	if !g.Open(at(0), 1, 1<<40, line) {
		t.Error("b has no known limit")
	}
}

// Hybrid: a limit that is too high comes down to what passed and creeps up
// without refusals; one that nobody knows is found.
func TestHybridLearns(t *testing.T) {
	cfg := predictive(Limit{Backend: "a", TPM: 80_000})
	cfg.Dispatch = "hybrid"
	g := NewGate(cfg, []string{"a", "b"}, at(0))
	is := func(what string, backend int, want int64) {
		t.Helper()
		if got := g.LimitOf(backend); got != want {
			t.Errorf("%s: the limit is %d, want %d", what, got, want)
		}
	}
	for s := time.Duration(0); s < time.Minute; s += time.Second {
		g.Take(at(s), 0, 1_000)
		g.Take(at(s), 1, 500)
	}
	g.Refused(at(59*time.Second), 0, 1_000, Tokens)
	is("what passed in the minute", 0, 59_000)
	g.Refused(at(60*time.Second), 0, 1_000, Tokens)
	is("of the same herd", 0, 59_000)
	for s := 60 * time.Second; s < 120*time.Second; s += time.Second {
		g.Served(at(s), 0)
	}
	is("a minute later", 0, 59_926) // twice a hundred-and-twenty-eighth and one
	for s := 2 * time.Minute; s < 2*time.Hour; s += time.Second {
		g.Served(at(s), 0)
	}
	is("hours later: what was configured", 0, 80_000)
	g.Refused(at(3*time.Hour), 0, 100, Tokens)
	is("a refusal after little traffic takes half at most", 0, 40_000)

	g.Refused(at(59*time.Second), 1, 500, Tokens)
	is("found: 500 a second, of which the last was refused", 1, 29_500)
	g.Refused(at(59*time.Second), 1, 500, Requests)
	if got := g.backends[1].requests.perMinute; got != 59 {
		t.Errorf("the limit of requests is %d a minute, want the 59 that passed", got)
	}
	is("it was not for its tokens", 1, 29_500)
	g.Reconfigure(cfg, []string{"a", "b"}, at(3*time.Hour))
	is("the same configuration anew changes nothing", 0, 40_000)
	is("nor what was found", 1, 29_500)
	cfg.Limits[0].TPM = 70_000
	g.Reconfigure(cfg, []string{"a", "b"}, at(3*time.Hour))
	is("another one does", 0, 70_000)
}

func TestGateDoesNotAllocate(t *testing.T) {
	cfg := predictive(Limit{Backend: "a", TPM: 60_000, RPM: 6_000})
	cfg.Dispatch = "hybrid"
	g := NewGate(cfg, []string{"a"}, at(0))
	now := at(0)
	step := func() {
		g.Save(now, 0, 100, line)
		now = g.OpensAt(now, 0, 100, line)
		g.Open(now, 0, 100, line)
		g.Take(now, 0, 100)
		g.Served(now, 0)
	}
	for range 10_000 {
		step()
	}
	if got := testing.AllocsPerRun(1000, step); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
