package identity

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Options are what a Verifier needs of the world. The zero Options do.
type Options struct {
	Source    Source            // of secrets and certificates; zero: OS
	Now       func() time.Time  // nil: time.Now
	Transport http.RoundTripper // to issuers; nil: http.DefaultTransport
}

// Bounds on a Config.
const (
	maxKeys    = 100_000
	maxIssuers = 64
)

// Open returns a Verifier of callers among those tenants, or every mistake at once. It reads secrets and certificates, and
// asks no issuer anything yet: one that is down must not keep a gateway from starting.
func Open(cfg *Config, tenants []string, o Options) (*Verifier, error) {
	if o.Source.Env == nil && o.Source.File == nil {
		o.Source = OS
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	op := opener{Options: o, tenants: make(map[string]int, len(tenants))}
	for i, name := range tenants {
		op.tenants[name] = i
	}
	v := &Verifier{open: !cfg.Enabled(), now: o.Now, anonymous: Nobody, keys: op.keys(cfg.Keys)}
	if cfg.Anonymous != "" {
		v.anonymous = op.tenant(cfg.Anonymous, "anonymous")
	}
	v.tokens = op.issuers(cfg.JWT)
	v.certs = op.certificates(cfg.MTLS)
	if len(op.found) > 0 {
		return nil, errors.Join(op.found...)
	}
	return v, nil
}

// opener opens a Config and collects what is wrong with it.
type opener struct {
	Options
	tenants map[string]int // places by name
	found   []error
}

func (op *opener) fail(format string, args ...any) {
	op.found = append(op.found, fmt.Errorf("identity."+format, args...))
}

// tenant returns the place of a tenant; path says where it is named.
func (op *opener) tenant(name, path string) int {
	at, ok := op.tenants[name]
	if !ok {
		op.fail("%s: there is no tenant %q", path, name)
	}
	return at
}

func (op *opener) keys(list []Key) map[[sha256.Size]byte]*key {
	if len(list) > maxKeys {
		op.fail("keys: %d are more than %d", len(list), maxKeys)
		return nil
	}
	byDigest := make(map[[sha256.Size]byte]*key, len(list))
	for i := range list {
		path := fmt.Sprintf("keys[%d]", i)
		tenant := op.tenant(list[i].Tenant, path+".tenant")
		k, err := compileKey(&list[i], tenant, op.Source)
		if err != nil {
			op.fail("%s: %w", path, err)
			continue
		}
		if byDigest[k.digest] != nil {
			op.fail("%s: the same key is listed twice", path)
		}
		byDigest[k.digest] = k
	}
	return byDigest
}
