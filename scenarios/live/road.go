package live

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"

	"foundrylab/gateway"
	"foundrylab/gateway/upstream"
	"foundrylab/internal/authority"
	"foundrylab/simulator"
)

// roads is how the gateway of a run reaches its backends: by names that only
// it resolves, so that a fault can take one away.
type roads struct {
	net       Network
	places    map[string]place // by host
	transport *upstream.Transport
}

// place is what a host name stands for.
type place struct {
	*address
	target string // to dial
}

// newRoads returns roads that trust what the authority certifies; nil: nothing
// is served over TLS.
func newRoads(network Network, trusted *authority.Authority) *roads {
	r := &roads{net: network, places: map[string]place{}}
	options := upstream.Options{Dial: r.dial}
	if trusted != nil {
		options.TLS = &tls.Config{RootCAs: trusted.Pool()}
	}
	r.transport = upstream.New(options)
	return r
}

// lead makes an address reached by a host name, and returns its URL.
func (r *roads) lead(host string, a *address, secure bool) string {
	r.places[host] = place{a, a.addr}
	_, port, _ := net.SplitHostPort(a.addr) // what is no TCP address has none
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	if port == "" {
		return scheme + host
	}
	return scheme + net.JoinHostPort(host, port)
}

// dial resolves a backend's name and connects.
func (r *roads) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p, known := r.places[host]
	if !known || p.unknown() {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	return r.net.Dial(ctx, network, p.target)
}

// road leads to one resource, and tells it of the requests that never came.
type road struct {
	*upstream.Transport
	to *simulator.Server
}

// RoundTrip implements http.RoundTripper.
func (r road) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.Transport.RoundTrip(req)
	if err == nil || req.GetBody == nil || req.Context().Err() != nil || !gateway.Unconnected(err) {
		return resp, err
	}
	if body, broken := req.GetBody(); broken == nil {
		missed := req.Clone(req.Context())
		missed.Body = body
		r.to.Missed(missed)
	}
	return resp, err
}
