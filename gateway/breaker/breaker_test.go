package breaker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// step is one line of a table: at that time something happens, after which the
// breaker is in that state. What happens is a word and the name of an attempt:
//
//	send x | began x | ok x | fail x | gone x | 429 x WAIT | due | free | busy
//
// ok, fail, gone and 429 are x's result; free and busy ask whether an attempt
// may be sent. A state ends in "!" when the step reported a change.
type step struct {
	at   time.Duration
	do   string
	want string
}

func TestBreaker(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"failures within the window open it, then one request probes", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"},
			{4 * time.Second, "fail x", "closed"},
			{10 * time.Second, "fail x", "open until 20s!"},
			{10 * time.Second, "busy", "open until 20s"},
			{20*time.Second - 1, "due", "open until 20s"},
			{20 * time.Second, "due", "half-open!"},
			{20 * time.Second, "free", "half-open"},
			{20 * time.Second, "send probe", "half-open"},
			{20 * time.Second, "busy", "half-open"},
			{21 * time.Second, "ok probe", "closed!"},
			{21 * time.Second, "free", "closed"},
		}},
		{"failures further apart than the window do not", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"},
			{10*time.Second + 1, "fail x", "closed"},
			{20*time.Second + 2, "fail x", "closed"},
			{20*time.Second + 2, "fail x", "closed"},
			{20*time.Second + 2, "fail x", "open until 30.000000002s!"},
		}},
		{"a success forgets failures", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"},
			{0, "fail x", "closed"},
			{0, "ok x", "closed"},
			{0, "fail x", "closed"},
			{0, "fail x", "closed"},
			{0, "fail x", "open until 10s!"},
		}},
		{"a success of what was sent before the first failure forgets none", []step{
			{0, "send old", "closed"},
			{1 * time.Second, "send x", "closed"},
			{2 * time.Second, "fail x", "closed"},
			{2 * time.Second, "send new", "closed"},
			{3 * time.Second, "fail x", "closed"},
			{3 * time.Second, "ok old", "closed"},
			{3 * time.Second, "ok x", "closed"},
			{4 * time.Second, "fail x", "open until 14s!"},
		}},
		{"a success of what was sent at the first failure forgets it", []step{
			{1 * time.Second, "send x", "closed"},
			{2 * time.Second, "fail x", "closed"},
			{2 * time.Second, "send new", "closed"},
			{3 * time.Second, "fail x", "closed"},
			{3 * time.Second, "ok new", "closed"},
			{4 * time.Second, "fail x", "closed"},
		}},
		{"good headers forget no failure, but close it for a probe", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"},
			{0, "began x", "closed"},
			{0, "fail x", "closed"},
			{0, "began x", "closed"},
			{0, "fail x", "open until 10s!"},
			{10 * time.Second, "due", "half-open!"},
			{10 * time.Second, "began x", "half-open"},
			{10 * time.Second, "send probe", "half-open"},
			{11 * time.Second, "began probe", "closed!"},
		}},
		{"a wait is honoured to the nanosecond, and no probe follows", []step{
			{123, "send x", "closed"},
			{123, "429 x 1500ms", "open until 1.500000123s!"},
			{1500*time.Millisecond + 122, "due", "open until 1.500000123s"},
			{1500*time.Millisecond + 122, "busy", "open until 1.500000123s"},
			{1500*time.Millisecond + 123, "due", "closed!"},
			{1500*time.Millisecond + 123, "free", "closed"},
		}},
		{"a later answer prolongs a wait, an earlier one does not shorten it", []step{
			{0, "send x", "closed"},
			{0, "429 x 5s", "open until 5s!"},
			{1 * time.Second, "429 x 1s", "open until 5s"},
			{1 * time.Second, "429 x 4s", "open until 5s"},
			{2 * time.Second, "429 x 4s", "open until 6s!"},
			{5 * time.Second, "due", "open until 6s"},
			{6 * time.Second, "due", "closed!"},
		}},
		{"a day is not about the backend", []step{
			{0, "send x", "closed"},
			{0, "429 x 24h", "closed"},
			{0, "429 x 5m0.001s", "closed"},
			{0, "429 x 5m", "open until 5m0s!"},
		}},
		{"a failure while open changes nothing", []step{
			{0, "send x", "closed"},
			{0, "429 x 5s", "open until 5s!"},
			{1 * time.Second, "fail x", "open until 5s"},
			{1 * time.Second, "ok x", "open until 5s"},
		}},
		{"results of an older generation are ignored", []step{
			{0, "send old", "closed"},
			{0, "429 old 1s", "open until 1s!"},
			{1 * time.Second, "due", "closed!"},
			{1 * time.Second, "send new", "closed"},
			{1 * time.Second, "fail new", "closed"},
			{1 * time.Second, "fail new", "closed"},
			{1 * time.Second, "fail old", "closed"},
			{1 * time.Second, "ok old", "closed"},
			{1 * time.Second, "429 old 9s", "closed"},
			{1 * time.Second, "fail new", "open until 11s!"},
			{11 * time.Second, "due", "half-open!"},
			{11 * time.Second, "ok new", "half-open"},
			{11 * time.Second, "fail new", "half-open"},
			{11 * time.Second, "429 new 9s", "half-open"},
			{11 * time.Second, "send probe", "half-open"},
			{11 * time.Second, "gone new", "half-open"},
			{11 * time.Second, "busy", "half-open"},
		}},
		{"a probe that fails opens it again", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"}, {0, "fail x", "closed"}, {0, "fail x", "open until 10s!"},
			{10 * time.Second, "due", "half-open!"},
			{10 * time.Second, "send probe", "half-open"},
			{12 * time.Second, "fail probe", "open until 22s!"},
		}},
		{"a probe that is throttled opens it for the wait", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"}, {0, "fail x", "closed"}, {0, "fail x", "open until 10s!"},
			{10 * time.Second, "due", "half-open!"},
			{10 * time.Second, "send probe", "half-open"},
			{12 * time.Second, "429 probe 1s", "open until 13s!"},
			{13 * time.Second, "due", "closed!"},
		}},
		{"a probe that says nothing makes way for another", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"}, {0, "fail x", "closed"}, {0, "fail x", "open until 10s!"},
			{10 * time.Second, "due", "half-open!"},
			{10 * time.Second, "send probe", "half-open"},
			{11 * time.Second, "gone probe", "half-open"},
			{11 * time.Second, "free", "half-open"},
			{11 * time.Second, "send probe", "half-open"},
			{11 * time.Second, "busy", "half-open"},
			{11 * time.Second, "429 probe 24h", "half-open"},
			{11 * time.Second, "free", "half-open"},
		}},
		{"one probe at a time, but a slow one is followed by another", []step{
			{0, "send x", "closed"},
			{0, "fail x", "closed"}, {0, "fail x", "closed"}, {0, "fail x", "open until 10s!"},
			{10 * time.Second, "due", "half-open!"},
			{15 * time.Second, "free", "half-open"},
			{15 * time.Second, "send slow", "half-open"},
			{16*time.Second - 1, "busy", "half-open"},
			{16 * time.Second, "free", "half-open"},
			{16 * time.Second, "send second", "half-open"},
			{17*time.Second - 1, "busy", "half-open"},
			{18 * time.Second, "ok slow", "closed!"},
			{18 * time.Second, "fail second", "closed"},
		}},
		{"due before its time, or when not open, changes nothing", []step{
			{0, "due", "closed"},
			{time.Hour, "due", "closed"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := New(config())
			attempts := map[string]attempt{}
			for i, s := range c.steps {
				if got := run(t, &b, attempts, s); got != s.want {
					t.Fatalf("step %d, at %v %s: %s, want %s", i, s.at, s.do, got, s.want)
				}
			}
		})
	}
}

