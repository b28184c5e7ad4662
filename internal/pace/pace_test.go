package pace

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
)

func TestTimerIsExactInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := drive.NewClock(1_000_000)
		ctx, cancel := context.WithCancel(t.Context())
		for _, at := range []tick.Instant{1_000_001, 1_000_001, 5, 2_000_000_000_123} {
			Timer(ctx, clock, at)
			if now := clock.Now(); now != max(at, 1_000_001) {
				t.Fatalf("waited for %d until %d", at, now)
			}
		}
		time.AfterFunc(time.Hour, cancel)
		began := clock.Now()
		Timer(ctx, clock, tick.Never)
		if waited := clock.Now().Sub(began); waited != time.Hour {
			t.Fatalf("cancelled after an hour, waited %v", waited)
		}
		Timer(ctx, clock, clock.Now().Add(time.Second))
		if waited := clock.Now().Sub(began); waited != time.Hour {
			t.Fatal("waits although it is cancelled")
		}
	})
}

// Outside a bubble nothing can be said of lateness on a busy machine; but it is
// never early, and it ends.
func TestPreciseIsNeverEarly(t *testing.T) {
	sleep, release := Precise()
	defer release()
	clock := drive.WallClock()
	for i := range 200 {
		at := clock.Now().Add(time.Duration(i) * time.Microsecond)
		sleep(t.Context(), clock, at)
		if now := clock.Now(); now < at {
			t.Fatalf("%v early", at.Sub(now))
		}
	}
	sleep(t.Context(), clock, clock.Now().Add(-time.Hour))
}

// A cancellation ends the wait however it falls, and does not spoil the next
// wait.
func TestPreciseEndsWhenCancelled(t *testing.T) {
	sleep, release := Precise()
	defer release()
	clock := drive.WallClock()
	for i := range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		var canceller sync.WaitGroup
		canceller.Go(func() {
			if i%3 == 0 { // let the wait begin
				Timer(t.Context(), clock, clock.Now().Add(200*time.Microsecond))
			}
			cancel()
		})
		far := clock.Now().Add(time.Hour)
		if i%2 == 0 {
			far = tick.Never
		}
		sleep(ctx, clock, far) // would hang
		at := clock.Now().Add(50 * time.Microsecond)
		sleep(t.Context(), clock, at)
		if now := clock.Now(); now < at {
			t.Fatalf("after a cancelled wait: %v early", at.Sub(now))
		}
		canceller.Wait()
	}
}
