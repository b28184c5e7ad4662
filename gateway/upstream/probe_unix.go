//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// prober returns a look at a connection that does not wait: false means that the other end has closed it, or has sent
// what nobody asked for. What is read by that is lost, which does not matter: the connection is not used again.
func prober(c net.Conn) func() bool {
	if q, ok := c.(quiet); ok {
		return q.Quiet
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	var (
		still bool
		one   [1]byte
	)
	look := func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), one[:])
		still = err == syscall.EAGAIN || err == syscall.EINTR
		return true
	}
	return func() bool {
		still = false
		return raw.Read(look) == nil && still
	}
}
