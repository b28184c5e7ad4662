package pace

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// A ring before its time, after which the kernel's timer is spent, sets it again.
func TestARingTooEarlyIsRepeated(t *testing.T) {
	clock := drive.WallClock()
	a := NewAlarm(clock, true)
	defer a.Close()
	if a.exact == nil {
		t.Skip("this kernel gives no timerfd")
	}
	a.Set(NewSleeper(), clock.Now().Add(time.Hour))
	if err := unix.TimerfdSettime(a.exact.fd, 0, &unix.ItimerSpec{}, nil); err != nil {
		t.Fatal(err)
	}
	a.ring()
	var left unix.ItimerSpec
	if err := unix.TimerfdGettime(a.exact.fd, &left); err != nil || left.Value.Nano() < int64(time.Minute) {
		t.Errorf("%v left, %v", left.Value, err)
	}
}
