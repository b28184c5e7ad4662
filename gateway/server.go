package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"time"
)

// Bounds on what a connection may take of a server without sending a request. There is none on the time of an answer: a
// stream may last for minutes, and its client decides how long it waits.
const (
	headerTime = 10 * time.Second // from the first byte of a request to the last of its headers
	idleTime   = 2 * time.Minute  // between requests
	maxHeader  = 64 << 10         // bytes; net/http allows for 4 KiB more, and answers 431
)

// NewServer returns a server of the gateway with those bounds; cert nil: without TLS. With TLS it asks clients for
// certificates where the identity takes them, and lets those without in, who may have a key. Each connection is shown what
// cert returns then, and asked for what the configuration in force takes.
func (g *Gateway) NewServer(cert func() *tls.Certificate) *http.Server {
	s := &http.Server{Handler: g, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: log.New(g.cfg.Logger, "", 0)}
	if cert != nil {
		shown := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert(), nil }
		s.TLSConfig = &tls.Config{GetCertificate: shown, MinVersion: tls.VersionTLS12}
		s.TLSConfig.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			pool := g.present.Load().door.verifier.ClientCAs()
			if pool == nil {
				return nil, nil // as it is
			}
			return &tls.Config{GetCertificate: shown, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
				ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven}, nil
		}
	}
	return s
}

// Ending is how a server of a gateway ends.
type Ending struct {
	Notice time.Duration // how long the gateway says that it is not ready and serves as before, for load balancers to hear
	Drain  time.Duration // how long answers under way may go on then
}

// Serve serves g on l, by a server of NewServer, until ctx is done. Then, after the notice, nothing new is taken, answers
// under way may go on, and those that are left are cut.
func (g *Gateway) Serve(ctx context.Context, s *http.Server, l net.Listener, end Ending) error {
	ended := make(chan error, 1)
	go func() {
		if s.TLSConfig != nil {
			ended <- s.ServeTLS(l, "", "")
			return
		}
		ended <- s.Serve(l)
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if end.Notice > 0 {
		g.leaving.Store(true)
		notice := time.NewTimer(end.Notice)
		defer notice.Stop()
		select {
		case err := <-ended:
			return err
		case <-notice.C:
		}
	}
	patience, stop := context.WithTimeout(context.WithoutCancel(ctx), end.Drain)
	defer stop()
	if err := s.Shutdown(patience); err != nil {
		if s.ErrorLog != nil { // a handler sees no more than that its connection is gone
			s.ErrorLog.Printf("answers that take longer than listen.drain (%v) are cut; the log calls each of them client-gone", end.Drain)
		}
		s.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
