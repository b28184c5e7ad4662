//go:build !linux

package pace

import (
	"errors"
	"os"
	"time"
)

// Precise returns the most exact Func of this machine, and what releases it:
// call that once, when nobody waits any more. Here it is Timer.
func Precise() (sleep Func, release func()) { return Timer, func() {} }

// timerfd is what this machine has not.
type timerfd struct{ file *os.File }

func newTimerfd() *timerfd { return nil }

func (*timerfd) set(time.Duration) error { return errors.ErrUnsupported }

func (*timerfd) listen() {}
