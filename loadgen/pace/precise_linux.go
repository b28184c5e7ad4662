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
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return Timer, func() {}
	}
	a := &alarm{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
	return a.until, func() { a.file.Close() }
}

type alarm struct {
	fd      int
	file    *os.File
	expired [8]byte
}

// until waits in Read. Cancelling moves the file's read deadline into the past,
// for good: so a cancellation that comes between looking at ctx and Read is not
// lost, and one that comes after its wait was over only costs the next wait one
// more turn of the loop.
func (a *alarm) until(ctx context.Context, clock *drive.Clock, t tick.Instant) {
	if t == tick.Never {
		<-ctx.Done()
		return
	}
	if clock.Until(t) <= 0 {
		return
	}
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
