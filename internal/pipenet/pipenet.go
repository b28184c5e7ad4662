// Package pipenet is a network inside the process: a listener whose connections
// are pipes. HTTP code runs over it unchanged in a testing/synctest bubble,
// where a real socket would keep time from passing. Only tests import it. It
// refuses addresses: every dial reaches the one listener.
package pipenet

import (
	"context"
	"net"
	"sync"
)

// Listener is a net.Listener over net.Pipe: unbuffered, so a write returns when
// the other end has read it. Safe for concurrent use. Make it inside the bubble
// that uses it.
type Listener struct {
	waiting chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

// Listen returns an open listener.
func Listen() *Listener {
	return &Listener{waiting: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept returns the next dialled connection; net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "pipe", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close ends Accept and every later Dial. Connections stay open. It never fails
// and may be called again.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the same address for every listener.
func (l *Listener) Addr() net.Addr { return address{} }

// Dial connects to the listener, whatever network and addr say; it fits
// http.Transport.DialContext. It waits for Accept; its error is net.ErrClosed
// after Close, or the context's.
func (l *Listener) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	near, far := net.Pipe()
	err := net.ErrClosed
	select {
	case l.waiting <- far:
		return near, nil
	case <-l.closed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	near.Close()
	far.Close()
	return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: l.Addr(), Err: err}
}

type address struct{}

func (address) Network() string { return "pipe" }
func (address) String() string  { return "pipe" }