func config() *Config {
	return &Config{Failures: 3, Window: unit.Duration(10 * time.Second), Open: unit.Duration(10 * time.Second),
		ProbeEvery: unit.Duration(time.Second), MaxRetryAfter: unit.Duration(5 * time.Minute)}
}

// attempt is what its sender keeps of it.
type attempt struct {
	gen  uint32
	sent tick.Instant
}

// run does one step and describes where the breaker is after it.
func run(t *testing.T, b *Breaker, attempts map[string]attempt, s step) string {
	t.Helper()
	f := strings.Fields(s.do + " - -")
	now, gen, sent := tick.Instant(s.at), attempts[f[1]].gen, attempts[f[1]].sent
	var c Change
	switch f[0] {
	case "send":
		attempts[f[1]] = attempt{b.Sent(now), now}
	case "ok":
		c = b.Success(now, gen, sent)
	case "began":
		c = b.Began(now, gen)
	case "fail":
		c = b.Failure(now, gen, record.BackendStatus)
	case "gone":
		b.Abandoned(gen)
	case "429":
		wait, err := time.ParseDuration(f[2])
		if err != nil {
			t.Fatal(err)
		}
		c = b.Throttled(now, gen, wait)
	case "due":
		c = b.Due(now)
	case "free", "busy":
		if b.Available(now) != (f[0] == "free") {
			return "not " + f[0]
		}
	default:
		t.Fatalf("unknown step %q", s.do)
	}
	state, until, _ := b.State()
	text := state.String()
	if state == record.Open {
		text += fmt.Sprintf(" until %v", time.Duration(until))
	}
	if c.Changed {
		text += "!"
	}
	if c.Changed && (c.State != state || c.Until != until) {
		return fmt.Sprintf("%s, but reported %+v", text, c)
	}
	return text
}

