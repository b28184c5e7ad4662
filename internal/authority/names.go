package authority

import (
	"crypto/tls"
	"strings"
	"sync"
)

// maxNames bounds the certificates that are made because a client asks for a name.
const maxNames = 256

// Names gives a server a certificate of whatever name a client calls it by. Safe for concurrent use.
type Names struct {
	authority *Authority
	own       *tls.Certificate

	mu   sync.Mutex
	made map[string]*tls.Certificate
}

// Names returns certificates for a server that knows its own hosts, of which there is one at least.
func (a *Authority) Names(hosts ...string) (*Names, error) {
	own, err := a.Certify(hosts...)
	if err != nil {
		return nil, err
	}
	n := &Names{authority: a, own: &own, made: map[string]*tls.Certificate{}}
	for _, h := range append([]string{"", "localhost"}, hosts...) {
		n.made[h] = n.own
	}
	return n, nil
}

// Config is the server's side of TLS, with HTTP/2.
func (n *Names) Config() *tls.Config {
	return &tls.Config{GetCertificate: n.certificate, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
}

// certificate returns that of the name in a client's hello. Above the bound strange names get the server's own.
func (n *Names) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.made[name]; c != nil {
		return c, nil
	}
	if len(n.made) >= maxNames {
		return n.own, nil
	}
	c, err := n.authority.Certify(name)
	if err != nil {
		return nil, err
	}
	n.made[name] = &c
	return &c, nil
}
