package pace

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
)

// In a bubble many sleepers wake at the very instants that they were last set for, at once where that has passed, and
// not when they were stopped.
func TestAlarmIsExactInABubble(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			clock := drive.NewClock(1_000_000)
			a := NewAlarm(clock, false)
			defer a.Close()
			var sleepers sync.WaitGroup
			for i := range uint64(30) {
				random := rand.New(rand.NewPCG(seed, i))
				span := func() time.Duration { return time.Duration(random.IntN(20)) }
				sleepers.Go(func() {
					s := NewSleeper()
					for range 20 {
						if random.IntN(3) == 0 {
							a.Set(s, clock.Now().Add(1+span())) // is replaced
						}
						now := clock.Now()
						at := now.Add(span() - 3)
						a.Set(s, at)
						if at > now && random.IntN(4) == 0 {
							a.Stop(s)
							a.Stop(s)
							time.Sleep(30 * time.Nanosecond)
							if len(s.C) > 0 {
								t.Errorf("seed %d: was stopped and woken", seed)
							}
							continue
						}
						<-s.C
						if woken := clock.Now(); woken != max(at, now) {
							t.Errorf("seed %d: set at %d for %d, woken at %d", seed, now, at, woken)
						}
					}
				})
			}
			sleepers.Wait()
			if len(a.due) != 0 {
				t.Errorf("seed %d: %d are still set", seed, len(a.due))
			}
		})
	}
}

// Outside a bubble nobody is woken early and everybody is woken, also by an Alarm that is closed meanwhile.
func TestAlarmWakesEverybodyAndNobodyEarly(t *testing.T) {
	clock := drive.WallClock()
	for _, precise := range []bool{true, false} {
		a := NewAlarm(clock, precise)
		began := clock.Now()
		var sleepers sync.WaitGroup
		for i := range 100 {
			sleepers.Go(func() {
				s := NewSleeper()
				for k := range 20 {
					at := began.Add(time.Duration(k*500+i*7) * time.Microsecond)
					a.Set(s, at)
					<-s.C
					if now := clock.Now(); now < at {
						t.Errorf("precise %v: %v early", precise, at.Sub(now))
					}
				}
			})
		}
		Timer(t.Context(), clock, began.Add(5*time.Millisecond))
		a.Close()
		a.Close()
		sleepers.Wait()
	}
}

// However many are due, an exact alarm is set for no less than a breath after it woke somebody; and it is not set again
// for who comes later.
func TestAlarmTakesABreath(t *testing.T) {
	clock := drive.WallClock()
	a := NewAlarm(clock, true)
	defer a.Close()
	if a.exact == nil {
		t.Skip("this machine has no such timer")
	}
	far := clock.Now().Add(time.Hour)
	a.woke = far
	first, second, third := NewSleeper(), NewSleeper(), NewSleeper()
	for _, step := range []struct {
		s           *Sleeper
		after, want time.Duration
	}{
		{first, 2 * breath, 2 * breath},
		{second, 1, breath},
		{third, 2, breath},
		{third, 3 * breath, breath},
	} {
		a.Set(step.s, far.Add(step.after))
		if got := a.armed.Sub(far); got != step.want {
			t.Errorf("somebody is due after %v: set for %v, want %v", step.after, got, step.want)
		}
	}
	a.ring() // in vain: nobody is due
	if got := a.armed.Sub(far); got != breath || len(a.due) != 3 {
		t.Errorf("after a ring for nobody: set for %v, %d wait", got, len(a.due))
	}
}

// What listens to the kernel's timer ends with the Alarm.
func TestAlarmLeavesNobodyBehind(t *testing.T) {
	fd := newTimerfd()
	if fd == nil {
		t.Skip("this machine has no such timer")
	}
	ended := make(chan struct{})
	go func() {
		fd.listen()
		close(ended)
	}()
	if err := fd.set(1); err != nil {
		t.Fatal(err)
	}
	fd.file.Close()
	<-ended
}

// A wait allocates nothing: a stream waits once for each token.
func TestAlarmAllocatesNothing(t *testing.T) {
	clock := drive.WallClock()
	a := NewAlarm(clock, true)
	defer a.Close()
	s := NewSleeper()
	var at tick.Instant
	if n := testing.AllocsPerRun(100, func() {
		at = clock.Now().Add(20 * time.Microsecond)
		a.Set(s, at)
		<-s.C
	}); n != 0 {
		t.Errorf("%v allocations a wait", n)
	}
}

func BenchmarkAlarmSet(b *testing.B) {
	clock := drive.WallClock()
	a := NewAlarm(clock, false)
	defer a.Close()
	sleepers := make([]*Sleeper, 1000)
	for i := range sleepers {
		sleepers[i] = NewSleeper()
	}
	at := clock.Now().Add(time.Hour)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at++
		a.Set(sleepers[i%1000], at)
	}
}