// The reason of a change is what caused it.
func TestReasons(t *testing.T) {
	b := New(config())
	if c := b.Throttled(0, b.Sent(0), time.Second); c.Reason != record.RateLimited {
		t.Errorf("throttled: %v", c.Reason)
	}
	if _, _, throttled := b.State(); !throttled {
		t.Error("opened by a wait, but does not say so")
	}
	b.Due(tick.Instant(time.Second))
	gen := b.Sent(0)
	b.Failure(0, gen, record.UpstreamError)
	b.Failure(0, gen, record.UpstreamError)
	if c := b.Failure(0, gen, record.CutFault); c.Reason != record.CutFault {
		t.Errorf("failed: %v", c.Reason)
	}
	if _, _, throttled := b.State(); throttled {
		t.Error("opened by failures, but says a wait did it")
	}
}

// Another configuration counts from the next event on; what is open stays open
// as long as was said.
func TestReconfigure(t *testing.T) {
	b := New(config())
	gen := b.Sent(0)
	b.Failure(0, gen, record.BackendStatus)
	other := config()
	other.Failures, other.Open = 2, unit.Duration(time.Second)
	b.Reconfigure(other)
	if c := b.Failure(0, gen, record.BackendStatus); c.State != record.Open || c.Until != tick.Instant(time.Second) {
		t.Errorf("%+v", c)
	}
	b.Reconfigure(config())
	if _, until, _ := b.State(); until != tick.Instant(time.Second) {
		t.Errorf("open until %v", until)
	}
}

// By share it opens when half of the last ten seconds' results, at least eight, are failures: not for few, not for a third,
// and not for what is longer ago.
func TestShare(t *testing.T) {
	cfg := config()
	cfg.Failures, cfg.Share, cfg.ShareMin = 0, unit.One/2, 8
	for _, c := range []struct {
		name, results string // one each second; x failed, . did not, _ none came
		opens         int    // at which of them; -1: it does not
	}{
		{"few", "xxxxxxx", -1},
		{"enough", "xxxxxxxx", 7},
		{"half", ".x.x.x.x", 7},
		{"a third", "..x..x..x..x..x..x..x", -1},
		{"the last tip it", "....xxxx", 7},
		{"long ago", "xxxxxxx__________x......x", -1},
		{"a good one opens nothing", "xxxxx.....xxxxx", 10},
		{"good ones go by", "..........xxxxx", 14},
	} {
		b := New(cfg)
		opened := -1
		for i, r := range c.results {
			now := tick.Instant(i) * tick.Instant(time.Second)
			gen := b.Sent(now)
			switch r {
			case 'x':
				if b.Failure(now, gen, record.BackendStatus).Changed && opened < 0 {
					opened = i
				}
			case '.':
				b.Success(now, gen, now)
			}
		}
		if opened != c.opens {
			t.Errorf("%s: opened at %d, want %d", c.name, opened, c.opens)
		}
	}
}

// The ramp ends when it has let through as many as it may, or after eight times its length; what can go elsewhere is kept
// back after failures only.
func TestRampEnds(t *testing.T) {
	cfg := config()
	cfg.Ramp = unit.Duration(50 * time.Millisecond)
	back := func(throttled bool) (b Breaker, now tick.Instant) {
		b = New(cfg)
		if throttled {
			b.Throttled(0, b.Sent(0), 10*time.Second)
		} else {
			for range 3 {
				b.Failure(0, b.Sent(0), record.BackendStatus)
			}
		}
		now = tick.Instant(10 * time.Second)
		if b.Due(now); !throttled {
			b.Began(now, b.Sent(now))
		}
		b.Sent(now)
		return b, now
	}
	for _, throttled := range []bool{true, false} {
		b, closed := back(throttled)
		for _, c := range []struct {
			after         time.Duration
			ready, rested bool
		}{{0, false, throttled}, {50*time.Millisecond - 1, false, throttled}, {50 * time.Millisecond, true, true}} {
			if now := closed.Add(c.after); b.Ready(now) != c.ready || b.Rested(now) != c.rested {
				t.Errorf("throttled %v, after %v: ready %v, rested %v", throttled, c.after, b.Ready(now), b.Rested(now))
			}
		}
		// Two at a time every 10 ms, so the second is kept back while the ramp lasts.
		last := closed
		for at := closed.Add(60 * time.Millisecond); at < closed.Add(time.Second); at = at.Add(10 * time.Millisecond) {
			if b.Sent(at); !b.Ready(at) {
				last = at
			}
		}
		if at := last.Sub(closed); at != 390*time.Millisecond {
			t.Errorf("throttled %v: the last was kept back after %v", throttled, at)
		}
	}
}
