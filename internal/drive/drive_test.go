package drive

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// alarm is the least core: it rings each asked-for instant once.
type alarm struct{ due []tick.Instant }

type ring struct {
	At   tick.Instant
	Late bool
}

func (a *alarm) Step(now tick.Instant, ev tick.Instant, out []ring) []ring {
	for len(a.due) > 0 && a.due[0] <= now {
		out = append(out, ring{At: a.due[0], Late: now > a.due[0]})
		a.due = a.due[1:]
	}
	if ev > now {
		a.due = append(a.due, ev)
	}
	return out
}

func (a *alarm) NextWake() tick.Instant {
	if len(a.due) == 0 {
		return tick.Never
	}
	return a.due[0]
}

func TestTimerFiresAtTheCoresWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock(1000)
		var rings []ring
		d := New(&alarm{}, clock, tick.Instant(0), func(_ tick.Instant, r ring) { rings = append(rings, r) })
		defer d.Stop()
		var tape Tape[tick.Instant, ring]
		d.Record(&tape)
		for i := range 5 {
			d.Do(clock.Now().Add(time.Duration(i+1) * time.Second))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		d.Locked(func(tick.Instant) {
			if len(rings) != 5 || rings[0].Late || rings[4].Late {
				t.Fatalf("rings %v", rings)
			}
		})
		if i, got := Replay(&tape, &alarm{}); i >= 0 {
			t.Fatalf("replay differs at step %d: %v", i, got)
		}
		if i, _ := Replay(&tape, &alarm{due: []tick.Instant{1}}); i != 0 {
			t.Fatalf("a different core must differ at once, got %d", i)
		}
	})
}

func TestBoxesAreAddressedByGeneration(t *testing.T) {
	d := New(&alarm{}, NewClock(0), tick.Instant(0), func(tick.Instant, ring) {})
	a := d.Open()
	d.Close(a)
	b := d.Open()
	if b.Ref.Slot != a.Ref.Slot || b.Ref.Gen == a.Ref.Gen {
		t.Fatalf("slot must be used again in a new generation: %v %v", a.Ref, b.Ref)
	}
	d.Post(a.Ref, ring{At: 1})
	d.Post(record.Ref{Slot: 99}, ring{At: 2})
	b.Owner = "b"
	if d.OwnerOf(a.Ref) != nil || d.OwnerOf(record.Ref{Slot: 99}) != nil || d.OwnerOf(b.Ref) != "b" {
		t.Fatal("the owner is not b's")
	}
	d.Post(b.Ref, ring{At: 3})
	if got := <-b.C; got.At != 3 || len(b.C) != 0 || len(a.C) != 0 {
		t.Fatalf("wrong box: %v", got)
	}
	d.Close(a) // a second close of an old box must not free the new one
	if c := d.Open(); c.Ref.Slot == b.Ref.Slot {
		t.Fatal("slot of an open box was given away")
	}
	d.Close(b)
	d.Close(b)
	if d.OwnerOf(b.Ref) != nil {
		t.Fatal("a closed box has an owner")
	}
	if c, e := d.Open(), d.Open(); c.Ref.Slot == e.Ref.Slot {
		t.Fatal("a slot freed twice was given to two")
	}
}

func TestConcurrentSteps(t *testing.T) {
	d := New(&alarm{}, WallClock(), tick.Instant(0), func(tick.Instant, ring) {})
	defer d.Stop()
	var wg sync.WaitGroup
	last := make([]tick.Instant, 4)
	for g := range 4 {
		wg.Go(func() {
			for range 1000 {
				if now := d.Do(0); now < last[g] {
					t.Error("time went back")
				} else {
					last[g] = now
				}
			}
		})
	}
	wg.Wait()
}

// asker answers an event above zero with a question, until it is answered zero.
type asker struct{ alarm }

func (a *asker) Step(now tick.Instant, ev tick.Instant, out []ring) []ring {
	if ev > 0 {
		out = append(out, ring{At: ev}, ring{At: ev, Late: true})
	}
	return out
}

// Answers are steps of their own at the same instant, in the order they were
// asked for and before anything else; and they are on the tape.
func TestAnswers(t *testing.T) {
	var d *Driver[tick.Instant, ring]
	var seen []ring
	d = New(&asker{}, WallClock(), tick.Instant(0), func(_ tick.Instant, r ring) {
		seen = append(seen, r)
		if r.Late {
			d.Answer(r.At - 1)
		}
	})
	defer d.Stop()
	var tape Tape[tick.Instant, ring]
	d.Record(&tape)
	now := d.Do(3)
	want := []ring{{At: 3}, {At: 3, Late: true}, {At: 2}, {At: 2, Late: true}, {At: 1}, {At: 1, Late: true}}
	if !slices.Equal(seen, want) {
		t.Errorf("delivered %v", seen)
	}
	if len(tape.Steps) != 4 || tape.Steps[3].Event != 0 || tape.Steps[3].Now != now {
		t.Errorf("on the tape: %+v", tape.Steps)
	}
	if i, got := Replay(&tape, &asker{}); i >= 0 {
		t.Errorf("replay differs at step %d: %v", i, got)
	}
}

// DoAll steps with each event at one instant, and with what their effects ask.
func TestDoAll(t *testing.T) {
	var d *Driver[tick.Instant, ring]
	var seen []tick.Instant
	d = New(&asker{}, WallClock(), tick.Instant(0), func(_ tick.Instant, r ring) {
		seen = append(seen, r.At)
		if r.Late {
			d.Answer(r.At - 1)
		}
	})
	defer d.Stop()
	var tape Tape[tick.Instant, ring]
	d.Record(&tape)
	var now tick.Instant
	d.DoAll(func(at tick.Instant, out []tick.Instant) []tick.Instant { now = at; return append(out, 2, 1) })
	if want := []tick.Instant{2, 2, 1, 1, 1, 1}; !slices.Equal(seen, want) {
		t.Errorf("delivered %v", seen)
	}
	if len(tape.Steps) != 5 || tape.Steps[4].Now != now {
		t.Errorf("on the tape: %+v", tape.Steps)
	}
}

// What is posted after the end of a box, or was not read before it, is not for the next one of its slot.
func TestBoxesBeginEmpty(t *testing.T) {
	d := New(&alarm{}, NewClock(0), tick.Instant(0), func(tick.Instant, ring) {})
	d.Room(1)
	a := d.Open()
	d.Post(a.Ref, ring{At: 1})
	d.Close(a)
	d.Post(a.Ref, ring{At: 2})
	b := d.Open()
	if b.Ref.Slot != a.Ref.Slot || len(b.C) != 0 || cap(b.C) != 1 {
		t.Errorf("slot %d after %d, %d of %d effects", b.Ref.Slot, a.Ref.Slot, len(b.C), cap(b.C))
	}
}
