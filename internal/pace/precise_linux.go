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
	fd := newTimerfd()
	if fd == nil {
		return Timer, func() {}
	}
	return fd.until, func() { fd.file.Close() }
}

// timerfd is one. The number is kept beside the file since File.Fd would
// make it blocking.
type timerfd struct {
	fd      int
	file    *os.File
	expired [8]byte
}

// newTimerfd returns nil where the kernel refuses.
func newTimerfd() *timerfd {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil
	}
	return &timerfd{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
}

// set lets it expire once, after wait, which must be positive.
func (f *timerfd) set(wait time.Duration) error {
	return unix.TimerfdSettime(f.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}, nil)
}

// listen keeps it in the runtime's poller until the file is closed.
func (f *timerfd) listen() {
	for {
		if _, err := f.file.Read(f.expired[:]); err != nil {
			return
		}
	}
}

// until waits in Read. Cancelling moves the file's read deadline into the past,
// where it stays until Read has failed of it: so a cancellation between looking
// at ctx and Read is not lost, and one that comes when its wait is over only
// costs the next wait one more turn of the loop.
func (f *timerfd) until(ctx context.Context, clock *drive.Clock, t tick.Instant) {
	stop := context.AfterFunc(ctx, func() { f.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for ctx.Err() == nil {
		wait := clock.Until(t)
		if wait <= 0 {
			return
		}
		if f.set(wait) != nil {
			Timer(ctx, clock, t)
			return
		}
		if _, err := f.file.Read(f.expired[:]); err != nil {
			f.file.SetReadDeadline(time.Time{})
		}
	}
}
