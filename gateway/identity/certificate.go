package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"foundrylab/internal/memo"
)

// Certificates are the client certificates that a gateway takes.
type Certificates struct {
	CA      string              `yaml:"ca" required:"true" doc:"PEM file with the authorities that must have issued them"`
	Clients []ClientCertificate `yaml:"clients" required:"true" doc:"whose they are; the first that fits counts"`
	Revoked []string            `yaml:"revoked" doc:"thumbprints of certificates that are no longer taken"`
}

// ClientCertificate says whose certificates are of some kind: those with a thumbprint, or with a subject.
type ClientCertificate struct {
	Tenant     string `yaml:"tenant" required:"true" doc:"whose they are"`
	Thumbprint string `yaml:"thumbprint" doc:"SHA-256 of the certificate in hexadecimal, with or without colons, as openssl x509 -fingerprint -sha256 prints it"`
	Subject    string `yaml:"subject" doc:"instead of thumbprint: the subject as in CN=billing,O=Contoso (RFC 2253)"`
	Issuer     string `yaml:"issuer" doc:"the issuer that they must have, written in the same way; default: any of the authorities"`
}

// Validate implements yamlconf.Validator.
func (c ClientCertificate) Validate(fail func(path, format string, args ...any)) {
	if (c.Thumbprint == "") == (c.Subject == "") {
		fail("", "give either thumbprint or subject")
	}
	if c.Thumbprint != "" && !isDigest(bare(c.Thumbprint)) {
		fail("thumbprint", "is no SHA-256 in hexadecimal, which has 64 digits")
	}
}

// Validate implements yamlconf.Validator.
func (c Certificates) Validate(fail func(path, format string, args ...any)) {
	for i, t := range c.Revoked {
		if !isDigest(bare(t)) {
			fail(fmt.Sprintf("revoked[%d]", i), "is no SHA-256 in hexadecimal, which has 64 digits")
		}
	}
}

// bare is a thumbprint without what tools put between its digits.
func bare(thumbprint string) string { return strings.ToLower(strings.ReplaceAll(thumbprint, ":", "")) }

// certificates is an open Certificates.
type certificates struct {
	pool    *x509.CertPool
	roots   []*x509.Certificate
	clients []ClientCertificate // thumbprints bare
	tenants []int               // of clients
	revoked []string
	seen    memo.Memo[Caller]
}

// identify returns whom the certificate of a connection belongs to. The TLS server has verified that the client holds its
// key and that the chain is right; a connection may outlive a certificate, so its time is looked at each time.
func (c *certificates) identify(conn *tls.ConnectionState, now time.Time) (Caller, error) {
	chain := c.trusted(conn)
	if chain == nil {
		return Caller{}, CertificateAuthority
	}
	for _, cert := range chain {
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return Caller{}, CertificateTime
		}
	}
	sum := sha256.Sum256(chain[0].Raw)
	if caller, known := c.seen.Get(sum); known {
		return caller, nil
	}
	caller, err := c.find(chain[0], hex.EncodeToString(sum[:]))
	if err == nil {
		c.seen.Put(sum, caller)
	}
	return caller, err
}

// trusted returns the chain that ends in one of the authorities: the server's own ones could be others.
func (c *certificates) trusted(conn *tls.ConnectionState) []*x509.Certificate {
	for _, chain := range conn.VerifiedChains {
		if len(chain) > 0 && slices.ContainsFunc(c.roots, func(root *x509.Certificate) bool { return bytes.Equal(root.Raw, chain[len(chain)-1].Raw) }) {
			return chain
		}
	}
	return nil
}

func (c *certificates) find(cert *x509.Certificate, thumbprint string) (Caller, error) {
	if slices.Contains(c.revoked, thumbprint) {
		return Caller{}, CertificateRevoked
	}
	subject, issuer := cert.Subject.String(), cert.Issuer.String()
	for i := range c.clients {
		m := &c.clients[i]
		if (m.Thumbprint == thumbprint || m.Subject != "" && m.Subject == subject) && (m.Issuer == "" || m.Issuer == issuer) {
			return Caller{c.tenants[i], "certificate:" + thumbprint[:2*idDigits]}, nil
		}
	}
	return Caller{}, CertificateUnmapped
}

func (op *opener) certificates(cfg *Certificates) *certificates {
	if cfg == nil {
		return nil
	}
	c := &certificates{pool: x509.NewCertPool(), clients: slices.Clone(cfg.Clients)}
	text, err := op.Source.File(cfg.CA)
	if err != nil {
		op.fail("mtls.ca: %w", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			op.fail("mtls.ca: %s: holds a certificate that cannot be read", cfg.CA)
			continue
		}
		c.roots = append(c.roots, cert)
		c.pool.AddCert(cert)
	}
	if err == nil && len(c.roots) == 0 {
		op.fail("mtls.ca: %s: holds no PEM block CERTIFICATE", cfg.CA)
	}
	for i := range c.clients {
		c.clients[i].Thumbprint = bare(c.clients[i].Thumbprint)
		c.tenants = append(c.tenants, op.tenant(c.clients[i].Tenant, fmt.Sprintf("mtls.clients[%d].tenant", i)))
	}
	for _, t := range cfg.Revoked {
		c.revoked = append(c.revoked, bare(t))
	}
	return c
}
