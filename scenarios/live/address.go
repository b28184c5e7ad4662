package live

import (
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"foundrylab/simulator/fault"
)

// address is where the backends of one resource are reached: a listener, and
// the name that the gateway of a run calls it by. Outages of an address are
// brought about here (fault.Config.OfAddress): while one lasts no new
// connection comes about, and none that stands takes another request.
type address struct {
	name   string // of the first backend
	addr   string // to listen on, as configured; then as it was
	net    Network
	note   func(format string, args ...any)
	named  bool // it is reached by a name that a fault can take away
	server *http.Server

	mu     sync.Mutex
	down   map[string]int // faults in force, by mode of outage
	inner  net.Listener   // nil: none is open
	moved  chan struct{}  // closed when inner is another one, or closed is set
	closed bool
	fresh  map[net.Conn]struct{} // accepted, and nothing came yet
}

func newAddress(name, addr string, network Network, note func(format string, args ...any)) *address {
	a := &address{name: name, addr: addr, net: network, note: note, down: map[string]int{}, moved: make(chan struct{}), fresh: map[net.Conn]struct{}{}}
	a.server = &http.Server{ReadHeaderTimeout: time.Minute, ErrorLog: log.New(&complaints{name: name, note: note}, "", 0)}
	return a
}

// listen opens the address, unless a fault has closed it already, and returns
// where it is.
func (a *address) listen() (net.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	l, err := a.net.Listen(a.name, a.addr)
	if err != nil {
		return nil, err
	}
	a.inner, a.addr = l, l.Addr().String()
	if a.shut() {
		a.closeInner()
	}
	return l.Addr(), nil
}

// fault begins or ends an outage. It does not block.
func (a *address) fault(f *fault.Config, begins bool) {
	if !f.OfAddress() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if begins {
		a.down[f.Outage.Mode]++
	} else {
		a.down[f.Outage.Mode]--
	}
	if a.inner == nil && !a.shut() && !a.closed {
		a.open()
	}
	if a.inner != nil && a.shut() {
		a.closeInner()
	}
	a.server.SetKeepAlivesEnabled(!a.lost())
	if begins {
		for conn := range a.fresh { // as the idle ones, which the server has just closed
			conn.Close()
		}
	}
}

// lost reports whether any outage is in force; with mu.
func (a *address) lost() bool { return a.down["refused"]+a.down["tls"]+a.down["unknown_host"] > 0 }

// shut reports whether nobody listens. A name that nobody here resolves cannot
// be taken away: then the nearest to it is that nobody listens; with mu.
func (a *address) shut() bool { return a.down["refused"] > 0 || a.down["unknown_host"] > 0 && !a.named }

// unknown reports whether the address' name does not resolve.
func (a *address) unknown() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.named && a.down["unknown_host"] > 0
}

// reopenEvery is how often a port that another process took meanwhile is asked
// for again.
const reopenEvery = 50 * time.Millisecond

// open listens again, at once or as soon as it can; with mu.
func (a *address) open() {
	l, err := a.net.Listen(a.name, a.addr)
	if err != nil {
		a.note("%s cannot listen again yet: %v", a.name, err)
		time.AfterFunc(reopenEvery, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.inner == nil && !a.shut() && !a.closed {
				a.open()
			}
		})
		return
	}
	a.inner = l
	a.move()
}

func (a *address) closeInner() {
	a.inner.Close()
	a.inner = nil
	a.move()
}

func (a *address) move() {
	close(a.moved)
	a.moved = make(chan struct{})
}

// Accept implements net.Listener: a closed address has no connections, and
// waits to be opened.
func (a *address) Accept() (net.Conn, error) {
	for {
		a.mu.Lock()
		inner, moved, closed := a.inner, a.moved, a.closed
		a.mu.Unlock()
		switch {
		case closed:
			return nil, net.ErrClosed
		case inner == nil:
			<-moved
			continue
		}
		conn, err := inner.Accept()
		if err == nil || !a.left(inner) {
			return conn, err
		}
	}
}

// left reports whether a listener was closed by a fault or by Close, which hold
// mu until that can be told.
func (a *address) left(l net.Listener) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.inner != l
}

// Close implements net.Listener.
func (a *address) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	if a.inner != nil {
		a.closeInner()
	} else {
		a.move()
	}
	return nil
}

// Addr implements net.Listener.
func (a *address) Addr() net.Addr { return at(a.addr) }

// at is an address by its text.
type at string

func (at) Network() string  { return "tcp" }
func (a at) String() string { return string(a) }

// expect is told what faults the address will have, before it is opened.
func (a *address) expect(faults []fault.Config) {
	if slices.ContainsFunc(faults, fault.Config.OfAddress) {
		a.server.ConnState = a.track
	}
}

// track knows the connections on which nothing came yet.
func (a *address) track(conn net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if state == http.StateNew {
		a.fresh[conn] = struct{}{}
	} else {
		delete(a.fresh, conn)
	}
}

// errOutage is why a handshake fails.
var errOutage = errors.New("a fault lets the handshake fail")

// secured is the address over TLS.
func (a *address) secured(cert tls.Certificate) net.Listener {
	return tls.NewListener(a, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.down["tls"] > 0 {
				return nil, errOutage
			}
			return nil, nil
		}})
}
