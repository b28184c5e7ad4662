package pace

import (
	"testing"
	"time"

	"foundrylab/internal/drive"
)

// A cancellation that comes after its wait was over, and an expiry that nobody
// read, wake the next wait in vain.
func TestALateCancellationOnlyCostsATurn(t *testing.T) {
	a := newTimerfd()
	if a == nil {
		t.Skip("this kernel gives no timerfd")
	}
	defer a.file.Close()
	clock := drive.WallClock()
	for range 10 {
		if err := a.file.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		at := clock.Now().Add(2 * time.Millisecond)
		a.until(t.Context(), clock, at)
		if now := clock.Now(); now < at {
			t.Fatalf("%v early", at.Sub(now))
		}
	}
}
