package pipenet

import (
	"net"
	"sync"
	"time"
)

// Attend returns a connection that takes in what the other end writes as soon as it is written, as a socket's buffer
// does: an end that nobody reads from just now does not hold the other up. Two goroutines end with the connection.
func Attend(c net.Conn) net.Conn {
	near, far := net.Pipe()
	a := &attended{Conn: c, in: near, out: far, more: make(chan struct{}, 1)}
	go a.take()
	go a.give()
	return a
}

// attended reads from in, and writes to the Conn.
type attended struct {
	net.Conn
	in, out net.Conn
	more    chan struct{} // something was queued

	mu    sync.Mutex
	queue []byte // taken, and not yet read
	over  bool   // the other end is closed
}

// Quiet reports whether the other end is open, and has written nothing that was not read.
func (a *attended) Quiet() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.over && len(a.queue) == 0
}

func (a *attended) take() {
	buf := make([]byte, 4<<10)
	for {
		n, err := a.Conn.Read(buf)
		a.mu.Lock()
		a.queue = append(a.queue, buf[:n]...)
		a.over = err != nil
		a.mu.Unlock()
		select {
		case a.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (a *attended) give() {
	defer a.out.Close()
	for range a.more {
		for {
			a.mu.Lock()
			p, over := a.queue, a.over
			a.mu.Unlock()
			if len(p) == 0 && over {
				return
			}
			if len(p) == 0 {
				break
			}
			n, err := a.out.Write(p)
			a.mu.Lock()
			a.queue = a.queue[n:]
			a.mu.Unlock()
			if err != nil {
				return
			}
		}
	}
}

// SetDeadline implements net.Conn.
func (a *attended) SetDeadline(t time.Time) error {
	a.in.SetReadDeadline(t)
	return a.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (a *attended) SetReadDeadline(t time.Time) error { return a.in.SetReadDeadline(t) }

// Read implements net.Conn.
func (a *attended) Read(p []byte) (int, error) { return a.in.Read(p) }

// Close implements net.Conn.
func (a *attended) Close() error {
	a.in.Close()
	return a.Conn.Close()
}
