// Package drive runs a pure core live: it owns the lock, reads the clock
// inside it, steps, hands every effect to its addressee without blocking, and
// keeps the one timer the core asks for. Written once for gateway, simulator
// and load generator. It refuses I/O: that happens outside the lock, by those
// who read the mailboxes.
package drive

import (
	"sync"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Core is the contract of every decision-maker. Step is called with the lock
// held and a now that never decreases.
type Core[E, F any] interface {
	Step(now tick.Instant, ev E, out []F) []F
	NextWake() tick.Instant
}

// Clock maps the monotonic clock to instants: base plus what has elapsed
// since the clock was made. Safe for concurrent use.
type Clock struct {
	base  tick.Instant
	began time.Time
}

// NewClock returns a clock that reads base now.
func NewClock(base tick.Instant) *Clock { return &Clock{base, time.Now()} }

// WallClock returns a clock that reads the wall time now, to the grid.
func WallClock() *Clock { return NewClock(tick.Instant(time.Now().UnixNano()).Floor()) }

// Now returns the present instant.
func (c *Clock) Now() tick.Instant { return c.base.Add(time.Since(c.began)) }

// Until returns the time left to t; negative when it has passed.
func (c *Clock) Until(t tick.Instant) time.Duration { return t.Sub(c.Now()) }

// Driver drives one core. Create it with New, then call Wake once to arm the
// timer. All methods are safe for concurrent use.
type Driver[E, F any] struct {
	mu      sync.Mutex
	core    Core[E, F]
	clock   *Clock
	wake    E
	deliver func(now tick.Instant, f F)
	out     []F
	answers []E // to effects of this step
	timer   *time.Timer
	armed   tick.Instant
	stopped bool
	tape    *Tape[E, F]

	room  int // of a new mailbox
	boxes []*Box[F]
	free  []uint32
}

// New returns a driver. wake is the event that only settles; deliver is called
// for each effect in order, under the lock: it must not block. It may call Post,
// OwnerOf and Answer, and no other method.
func New[E, F any](core Core[E, F], clock *Clock, wake E, deliver func(now tick.Instant, f F)) *Driver[E, F] {
	return &Driver[E, F]{core: core, clock: clock, wake: wake, deliver: deliver, armed: tick.Never, room: boxSize}
}

// Record puts every step on a tape from now on.
func (d *Driver[E, F]) Record(t *Tape[E, F]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tape = t
}

// Do steps the core with ev at the present instant, which it returns.
func (d *Driver[E, F]) Do(ev E) tick.Instant {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.step(ev)
}

// Wake settles what is due and arms the timer.
func (d *Driver[E, F]) Wake() { d.Do(d.wake) }

func (d *Driver[E, F]) step(ev E) tick.Instant {
	now := d.clock.Now()
	d.stepAt(now, ev)
	d.answer(now)
	return now
}

// DoAll steps the core with every event that f appends, in order, at the
// instant that f is given and under one lock. f must not call the driver.
func (d *Driver[E, F]) DoAll(f func(now tick.Instant, out []E) []E) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	d.answers = f(now, d.answers)
	d.answer(now)
}

// answer steps the core with all that waits for it, and arms the timer.
func (d *Driver[E, F]) answer(now tick.Instant) {
	for i := 0; i < len(d.answers); i++ { // an answer's effects may ask again
		d.stepAt(now, d.answers[i])
	}
	d.answers = d.answers[:0]
	d.arm()
}

func (d *Driver[E, F]) stepAt(now tick.Instant, ev E) {
	d.out = d.core.Step(now, ev, d.out[:0])
	d.tape.add(now, ev, d.out)
	for _, f := range d.out {
		d.deliver(now, f)
	}
}

// Answer steps the core with ev once the effects of this step are delivered, at
// the same instant and before anything else: for effects that ask for
// something. Call it from deliver only.
func (d *Driver[E, F]) Answer(ev E) { d.answers = append(d.answers, ev) }

// arm keeps one timer at the core's next wake. An early or superfluous firing
// is harmless by the core's contract.
func (d *Driver[E, F]) arm() {
	next := d.core.NextWake()
	if next == d.armed || d.stopped {
		return
	}
	d.armed = next
	if next == tick.Never {
		if d.timer != nil {
			d.timer.Stop()
		}
		return
	}
	wait := max(d.clock.Until(next), 0)
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, d.fire)
		return
	}
	d.timer.Reset(wait)
}

