package lease

import (
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

var shapes = map[string][]Meter{
	"fixed": {{Name: "x", Kind: Fixed, Limit: 6000, Period: 10 * time.Second, Reason: record.TokenLimit}, {Name: "x", Kind: Fixed, Limit: 20, Period: time.Second, Reason: record.RequestLimit},
		{Name: "x", Kind: Tally, Limit: 1200, Period: time.Minute}},
	"sliding": {{Name: "x", Kind: Sliding, Limit: 6000, Period: 10 * time.Second, Reason: record.TokenLimit}, {Name: "x", Kind: Sliding, Limit: 60, Period: 2 * time.Second, Reason: record.RequestLimit}},
	"bucket":  {{Name: "x", Kind: Bucket, Limit: 6000, Drain: 36_000, Reason: record.Utilization}},
}

// Whatever comes where and whatever calls are lost, replicas together admit no
// more than one limit, and each request has one verdict in time.
func TestReplicasConserve(t *testing.T) {
	for name, meters := range shapes {
		for seed := range int64(60) {
			f := newFleet(t, seed, 1+int(seed%4), Options{Meters: meters, Away: Closed, Patience: 200 * time.Millisecond})
			f.lossy = int(seed%3) * 10
			f.slowest = time.Duration(1+seed%100) * time.Millisecond
			start := f.now
			size := 1 + f.dice.Int63n(400)
			f.load(30*time.Second, func() (time.Duration, Amounts) {
				return 30 * time.Millisecond, Amounts{1 + f.dice.Int63n(size), 1, 1}
			})
			f.play(start.Add(32 * time.Second))
			f.holds(start)
			if f.verdicts != f.asked {
				t.Fatalf("%s, seed %d: %d verdicts on %d requests", name, seed, f.verdicts, f.asked)
			}
		}
	}
}

// Under overload all but a few hundredths of the limit is used, however many
// replicas there are and wherever requests come.
func TestReplicasUseTheLimit(t *testing.T) {
	for name, meters := range shapes {
		for n := 1; n <= 5; n++ {
			f := newFleet(t, int64(n), n, Options{Meters: meters[:1], Away: Closed})
			start := f.now
			f.load(60*time.Second, func() (time.Duration, Amounts) {
				return 40 * time.Millisecond, Amounts{1 + f.dice.Int63n(200)}
			})
			f.play(start.Add(60 * time.Second))
			used := f.holds(start)[0]
			whole := int64(6 * 6000)
			if meters[0].Kind == Bucket {
				whole = 6000 + 36_000
			}
			t.Logf("%s, %d replicas: %d of %d, %d calls", name, n, used, whole, f.replicas[0].Stats(f.replicas[0].clock(f)).Calls)
			if used < whole*95/100 {
				t.Errorf("%s, %d replicas: %d of %d is used", name, n, used, whole)
			}
		}
	}
}

// A request that was refused and comes again, alone, after the wait that it was
// told is admitted. Where there are other replicas, what they have leased and
// not used must go back first.
func TestLoneRetryIsAdmitted(t *testing.T) {
	for name, meters := range shapes {
		for seed := range int64(200) {
			f := newFleet(t, seed, 1+int(seed%3), Options{Meters: meters[:1], Away: Closed})
			retried, admitted := false, false
			f.refused = func(r *replica, p pending, v Verdict) {
				if retried {
					t.Fatalf("%s, seed %d: refused again: %+v of %+v, after %+v", name, seed, v, p, r.meters[0])
				}
				if f.dice.Intn(30) > 0 || len(r.waiting) > 0 {
					return
				}
				f.quiet = true
				wait := v.Wait
				if len(f.replicas) > 1 {
					wait += Life + 2*pace
				}
				f.after(wait, func() {
					n := len(f.admitted)
					retried = true
					f.ask(r, p.cost)
					f.after(pace, func() { admitted = len(f.admitted) > n })
				})
			}
			f.load(20*time.Second, func() (time.Duration, Amounts) {
				return 20 * time.Millisecond, Amounts{1 + f.dice.Int63n(400)}
			})
			f.play(f.now.Add(40 * time.Second))
			if !retried || !admitted {
				t.Errorf("%s, seed %d: retried %v, admitted %v", name, seed, retried, admitted)
			}
		}
	}
}

// The shared state goes and comes back, with what it knew or without. Alone,
// replicas divide the limit as they are told to; each request is answered; and
// once it is back for a period the limit holds again.
func TestReplicasAlone(t *testing.T) {
	for name, meters := range shapes {
		meters = meters[:1]
		period := max(meters[0].Period, 10*time.Second)
		for seed := range int64(24) {
			n := 2 + int(seed%3)
			f := newFleet(t, seed, n, Options{Meters: meters, Away: []Away{LocalShare, Closed, Open}[seed%3]})
			start := f.now
			f.load(100*time.Second, func() (time.Duration, Amounts) {
				return 40 * time.Millisecond, Amounts{1 + f.dice.Int63n(200)}
			})
			f.after(25*time.Second, func() { f.down = true })
			f.after(50*time.Second, func() {
				f.down = false
				if seed%2 == 0 {
					f.forget()
				}
			})
			f.play(start.Add(99 * time.Second))
			for _, r := range f.replicas {
				away := r.Stats(r.clock(f)).Away
				if r.Away() || away < 23800*time.Millisecond || away > 27*time.Second {
					t.Errorf("%s, seed %d: away %v, for %v", name, seed, r.Away(), away)
				}
			}
			at := func(d time.Duration) tick.Instant { return start.Add(d) }
			f.within(start, at(25*time.Second), 100)
			f.within(at(52*time.Second+period), f.now, 100)
			switch alone := f.within(at(26*time.Second+period), at(50*time.Second), 1_000_000)[0]; seed % 3 {
			case 0:
				f.within(start, f.now, 200)
				f.within(at(26*time.Second+period), at(50*time.Second), 100)
				f.within(at(26*time.Second+period), f.now, 110)
				if alone < meters[0].Limit/2 {
					t.Errorf("%s, seed %d: only %d was admitted alone", name, seed, alone)
				}
			case 1:
				if alone > 0 {
					t.Errorf("%s, seed %d: closed, and admitted %d", name, seed, alone)
				}
			case 2:
				if alone < 4*meters[0].Limit {
					t.Errorf("%s, seed %d: open, and admitted %d", name, seed, alone)
				}
			}
		}
	}
}
