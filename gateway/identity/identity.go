// Package identity finds out who a request to a gateway comes from: by a key, a token of an issuer that is trusted, or a
// client certificate.
//
// It owns credentials and how they are verified. It refuses to say what a tenant may do (gateway/tenancy), and never
// returns, logs or keeps a credential: what it keeps are digests.
package identity

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Config is the `identity` part of a gateway. The zero Config lets everybody in, as nobody in particular.
type Config struct {
	Keys      []Key         `yaml:"keys" doc:"keys of clients, in the header api-key, x-api-key or Authorization: Bearer; a tenant may have several, so that one can be replaced while the other is in use"`
	JWT       []Issuer      `yaml:"jwt" doc:"issuers whose tokens are taken in Authorization: Bearer"`
	MTLS      *Certificates `yaml:"mtls" doc:"client certificates that are taken, where the gateway listens with TLS"`
	Anonymous string        `yaml:"anonymous" doc:"the tenant of requests that bring no credential; default: they are refused with 401"`
}

// Nobody is the Tenant of a Caller when no identity is configured.
const Nobody = -1

// Caller is who a request comes from.
type Caller struct {
	Tenant int    // place among the tenants of Open, or Nobody
	By     string // what it came with, for logs: key:ID, token:ISSUER, certificate:THUMBPRINT; "": nothing
}

// Refusal says why a request is not let in, for logs. It holds nothing of what the client sent.
type Refusal string

// The refusals.
const (
	NoCredential         Refusal = "no-credential"
	UnknownKey           Refusal = "unknown-key"
	KeyEarly             Refusal = "key-not-yet-valid"
	KeyExpired           Refusal = "key-expired"
	KeyRevoked           Refusal = "key-revoked"
	TokenMalformed       Refusal = "token-malformed"
	TokenIssuer          Refusal = "token-issuer"
	TokenAlgorithm       Refusal = "token-algorithm"
	TokenSigningKey      Refusal = "token-signing-key"
	TokenSignature       Refusal = "token-signature"
	TokenEarly           Refusal = "token-not-yet-valid"
	TokenExpired         Refusal = "token-expired"
	TokenAudience        Refusal = "token-audience"
	TokenScope           Refusal = "token-scope"
	TokenRole            Refusal = "token-role"
	TokenUnmapped        Refusal = "token-unmapped"
	CertificateAuthority Refusal = "certificate-authority"
	CertificateTime      Refusal = "certificate-time"
	CertificateRevoked   Refusal = "certificate-revoked"
	CertificateUnmapped  Refusal = "certificate-unmapped"

	// KeysUnavailable is not the client's fault: the issuer's keys cannot be had.
	KeysUnavailable Refusal = "issuer-unavailable"
)

// Error implements error.
func (r Refusal) Error() string { return string(r) }

// Verifier is an open Config. Safe for concurrent use.
type Verifier struct {
	open      bool // everybody is let in
	now       func() time.Time
	keys      map[[sha256.Size]byte]*key
	tokens    *tokens       // nil: none are taken
	certs     *certificates // nil: none are taken
	anonymous int           // Nobody: without a credential nobody is let in
}

// Enabled reports whether anything is configured.
func (c *Config) Enabled() bool {
	return len(c.Keys) > 0 || len(c.JWT) > 0 || c.MTLS != nil || c.Anonymous != ""
}

// Identify returns who a request comes from; the error is a Refusal. A key or token in a header counts before a
// certificate. It waits for an issuer's keys only where a token names one that is not known, and no longer than
// the request's context lets it.
func (v *Verifier) Identify(r *http.Request) (Caller, error) {
	if v.open {
		return Caller{Tenant: Nobody}, nil
	}
	if credential, bearer := presented(r.Header); credential != "" {
		return v.judge(r.Context(), credential, bearer)
	}
	if v.certs != nil && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return v.certs.identify(r.TLS, v.now())
	}
	if v.anonymous != Nobody {
		return Caller{Tenant: v.anonymous}, nil
	}
	return Caller{}, NoCredential
}

// ClientCAs returns the authorities of client certificates, for the server's TLS; nil where none are taken.
func (v *Verifier) ClientCAs() *x509.CertPool {
	if v.certs == nil {
		return nil
	}
	return v.certs.pool
}

// presented returns the credential of a request, by the first of the places in which clients of the service have it:
// the SDKs of Azure, of Anthropic, and all others.
func presented(h http.Header) (credential string, bearer bool) {
	if key := h.Get("Api-Key"); key != "" {
		return key, false
	}
	if key := h.Get("X-Api-Key"); key != "" {
		return key, false
	}
	scheme, rest, _ := strings.Cut(h.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest), true
	}
	return "", false
}

// judge verifies a key or a token. A key can look like a token only if somebody configured such a key, so keys are asked
// first.
func (v *Verifier) judge(ctx context.Context, credential string, bearer bool) (Caller, error) {
	if len(credential) > maxToken {
		return Caller{}, UnknownKey
	}
	sum := digest(credential)
	if k, ok := v.key(&sum); ok {
		return k.caller(v.now)
	}
	if !bearer || v.tokens == nil {
		return Caller{}, UnknownKey
	}
	return v.tokens.identify(ctx, credential, sum, v.now())
}

// EachTenant calls f for every tenant that the configuration names, with the path at which it does.
func (c *Config) EachTenant(f func(path, name string)) {
	for i := range c.Keys {
		f(fmt.Sprintf("keys[%d].tenant", i), c.Keys[i].Tenant)
	}
	for i := range c.JWT {
		if issuer := &c.JWT[i]; issuer.Tenant != "" {
			f(fmt.Sprintf("jwt[%d].tenant", i), issuer.Tenant)
		}
		for j, m := range c.JWT[i].Tenants {
			f(fmt.Sprintf("jwt[%d].tenants[%d].tenant", i, j), m.Tenant)
		}
	}
	if c.MTLS != nil {
		for i, m := range c.MTLS.Clients {
			f(fmt.Sprintf("mtls.clients[%d].tenant", i), m.Tenant)
		}
	}
	if c.Anonymous != "" {
		f("anonymous", c.Anonymous)
	}
}