func (d *Driver[E, F]) fire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopped {
		return
	}
	d.armed = tick.Never
	d.step(d.wake)
}

// Locked runs f under the lock at the present instant, for reading the core's
// state; f must not call the driver.
func (d *Driver[E, F]) Locked(f func(now tick.Instant)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.clock.Now())
}

// Stop disarms the timer for good. Events may still be given.
func (d *Driver[E, F]) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	if d.timer != nil {
		d.timer.Stop()
	}
}

// Box is the mailbox of something in flight. Effects addressed to its Ref
// arrive on C in order.
type Box[F any] struct {
	Ref    record.Ref
	C      chan F
	Owner  any // for deliver, see OwnerOf; set it before the first event about Ref
	closed bool
}

// boxSize is more effects than any core has outstanding for one addressee.
const boxSize = 16

// Room makes mailboxes for that many effects, before the first one is opened.
// They stay as long as the driver: there are as many as were open at a time.
func (d *Driver[E, F]) Room(effects int) { d.room = effects }

// Open returns a mailbox with a fresh Ref. Close it when the terminal effect
// has been read; then C is another's.
func (d *Driver[E, F]) Open() *Box[F] {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.free); n > 0 {
		last := d.boxes[d.free[n-1]]
		d.free = d.free[:n-1]
		b := &Box[F]{Ref: record.Ref{Slot: last.Ref.Slot, Gen: last.Ref.Gen + 1}, C: last.C}
		d.boxes[b.Ref.Slot] = b
		return b
	}
	b := &Box[F]{Ref: record.Ref{Slot: uint32(len(d.boxes))}, C: make(chan F, d.room)}
	d.boxes = append(d.boxes, b)
	return b
}

// Close frees the slot of b for the next generation; closing again is harmless.
func (d *Driver[E, F]) Close(b *Box[F]) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.boxes[b.Ref.Slot] == b && !b.closed {
		b.closed, b.Owner = true, nil
		for len(b.C) > 0 { // nothing more is posted: the next one gets it empty
			<-b.C
		}
		d.free = append(d.free, b.Ref.Slot)
	}
}

// Post hands f to the mailbox of ref; call it from deliver only. What is
// addressed to an earlier generation or a closed box is dropped: its addressee is gone.
func (d *Driver[E, F]) Post(ref record.Ref, f F) {
	if int(ref.Slot) >= len(d.boxes) || d.boxes[ref.Slot].Ref != ref || d.boxes[ref.Slot].closed {
		return
	}
	select {
	case d.boxes[ref.Slot].C <- f:
	default:
		panic("drive: a mailbox overflowed: a core emitted more effects for one request than its lifecycle has")
	}
}

// OwnerOf returns the Owner of the open mailbox of ref, else nil; call it from
// deliver only.
func (d *Driver[E, F]) OwnerOf(ref record.Ref) any {
	if int(ref.Slot) >= len(d.boxes) || d.boxes[ref.Slot].Ref != ref || d.boxes[ref.Slot].closed {
		return nil
	}
	return d.boxes[ref.Slot].Owner
}

// Tape is a recording of a live run: every step's instant, event and effects.
// Replayed through a fresh core it must give the same effects.
type Tape[E, F any] struct {
	Steps []Taped[E, F]
	Limit int // steps kept; 0 means a million
	Full  bool
}

// Taped is one step on a tape.
type Taped[E, F any] struct {
	Now     tick.Instant
	Event   E
	Effects []F
}

func (t *Tape[E, F]) add(now tick.Instant, ev E, out []F) {
	if t == nil || t.Full {
		return
	}
	limit := t.Limit
	if limit == 0 {
		limit = 1_000_000
	}
	if len(t.Steps) >= limit {
		t.Full = true
		return
	}
	t.Steps = append(t.Steps, Taped[E, F]{now, ev, append([]F(nil), out...)})
}

// Replay steps a fresh core through the tape and returns the first step whose
// effects differ, or -1.
func Replay[E any, F comparable](t *Tape[E, F], core Core[E, F]) (int, []F) {
	var out []F
	for i, s := range t.Steps {
		out = core.Step(s.Now, s.Event, out[:0])
		if len(out) != len(s.Effects) {
			return i, out
		}
		for j := range out {
			if out[j] != s.Effects[j] {
				return i, out
			}
		}
	}
	return -1, nil
}
