//go:build !linux

package pace

// Precise returns the most exact Func of this machine, and what releases it:
// call that once, when nobody waits any more. Here it is Timer.
func Precise() (sleep Func, release func()) { return Timer, func() {} }
