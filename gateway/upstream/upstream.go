// Package upstream sends HTTP/1.1 requests to backends over connections that it keeps. A request is written, and the head
// and body of its answer are read, on the goroutine that asks: nothing is handed over between goroutines, which is most of
// what net/http's Transport costs. What comes back is taken apart by net/http's own http.ReadResponse, so that this package
// and the rest of the world agree about where an answer ends.
//
// It owns connections: their number, age, health and deadlines. It refuses HTTP/2, upgrades, redirects, compression, and
// proxies named by the environment; who needs one of these gives a backend a transport of another kind.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are the bounds of a Transport. Zero is the default of each.
type Options struct {
	MaxConns    int           // open connections to one address, idle or not; a request beyond waits, first come, first served; default: no bound
	MaxIdle     int           // idle connections to one address; the one that would be too many is closed; default 16,384
	IdleTimeout time.Duration // an idle connection is closed after that long, a quarter longer at most; default 90 s
	MaxLifetime time.Duration // a connection that old serves no further request, since names come to mean other addresses; default 10 min

	DialTimeout time.Duration // to connect; default 5 s
	TLSTimeout  time.Duration // of the handshake; default 10 s
	HeadTimeout time.Duration // from the first byte sent to the last of the answer's head; default: none, a reasoning model may think for minutes
	BodyTimeout time.Duration // between two reads of a body that bring something; default: none, the client decides how long it waits

	MaxHead int64 // bytes of an answer's head, those of 1xx answers before it included; default 64 KiB

	TLS  *tls.Config                                                       // nil: certificates are verified by the roots of the system; its NextProtos are not used
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: a net.Dialer
}

// withDefaults returns the options with every zero filled in.
func (o Options) withDefaults() Options {
	fill := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	fill(&o.IdleTimeout, 90*time.Second)
	fill(&o.MaxLifetime, 10*time.Minute)
	fill(&o.DialTimeout, 5*time.Second)
	fill(&o.TLSTimeout, 10*time.Second)
	if o.MaxIdle == 0 {
		o.MaxIdle = 16_384
	}
	if o.MaxHead == 0 {
		o.MaxHead = 64 << 10
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext
	}
	if o.TLS == nil {
		o.TLS = new(tls.Config)
	}
	o.TLS = o.TLS.Clone()
	o.TLS.NextProtos = []string{"http/1.1"}
	if o.TLS.ClientSessionCache == nil {
		o.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return o
}

// Transport is an http.RoundTripper. Safe for concurrent use. It has one pool of connections for each address that it has
// a connection to.
type Transport struct {
	opt     Options
	buffers sync.Pool // *[]byte, for requests on their way out

	mu     sync.Mutex // guards all below, and every pool
	pools  map[address]*pool
	sweep  *time.Timer // closes what has been idle for too long; armed while something is idle
	armed  bool
	closed bool // CloseIdleConnections was called, and no request came since
}

// New returns a transport with no connection.
func New(opt Options) *Transport {
	t := &Transport{opt: opt.withDefaults(), pools: map[address]*pool{}}
	t.buffers.New = func() any { b := make([]byte, 0, 4<<10); return &b }
	return t
}

// RoundTrip sends a request and returns its answer as soon as its head is there, as http.RoundTripper wants it. The
// length of the request's body must be known. The body of the answer must be read to its end or closed; closing it
// before its end closes the connection. The request's context ends the exchange at any stage.
//
// A request that meets a connection which the backend has closed meanwhile is sent once more, over a fresh one, under
// net/http's conditions: nothing of the answer was read, and either nothing of the request was written or its method is
// one that may be repeated (RFC 9110, 9.2.2). A POST that was written is never sent twice.
//
// An error that Unconnected reports means that there was no connection; see there.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.RoundTripAnd(req, nil)
}

// RoundTripAnd is RoundTrip, and calls meanwhile, on the same goroutine, when the request is written and before its answer
// is waited for: what is done there costs the request no time, as long as it takes less than the backend does. It is
// called again where the request is sent again, and not where it was not sent.
func (t *Transport) RoundTripAnd(req *http.Request, meanwhile func()) (*http.Response, error) {
	m, err := t.message(req)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	defer m.release(t)
	to := address{req.URL.Scheme, req.URL.Host}
	for fresh := false; ; fresh = true {
		c, err := t.take(req.Context(), to, fresh)
		if err != nil {
			return nil, err
		}
		resp, err := c.exchange(req, m, meanwhile)
		if err == nil {
			return resp, nil
		}
		if !c.reused || !m.again(err) {
			return nil, err
		}
	}
}

// CloseIdleConnections closes what is idle now, and what is in use as soon as its answer is over, unless another request
// comes first.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	t.closed = true
	var idle []*conn
	for _, p := range t.pools {
		idle = append(idle, p.idle...)
		p.idle = nil
	}
	t.mu.Unlock()
	for _, c := range idle {
		t.discard(c)
	}
}

// ConnectError is an error before there was a connection: a name that did not resolve, nobody who listens, or a TLS
// handshake that failed.
type ConnectError struct{ Err error }

// Error implements error.
func (e *ConnectError) Error() string { return "upstream: no connection: " + e.Err.Error() }

// Unwrap returns what went wrong.
func (e *ConnectError) Unwrap() error { return e.Err }

// Errors of an exchange; what is returned wraps them.
var (
	ErrTimeout   = errors.New("the backend took too long")        // HeadTimeout or BodyTimeout
	ErrHeadSize  = errors.New("the head of the answer is larger") // than MaxHead
	ErrSwitching = errors.New("the backend switches protocols, which nobody asked for")
	ErrLength    = errors.New("the length of the request's body must be known")
)

// unanswered is an error before the first byte of an answer.
type unanswered struct {
	error
	unwritten bool // nothing of the request was written
}

// Unwrap returns what went wrong.
func (e *unanswered) Unwrap() error { return e.error }

// again reports whether a request that failed over a connection used before may be sent once more.
func (m *message) again(err error) bool {
	var u *unanswered
	return errors.As(err, &u) && (u.unwritten || m.repeatable)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

var _ http.RoundTripper = (*Transport)(nil)

// problem says what happened to a request, by the name of its backend: of a URL's query nothing is repeated.
func problem(req *http.Request, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("upstream: %s %s: %w", req.Method, req.URL.Host, err)
}
