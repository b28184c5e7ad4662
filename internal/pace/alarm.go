package pace

import (
	"container/heap"
	"sync"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
)

// Alarm wakes many goroutines, each at an instant of its own, by one timer for
// all. If that is asked for and the kernel has one, it rings exactly: beside the
// runtime's timer, whose own thread then watches less, the kernel's is set. It
// holds one entry for each Sleeper that is set. Nobody is woken early. Safe for
// concurrent use.
type Alarm struct {
	clock *drive.Clock

	mu    sync.Mutex
	due   sleepers
	timer *time.Timer  // rings
	exact *timerfd     // ends the poll of an idle runtime, so that it sees in time that timer is due
	armed tick.Instant // what both are set for
	woke  tick.Instant // when it last woke somebody
}

// breath is the least time between two wakes where they are exact: who are due
// within it are woken together. To wake a processor at rest costs more than to
// write a token: with 200 us a server of 17,000 tokens a second takes half as
// much processor time again.
const breath = 500 * time.Microsecond

// Sleeper is one who can be woken; it belongs to one Alarm. C receives when its
// instant has come, and may do so once too often where Set or Stop is called at
// that very moment: look at the clock.
type Sleeper struct {
	C     chan struct{}
	at    tick.Instant
	place int // in the heap, from 1; 0: not set
}

// NewSleeper returns a Sleeper that is not set.
func NewSleeper() *Sleeper { return &Sleeper{C: make(chan struct{}, 1)} }

// NewAlarm returns an Alarm; close it when done. precise asks for the kernel's
// timer: not in a testing/synctest bubble, of whose time the kernel knows nothing.
func NewAlarm(clock *drive.Clock, precise bool) *Alarm {
	a := &Alarm{clock: clock}
	if precise {
		a.exact = newTimerfd()
	}
	if a.exact != nil {
		go a.exact.listen()
	}
	return a
}

// Set lets s be woken at t, and no more when it was set for before.
func (a *Alarm) Set(s *Sleeper, t tick.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.at = t
	if s.place == 0 {
		heap.Push(&a.due, s)
	} else {
		heap.Fix(&a.due, s.place-1)
	}
	if a.due[0] == s {
		a.arm()
	}
}

// Stop lets s sleep.
func (a *Alarm) Stop(s *Sleeper) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.place > 0 { // the timer may ring for nobody: that is harmless
		heap.Remove(&a.due, s.place-1)
	}
}

// Close gives the kernel's timer back. Who is set, or will be, is still woken,
// only less exactly.
func (a *Alarm) Close() {
	a.mu.Lock()
	exact := a.exact
	a.exact = nil
	a.mu.Unlock()
	if exact != nil {
		exact.file.Close()
	}
}

// ring wakes whoever is due.
func (a *Alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for len(a.due) > 0 && a.due[0].at <= now {
		a.woke = now
		select {
		case heap.Pop(&a.due).(*Sleeper).C <- struct{}{}:
		default: // it has not looked since the last time
		}
	}
	a.armed = 0
	a.arm()
}

// arm sets the timer for the first who is to be woken; under the lock.
func (a *Alarm) arm() {
	if len(a.due) == 0 {
		return
	}
	at := a.due[0].at
	if a.exact != nil {
		at = max(at, a.woke.Add(breath))
	}
	if at == a.armed {
		return
	}
	a.armed = at
	wait := max(a.clock.Until(at), 0)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.ring)
	} else {
		a.timer.Reset(wait)
	}
	if a.exact != nil {
		a.exact.set(max(wait, 1)) // after the other, which is then due when the poll ends; if this fails, it rings late
	}
}

// sleepers is a heap by instant.
type sleepers []*Sleeper

func (h sleepers) Len() int           { return len(h) }
func (h sleepers) Less(i, j int) bool { return h[i].at < h[j].at }
func (h sleepers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (h *sleepers) Push(x any) {
	s := x.(*Sleeper)
	*h = append(*h, s)
	s.place = len(*h)
}

// Pop implements heap.Interface.
func (h *sleepers) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	s.place = 0
	return s
}
