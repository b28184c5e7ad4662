package identity

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// issuers compiles the issuers of a Config; those with keys in one place share them.
func (op *opener) issuers(cfg []Issuer) *tokens {
	if len(cfg) == 0 {
		return nil
	}
	if len(cfg) > maxIssuers {
		op.fail("jwt: %d are more than %d", len(cfg), maxIssuers)
		return nil
	}
	all := &tokens{}
	sets := map[keyPlace]*keySet{}
	for n := range cfg {
		i := &issuer{Issuer: cfg[n]}
		path := fmt.Sprintf("jwt[%d]", n)
		i.Validate(func(at, format string, args ...any) {
			op.fail("%s: %s", strings.TrimSuffix(path+"."+at, "."), fmt.Sprintf(format, args...))
		})
		if len(i.Audience) == 0 {
			op.fail("%s.audience: name what its tokens are for, or those for anybody would do", path)
		}
		op.algorithms(i, path)
		i.by = "token:" + hostOf(i.Issuer.Issuer)
		op.mapTenants(i, path)
		place := placeOf(&i.Issuer)
		if sets[place] == nil {
			sets[place] = newKeySet(place, op.Options)
		}
		i.keys = sets[place]
		all.issuers = append(all.issuers, i)
	}
	return all
}

// algorithms fills in the default, and refuses what a file could not say either: none, or HMAC, whose key would be public.
func (op *opener) algorithms(i *issuer, path string) {
	if len(i.Algorithms) == 0 {
		i.Algorithms = []string{jwt.SigningMethodRS256.Name}
	}
	for _, alg := range i.Algorithms {
		switch jwt.GetSigningMethod(alg).(type) {
		case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS, *jwt.SigningMethodECDSA:
		default:
			op.fail("%s.algorithms: %q is no signature by a private key", path, alg)
		}
	}
}

func (op *opener) mapTenants(i *issuer, path string) {
	i.byName = map[string]int{}
	switch {
	case i.Claim == "":
		i.tenant = op.tenant(i.Tenant, path+".tenant")
	case len(i.Tenants) == 0:
		maps.Copy(i.byName, op.tenants)
	}
	for n, m := range i.Tenants {
		at := fmt.Sprintf("%s.tenants[%d]", path, n)
		if _, taken := i.byName[m.Value]; taken {
			op.fail("%s.value: is listed twice", at)
		}
		i.byName[m.Value] = op.tenant(m.Tenant, at+".tenant")
	}
}

// hostOf names an issuer in logs.
func hostOf(issuer string) string {
	if u, err := url.Parse(issuer); err == nil && u.Host != "" {
		return u.Host
	}
	return "issuer"
}

// isSafeURL reports whether what is read from a URL is what its owner sent.
func isSafeURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}
