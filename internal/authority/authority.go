// Package authority makes certificates for servers that stand in for others: an authority of a run's own, gone with it,
// or one that is kept on this machine for its user to trust. It owns keys and how long they are valid. It refuses to say
// who is trusted for what: that is the business of who installs its certificate.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"time"
)

// Authority is what certificates come from. It does not change; safe for concurrent use.
type Authority struct {
	key           *ecdsa.PrivateKey
	root          *x509.Certificate
	before, after time.Time // which its certificates are valid between
}

// New makes an authority that nobody else knows. What comes from it is valid whatever the clock says: a test's may stand
// in another century.
func New(name string) (*Authority, error) {
	before, after := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	key, root, err := newRoot(name, before, after)
	if err != nil {
		return nil, err
	}
	return &Authority{key, root, before, after}, nil
}

// newRoot makes a key and the certificate that it signs for itself.
func newRoot(name string, before, after time.Time) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	root, err := template(name, before, after)
	if err != nil {
		return nil, nil, err
	}
	root.IsCA, root.BasicConstraintsValid, root.MaxPathLenZero, root.KeyUsage = true, true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	root, err = x509.ParseCertificate(der)
	return key, root, err
}

func template(name string, before, after time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: before, NotAfter: after}, err
}

// Certify returns a certificate of hosts, of which there is one at least; it is good for the loopback too.
func (a *Authority) Certify(hosts ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := template(shortest(hosts), a.before, a.after)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf.DNSNames, leaf.IPAddresses = append(slices.Clone(hosts), "localhost"), []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.root, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// shortest is the common name: 64 characters are the most that X.509 has room for.
func shortest(hosts []string) (name string) {
	name = hosts[0]
	for _, h := range hosts {
		if len(h) < len(name) {
			name = h
		}
	}
	return name[:min(len(name), 64)]
}

// Pool is for who trusts the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.root)
	return p
}

// PEM is the authority's certificate, for who is to trust it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}
