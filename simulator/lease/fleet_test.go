package lease

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/limit"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// fleet is several replicas on one Book, in a time of their own: calls take
// time and get lost, clocks differ, the book forgets everything.
type fleet struct {
	*testing.T
	dice     *rand.Rand
	now      tick.Instant // the book's clock
	agenda   des.Heap     // of places in planned
	planned  []planned
	quiet    bool // no more requests come
	book     *Book
	epochs   uint64
	down     bool
	meters   []Meter
	replicas []*replica
	admitted []admitted
	asked    int
	verdicts int
	slowest  time.Duration // of a call, there and back
	lossy    int           // of a thousand calls, how many get no answer
	refused  func(r *replica, p pending, v Verdict)
}

type planned struct {
	at      tick.Instant
	do      func()
	arrival bool // of a request
}

type replica struct {
	*Machine
	name    string
	ahead   time.Duration // its clock before the book's
	waiting map[record.Ref]pending
	next    uint32
}

type pending struct {
	since tick.Instant
	cost  Amounts
}

type admitted struct {
	at    tick.Instant
	cost  Amounts
	alone bool
}

func newFleet(t *testing.T, seed int64, n int, opt Options) *fleet {
	f := &fleet{T: t, dice: rand.New(rand.NewSource(seed)), now: 1_767_571_200_000_000_000, meters: opt.Meters, slowest: 3 * time.Millisecond}
	f.forget()
	for i := range n {
		ahead := time.Duration(f.dice.Int63n(int64(time.Hour))) - 30*time.Minute
		r := &replica{name: fmt.Sprint(i), ahead: ahead, waiting: map[record.Ref]pending{}}
		r.Machine = New(opt, f.now.Add(ahead))
		f.replicas = append(f.replicas, r)
		f.run(r, nil)
	}
	return f
}

// forget loses what the book knew.
func (f *fleet) forget() {
	f.epochs++
	f.book = NewBook(f.epochs)
}

func (f *fleet) after(d time.Duration, do func()) { f.plan(planned{at: f.now.Add(d), do: do}) }

func (f *fleet) plan(p planned) {
	f.planned = append(f.planned, p)
	f.agenda.Push(p.at, 0, uint64(len(f.planned)-1))
}

// play runs what is planned up to an instant.
func (f *fleet) play(until tick.Instant) {
	for f.agenda.Next() <= until {
		p := &f.planned[f.agenda.Pop().Val]
		f.now = max(f.now, p.at)
		if !p.arrival || !f.quiet {
			p.do()
		}
		p.do = nil
	}
	f.now = until
}

func (r *replica) clock(f *fleet) tick.Instant { return f.now.Add(r.ahead) }

// run records verdicts, makes the call that is due and comes back for the next.
func (f *fleet) run(r *replica, verdicts []Verdict) {
	now := r.clock(f)
	verdicts = r.Wake(now, verdicts)
	for _, v := range verdicts {
		p, known := r.waiting[v.Ref]
		if !known {
			f.Fatalf("a second verdict on %v: %+v", v.Ref, v)
		}
		delete(r.waiting, v.Ref)
		f.verdicts++
		if wait := f.now.Sub(p.since); wait > r.opt.Patience {
			f.Fatalf("a verdict after %v", wait)
		}
		if v.Reason == record.NoReason {
			f.admitted = append(f.admitted, admitted{f.now, p.cost, r.Away()})
		} else if v.Wait <= 0 {
			f.Fatalf("refused without a wait: %+v", v)
		} else if f.refused != nil {
			f.refused(r, p, v)
		}
	}
	if c, due := r.Call(now); due {
		f.exchange(r, c)
	}
	if next := r.NextWake(now); next != tick.Never {
		if next < now {
			f.Fatalf("due %v ago and not done", now.Sub(next))
		}
		f.after(max(next.Sub(now), time.Microsecond), func() {
			if r.NextWake(r.clock(f)) <= r.clock(f) {
				f.run(r, nil)
			}
		})
	}
}

func (f *fleet) exchange(r *replica, c Call) {
	there, back := time.Duration(f.dice.Int63n(int64(f.slowest)))/2, time.Duration(f.dice.Int63n(int64(f.slowest)))/2
	lost := f.dice.Intn(2000) < f.lossy
	f.after(there, func() {
		if f.down || lost {
			f.after(back, func() { f.run(r, r.Failed(r.clock(f), nil)) })
			return
		}
		reply := f.book.Exchange(f.now, r.name, &c)
		lost := f.dice.Intn(2000) < f.lossy
		f.after(back, func() {
			if lost {
				f.run(r, r.Failed(r.clock(f), nil))
			} else {
				f.run(r, r.Answered(r.clock(f), &reply, nil))
			}
		})
	})
}

// ask lets a request of a replica come.
func (f *fleet) ask(r *replica, cost Amounts) {
	ref := record.Ref{Slot: r.next}
	r.next++
	f.asked++
	r.waiting[ref] = pending{f.now, cost}
	f.run(r, r.Reserve(r.clock(f), ref, cost, nil))
}

// load plans random arrivals at each replica: bursts, pauses, one that idles.
func (f *fleet) load(span time.Duration, each func() (every time.Duration, cost Amounts)) {
	for i, r := range f.replicas {
		busy := true
		for at := time.Duration(0); at < span; {
			every, cost := each()
			at += time.Duration(f.dice.Int63n(2*int64(every) + 1))
			if f.dice.Intn(200) == 0 && i > 0 {
				busy = !busy
			}
			if busy {
				f.plan(planned{f.now.Add(at), func() { f.ask(r, cost) }, true})
			}
		}
	}
}

// holds checks, against a plain list of what was admitted from an instant on,
// that no meter admitted more than its limit and returns how much it did.
func (f *fleet) holds(from tick.Instant) (used Amounts) {
	return f.within(from, f.now, 100)
}

// within is holds with per cents of every limit, between two instants.
func (f *fleet) within(from, to tick.Instant, percent int64) (used Amounts) {
	log := slices.DeleteFunc(slices.Clone(f.admitted), func(a admitted) bool { return a.at < from || a.at >= to })
	for i, m := range f.meters {
		largest := int64(0)
		shadow := limit.NewBucket(max(m.Drain, 1), from)
		oldest, sum := 0, int64(0)
		for k, a := range log {
			used[i] += a.cost[i]
			largest = max(largest, a.cost[i])
			switch m.Kind {
			case Bucket:
				shadow.Add(a.at, a.cost[i])
				sum = shadow.Level(a.at) - largest - tick.CeilMulDiv(m.Drain, int64(Life), int64(time.Minute))
			case Sliding:
				sum += a.cost[i]
				for ; a.at.Sub(log[oldest].at) >= m.Period; oldest++ {
					sum -= log[oldest].cost[i]
				}
			case Fixed:
				sum += a.cost[i]
				if k > 0 && a.at/tick.Instant(m.Period) != log[k-1].at/tick.Instant(m.Period) {
					sum = a.cost[i]
				}
			}
			if 100*sum > percent*m.Limit {
				f.Fatalf("meter %d: %d of %d at %v after the start", i, sum, m.Limit, a.at.Sub(from))
			}
		}
	}
	return used
}
