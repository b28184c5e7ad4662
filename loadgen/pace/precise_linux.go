package pace

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"foundrylab/internal/drive"
	"foundrylab/internal/tick"
)

// Precise returns the most exact Func of this machine, and what releases it:
// call that once, when nobody waits any more. On Linux it is a timerfd in the
// runtime's poller: the kernel's high-resolution timer ends the poll itself, so
// no thread is held and nothing spins. Where the kernel refuses one, it is Timer.
func Precise() (sleep Func, release func()) {
	a := newAlarm()
	if a == nil {
		return Timer, func() {}
	}
	return a.until, func() { a.file.Close() }
}

// alarm is a timerfd. The number is kept beside the file since File.Fd would
// make it blocking.
type alarm struct {
	fd      int
	file    *os.File
	expired [8]byte
}

// newAlarm returns nil where the kernel refuses.
func newAlarm() *alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	return &alarm{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
}

// until waits in Read. Cancelling moves the file's read deadline into the past,
// where it stays until Read has failed of it: so a cancellation between looking
// at ctx and Read is not lost, and one that comes when its wait is over only
// costs the next wait one more turn of the loop.
func (a *alarm) until(ctx context.Context, clock *drive.Clock, t tick.Instant) {
	stop := context.AfterFunc(ctx, func() { a.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		wait := clock.Until(t)
		if wait <= 0 {
			return
		}
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}
		if unix.TimerfdSettime(a.fd, 0, &spec, nil) != nil {
			Timer(ctx, clock, t)
			return
		}
		if _, err := a.file.Read(a.expired[:]); err != nil {
			a.file.SetReadDeadline(time.Time{})
		}
	}
}
