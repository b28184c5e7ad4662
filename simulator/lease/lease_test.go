package lease

import (
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

const begin tick.Instant = 1_767_571_200_000_000_000

// joined returns a replica that holds 2n tokens, 500 at most, of a limit of 1000 a minute.
func joined(opt Options, n int64) (*Machine, *Book) {
	opt.Meters = []Meter{{Name: "tokens", Kind: Fixed, Limit: 1000, Period: time.Minute, Reason: record.TokenLimit}}
	m, b := New(opt, begin), NewBook(1)
	m.Reserve(begin, record.Ref{Slot: 99}, Amounts{n}, nil)
	c, _ := m.Call(begin)
	m.Withdraw(record.Ref{Slot: 99})
	r := b.Exchange(begin, "a", &c)
	m.Answered(begin, &r, nil)
	return m, b
}

// As many wait as may, and each for as long as it may.
func TestWaitingIsBounded(t *testing.T) {
	m, _ := joined(Options{Queue: 2, Patience: 7 * time.Millisecond}, 0)
	var out []Verdict
	for i := range uint32(3) {
		out = m.Reserve(begin.Add(pace), record.Ref{Slot: i}, Amounts{10}, out)
	}
	if len(out) != 1 || out[0].Ref.Slot != 2 || out[0].Reason != record.InFlightBound {
		t.Errorf("at once: %+v", out)
	}
	if _, due := m.Call(begin.Add(pace)); !due {
		t.Error("two wait, and no call is due")
	}
	if next := m.NextWake(begin.Add(pace)); next != begin.Add(pace+7*time.Millisecond) {
		t.Errorf("next at %v", next.Sub(begin))
	}
	m.Withdraw(record.Ref{Slot: 1})
	out = m.Wake(begin.Add(pace+7*time.Millisecond), nil)
	if len(out) != 1 || out[0].Ref.Slot != 0 || out[0].Reason != record.TokenLimit || out[0].Wait != Heartbeat {
		t.Errorf("after the wait: %+v", out)
	}
}

// What is leased and not used goes back when the lease ends.
func TestUnusedGoesBack(t *testing.T) {
	m, b := joined(Options{}, 400)
	if out := m.Reserve(begin, record.Ref{}, Amounts{100}, nil); len(out) != 1 || out[0].Reason != record.NoReason {
		t.Fatalf("%+v", out)
	}
	now := begin.Add(Life)
	if next := m.NextWake(begin); next > now {
		t.Errorf("next at %v", next.Sub(begin))
	}
	m.Wake(now, nil)
	c, due := m.Call(now)
	if r := b.Exchange(now, "a", &c); !due || r.Lines[0].Used != 100 {
		t.Errorf("%v: %+v", due, r.Lines[0])
	}
}

// A request that the lease covers is admitted without allocating.
func TestReserveDoesNotAllocate(t *testing.T) {
	m, _ := joined(Options{}, 1000)
	out := make([]Verdict, 0, 1)
	if n := testing.AllocsPerRun(500, func() {
		if out = m.Reserve(begin, record.Ref{}, Amounts{1}, out[:0]); out[0].Reason != record.NoReason {
			t.Fatal(out)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A change of the limit opens no fresh window, and other kinds begin anew.
func TestResize(t *testing.T) {
	m, _ := joined(Options{}, 600)
	m.Resize(begin, []Meter{{Name: "tokens", Kind: Fixed, Limit: 500, Period: time.Minute, Reason: record.TokenLimit}})
	out := m.Reserve(begin, record.Ref{}, Amounts{600}, nil)
	out = m.Reserve(begin, record.Ref{}, Amounts{1}, out)
	if len(out) != 2 || out[0].Reason != record.NoReason || out[1].Reason != record.TokenLimit || out[1].Wait != time.Minute {
		t.Errorf("%+v", out)
	}
	m.Resize(begin, []Meter{{Name: "tokens", Kind: Bucket, Limit: 500, Drain: 60}})
	if s := m.Stats(begin); s.Held != (Amounts{}) || s.Connected {
		t.Errorf("%+v", s)
	}
}

// Who came first is answered first, though a later one would fit.
func TestFirstComeFirstServed(t *testing.T) {
	m, _ := joined(Options{}, 100)
	now := begin.Add(pace)
	out := m.Reserve(now, record.Ref{Slot: 1}, Amounts{500}, nil)
	if out = m.Reserve(now, record.Ref{Slot: 2}, Amounts{50}, out); len(out) != 0 {
		t.Errorf("%+v", out)
	}
}

// What a call that was not answered has told is told again, and what a replica
// knows is told to a state that has lost everything; its leases are void there.
func TestNothingIsUntold(t *testing.T) {
	m, b := joined(Options{}, 400)
	now := begin.Add(pace)
	m.Count(now, Amounts{600})
	c, _ := m.Call(now)
	m.Failed(now, nil)
	now = now.Add(probe)
	again, due := m.Call(now)
	if !due || c.Lines[0].Count != 600 || again.Lines[0].Count != 600 || !m.Away() {
		t.Fatalf("told %d, then %d", c.Lines[0].Count, again.Lines[0].Count)
	}
	r := b.Exchange(now, "a", &again)
	if m.Answered(now, &r, nil); m.Away() || r.Lines[0].Used != 1100 || m.Stats(now).Held[0] != 500 {
		t.Fatalf("%+v, %+v", r.Lines[0], m.Stats(now))
	}
	b = NewBook(2)
	now = now.Add(pace)
	m.Reserve(now, record.Ref{}, Amounts{501}, nil)
	c, _ = m.Call(now)
	r = b.Exchange(now, "a", &c)
	m.Answered(now, &r, nil)
	c, due = m.Call(now)
	if !due || !m.Away() || c.Lines[0].Back != [2]Units{} || c.Lines[0].Count != 600 || m.Stats(now).Held[0] != 0 {
		t.Errorf("%v: %+v", due, c.Lines[0])
	}
	for alone := range 2 { // at once, and after a while in which the others tell theirs
		r = b.Exchange(now, "a", &c)
		if m.Answered(now, &r, nil); m.Away() != (alone == 0) {
			t.Errorf("answer %d: away is %v", alone, m.Away())
		}
		now = now.Add(grace)
		c, _ = m.Call(now)
	}
}

// A lease lives from when it was asked for, however late it came.
func TestLateLease(t *testing.T) {
	m, b := joined(Options{}, 0)
	m.Reserve(begin.Add(pace), record.Ref{}, Amounts{10}, nil)
	c, _ := m.Call(begin.Add(pace))
	r := b.Exchange(begin.Add(pace), "a", &c)
	m.Answered(begin.Add(pace+Life/2), &r, nil)
	if before, after := m.Stats(begin.Add(pace+Life-1)), m.Stats(begin.Add(pace+Life)); before.Held[0] == 0 || after.Held[0] != 0 {
		t.Errorf("%d, then %d", before.Held[0], after.Held[0])
	}
}
