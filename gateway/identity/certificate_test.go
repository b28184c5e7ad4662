package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// pki is an authority of the tests.
type pki struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPKI(t *testing.T, name string) *pki {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &pki{key: key}
	p.cert = p.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return p
}

func (p *pki) issue(t *testing.T, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, public := p.cert, &curveKey().PublicKey
	if parent == nil {
		parent, public = c, &p.key.PublicKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, p.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (p *pki) client(t *testing.T, name string, usage x509.ExtKeyUsage) *x509.Certificate {
	return p.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: name, Organization: []string{"Contoso"}}, ExtKeyUsage: []x509.ExtKeyUsage{usage}, KeyUsage: x509.KeyUsageDigitalSignature})
}

func (p *pki) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// A client proves who it is by a certificate, over a real handshake.
func TestCertificates(t *testing.T) {
	ours, partners, strangers := newPKI(t, "ours"), newPKI(t, "partners"), newPKI(t, "strangers")
	known := ours.client(t, "known", x509.ExtKeyUsageClientAuth)
	revoked := ours.client(t, "billing", x509.ExtKeyUsageClientAuth)
	now := time.Now()
	v := mustOpen(t, Config{MTLS: &Certificates{CA: "ca.pem", Clients: []ClientCertificate{
		{Tenant: "chat", Thumbprint: strings.ToUpper(thumbprint(known)[:2] + ":" + thumbprint(known)[2:])},
		{Tenant: "batch", Subject: "CN=billing,O=Contoso", Issuer: "CN=ours"},
	}, Revoked: []string{thumbprint(revoked)}}, Keys: []Key{KeyOf("batch", "a key of batch")}},
		Options{Now: func() time.Time { return now }, Source: Source{Env: env, File: func(string) ([]byte, error) { return append(ours.pem(), partners.pem()...), nil }}})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, said(v.Identify(r))) }))
	all := v.ClientCAs().Clone()
	all.AddCert(strangers.cert) // as on a server that takes others' certificates as well
	server.TLS = &tls.Config{ClientCAs: all, ClientAuth: tls.VerifyClientCertIfGiven}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are wanted
	server.StartTLS()
	defer server.Close()
	ask := func(cert *x509.Certificate, key string) string {
		base := server.Client().Transport.(*http.Transport).Clone()
		defer base.CloseIdleConnections()
		if cert != nil {
			// GetClientCertificate and not Certificates: it is sent even where the server does not know its authority.
			base.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: curveKey()}, nil
			}
		}
		req, _ := http.NewRequest("GET", server.URL, nil)
		req.Header.Set("api-key", key)
		resp, err := (&http.Client{Transport: base}).Do(req)
		if err != nil {
			return "handshake"
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return string(text)
	}
	by := func(tenant int, c *x509.Certificate) string {
		return fmt.Sprint(tenant, " certificate:", thumbprint(c)[:16])
	}
	billing := ours.client(t, "billing", x509.ExtKeyUsageClientAuth)
	for _, c := range []struct {
		name string
		cert *x509.Certificate
		key  string
		want string
	}{
		{"none", nil, "", "no-credential"},
		{"by thumbprint", known, "", by(0, known)},
		{"by subject", billing, "", by(1, billing)},
		{"again", billing, "", by(1, billing)},
		{"by subject, of another authority", partners.client(t, "billing", x509.ExtKeyUsageClientAuth), "", "certificate-unmapped"},
		{"nobody's", ours.client(t, "other", x509.ExtKeyUsageClientAuth), "", "certificate-unmapped"},
		{"revoked", revoked, "", "certificate-revoked"},
		{"of an authority that is the server's, not ours", strangers.client(t, "billing", x509.ExtKeyUsageClientAuth), "", "certificate-authority"},
		{"of nobody's authority", newPKI(t, "ours").client(t, "billing", x509.ExtKeyUsageClientAuth), "", "handshake"},
		{"a server's", ours.client(t, "billing", x509.ExtKeyUsageServerAuth), "", "handshake"},
		{"expired", ours.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "billing", Organization: []string{"Contoso"}}, NotBefore: now.Add(-2 * time.Hour), NotAfter: now.Add(-time.Hour)}), "", "handshake"},
		{"with a key", known, "a key of batch", "1 key:" + KeyOf("", "a key of batch").ID},
		{"with a wrong key", known, "wrong", "unknown-key"},
	} {
		if got := ask(c.cert, c.key); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// A connection may outlive its certificate.
	conn := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{known}, VerifiedChains: [][]*x509.Certificate{{known, ours.cert}}}
	for at, want := range map[time.Duration]string{0: by(0, known), 2 * time.Hour: "certificate-time", -2 * time.Hour: "certificate-time"} {
		now = time.Now().Add(at)
		if got := said(v.Identify(&http.Request{Header: http.Header{}, TLS: conn})); got != want {
			t.Errorf("after %v: %s, want %s", at, got, want)
		}
	}
	now = time.Now()
	conn.VerifiedChains = nil // a server that asked for any certificate has verified nothing
	if got := said(v.Identify(&http.Request{Header: http.Header{}, TLS: conn})); got != "certificate-authority" {
		t.Errorf("not verified: %s", got)
	}
}
