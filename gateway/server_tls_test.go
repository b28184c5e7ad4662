package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"foundrylab/gateway/identity"
	"foundrylab/internal/authority"
)

// clientOf returns a client certificate of an authority of its own, and that authority in PEM.
func clientOf(t *testing.T) (cert tls.Certificate, ca []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(c, parent *x509.Certificate) *x509.Certificate {
		c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parent == nil {
			parent = c
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	root := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "partners"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	leaf := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "nightly"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, root)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
}

// Over TLS the server speaks HTTP/2, takes a client's certificate for who it is, and lets in who has none but a key.
func TestServeTLS(t *testing.T) {
	own, err := authority.New("of the gateway")
	if err != nil {
		t.Fatal(err)
	}
	served, err := own.Certify("gateway.test")
	if err != nil {
		t.Fatal(err)
	}
	cert, ca := clientOf(t)
	g, err := New(Config{Core: Policy([]string{"a"}), Backends: []Backend{{Name: "a", URL: "http://a.test", Transport: &mirror{}}},
		Clients: []Client{{Name: "batch", Models: []string{"gpt-4.1"}}, {Name: "chat", Key: "a key of chat"}},
		Identity: identity.Config{MTLS: &identity.Certificates{CA: "ca.pem", Clients: []identity.ClientCertificate{
			{Tenant: "batch", Subject: "CN=nightly", Issuer: "CN=partners"}}}},
		IdentityOptions: identity.Options{Source: identity.Source{File: func(string) ([]byte, error) { return ca, nil }}}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- g.Serve(ctx, g.NewServer(func() *tls.Certificate { return &served }), l, Ending{Drain: time.Second})
	}()
	for _, c := range []struct {
		name string
		with []tls.Certificate
		key  string
		path string
		want int
	}{
		{"certificate", []tls.Certificate{cert}, "", classic, 200},
		{"certificate, a model that is not its tenant's", []tls.Certificate{cert}, "", strings.Replace(classic, "gpt-4.1", "o3", 1), 403},
		{"key", nil, "a key of chat", strings.Replace(classic, "gpt-4.1", "o3", 1), 200},
		{"neither", nil, "", classic, 401},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own.Pool(), Certificates: c.with}, ForceAttemptHTTP2: true}
		req, _ := http.NewRequest("POST", "https://"+l.Addr().String()+c.path, strings.NewReader(chat))
		req.Header.Set("api-key", c.key)
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		transport.CloseIdleConnections()
		if resp.StatusCode != c.want || resp.ProtoMajor != 2 {
			t.Errorf("%s: %s %d, want %d", c.name, resp.Proto, resp.StatusCode, c.want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
