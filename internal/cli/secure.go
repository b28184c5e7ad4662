package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"foundrylab/internal/authority"
)

// secure is how sim serves over TLS: with certificates of an authority that is kept for its user.
type secure struct {
	on          bool
	dir         string
	certificate string // path of the authority's, once there is one
}

func (s *secure) flags(c *cobra.Command) {
	c.Flags().BoolVar(&s.on, "tls", false, "serve over TLS, HTTP/2 included, with certificates of an authority of this machine, which clients must trust")
	c.Flags().StringVar(&s.dir, "tls-dir", "", "`directory` in which the authority is kept; default: foundrylab/tls among the user's configuration")
}

func (s *secure) check() error {
	if s.dir != "" && !s.on {
		return usage("--tls-dir is about --tls, which is not given")
	}
	return nil
}

// config returns the server's side for hosts; nil without TLS.
func (s *secure) config(hosts []string) (*tls.Config, error) {
	if !s.on {
		return nil, nil
	}
	dir := s.dir
	if dir == "" {
		of, err := os.UserConfigDir()
		if err != nil {
			return nil, usage("--tls: %v: name a directory with --tls-dir", err)
		}
		dir = filepath.Join(of, "foundrylab", "tls")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, usage("--tls-dir: %v", err)
	}
	a, certificate, err := authority.Keep(dir, time.Now())
	if err != nil {
		return nil, usage("--tls: %v", err)
	}
	s.certificate = certificate
	names, err := a.Names(hosts...)
	if err != nil {
		return nil, &exitError{exitInternal, err}
	}
	return names.Config(), nil
}

// tell says how to trust the authority.
func (s *secure) tell(w io.Writer) {
	if !s.on {
		return
	}
	fmt.Fprintf(w, `To trust its certificates, which come from an authority of this machine alone:
  Go, .NET (Linux)   export SSL_CERT_FILE=%[1]s
  Python             export SSL_CERT_FILE=%[1]s REQUESTS_CA_BUNDLE=%[1]s
  curl               export CURL_CA_BUNDLE=%[1]s
  Node               export NODE_EXTRA_CA_CERTS=%[1]s
  Debian, Ubuntu     sudo cp %[1]s /usr/local/share/ca-certificates/foundrylab.crt && sudo update-ca-certificates
  macOS              sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain %[1]s
  Windows            certutil -addstore -user Root %[1]s

`, s.certificate)
}
