package live

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// Served is a handler and the address that it is served on.
type Served struct {
	Addr    string // host and port, of which 0 is a free one
	Handler http.Handler
	TLS     *tls.Config // nil: it is served without
}

// maxHeader bounds the headers of a request, in bytes; the http package allows for 4 KiB more. Beyond it answers 431.
const maxHeader = 64 << 10

// Serve serves handlers, each on its address, until ctx is done or one of them fails; where one cannot listen none is
// served. ready is told the URL of each, in order, once all listen.
func Serve(ctx context.Context, all []Served, ready func(urls []string)) error {
	var listeners []net.Listener
	var urls []string
	for _, s := range all {
		l, err := loopback{}.Listen("", s.Addr)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return err
		}
		listeners = append(listeners, l)
		scheme := "http://"
		if s.TLS != nil {
			scheme = "https://"
		}
		urls = append(urls, scheme+l.Addr().String())
	}
	var servers []*http.Server
	failed := make(chan error, len(all))
	for i, s := range all {
		server := &http.Server{Handler: s.Handler, ReadHeaderTimeout: time.Minute, MaxHeaderBytes: maxHeader, TLSConfig: s.TLS}
		servers = append(servers, server)
		serve := server.Serve
		if s.TLS != nil {
			serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		go func() { failed <- serve(listeners[i]) }()
	}
	ready(urls)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	for _, server := range servers {
		shutdown(server)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
