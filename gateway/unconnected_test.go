package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
)

// What failed before there was a connection is told from what broke.
func TestUnconnected(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"refused", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{"unknown host", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, true},
		{"name server is silent", &net.DNSError{Err: "timeout", IsTimeout: true}, true},
		{"alert of the backend", &net.OpError{Op: "remote error", Err: errors.New("tls: internal error")}, true},
		{"alert of our own", &net.OpError{Op: "local error", Err: errors.New("tls: bad record MAC")}, true},
		{"untrusted", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, true},
		{"no TLS at all", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, true},
		{"reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		{"gone while it was sent", &net.OpError{Op: "write", Err: syscall.EPIPE}, false},
		{"closed", io.EOF, false},
		{"cut", io.ErrUnexpectedEOF, false},
	} {
		if got := Unconnected(fmt.Errorf("round trip: %w", c.err)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
