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
// certificates where the identity takes them, and lets those without in, who may have a key.
func (g *Gateway) NewServer(cert *tls.Certificate) *http.Server {
	s := &http.Server{Handler: g, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: log.New(g.cfg.Logger, "", 0)}
	if cert != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
		if pool := g.door.verifier.ClientCAs(); pool != nil {
			s.TLSConfig.ClientCAs, s.TLSConfig.ClientAuth = pool, tls.VerifyClientCertIfGiven
		}
	}
	return s
}

// Serve serves on l until ctx is done. Then nothing new is taken, answers under way may go on for drain, and those that are
// left are cut.
func Serve(ctx context.Context, s *http.Server, l net.Listener, drain time.Duration) error {
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
	patience, stop := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer stop()
	if err := s.Shutdown(patience); err != nil {
		s.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
