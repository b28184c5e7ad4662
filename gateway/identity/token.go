package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"foundrylab/internal/memo"
	"foundrylab/internal/unit"
)

// Issuer is a service whose tokens a gateway takes. The same may be listed several times, with other audiences or
// tenants: a token belongs to the first that it satisfies.
type Issuer struct {
	Issuer     string        `yaml:"issuer" required:"true" doc:"the iss of its tokens, to the letter"`
	Audience   []string      `yaml:"audience" required:"true" doc:"a token must be for one of these"`
	Discovery  string        `yaml:"discovery" doc:"URL of its OpenID Connect document; default: the issuer and /.well-known/openid-configuration"`
	JWKS       string        `yaml:"jwks" doc:"URL of its keys, without discovery"`
	Algorithms []string      `yaml:"algorithms" enum:"RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512" doc:"signatures that are taken; default: RS256"`
	Scopes     []string      `yaml:"scopes" doc:"every one of these must be among the token's scp, or scope"`
	Roles      []string      `yaml:"roles" doc:"every one of these must be among the token's roles"`
	Tenant     string        `yaml:"tenant" doc:"whose its tokens are"`
	Claim      string        `yaml:"claim" doc:"instead of tenant: the claim that tells, such as azp, appid, oid or groups; its value is the tenant's name, or in tenants"`
	Tenants    []ClaimTenant `yaml:"tenants" doc:"which tenant a value of the claim stands for; the first that is among the values counts"`
	ClockSkew  unit.Duration `yaml:"clock_skew" default:"60s" min:"0s" max:"5m" doc:"how far its clock and this one may be apart, at most 5m"`
}

// ClaimTenant is a value of a claim and what tenant it stands for.
type ClaimTenant struct {
	Value  string `yaml:"value" required:"true" doc:"value of the claim"`
	Tenant string `yaml:"tenant" required:"true" doc:"whose it is"`
}

// Validate implements yamlconf.Validator.
func (i Issuer) Validate(fail func(path, format string, args ...any)) {
	if (i.Tenant == "") == (i.Claim == "") {
		fail("", "give either tenant or claim")
	}
	if i.Claim == "" && len(i.Tenants) > 0 {
		fail("tenants", "are values of a claim: name it")
	}
	if i.Discovery != "" && i.JWKS != "" {
		fail("jwks", "is not asked for where there is discovery: give one of them")
	}
	const unsafe = "is no https URL (http will do for this machine only)"
	if i.Discovery != "" && !isSafeURL(i.Discovery) {
		fail("discovery", unsafe)
	}
	if i.JWKS != "" && !isSafeURL(i.JWKS) {
		fail("jwks", unsafe)
	}
	if i.Discovery == "" && i.JWKS == "" && !isSafeURL(i.Issuer) {
		fail("issuer", "is no https URL, so its keys cannot be found: give discovery or jwks")
	}
}

// maxToken bounds a credential, in bytes; Entra's tokens stay far below.
const maxToken = 16 << 10

// remembered bounds how long a token is taken without being verified again: so long a key that its issuer has
// withdrawn may still open, once it is gone from the set of keys.
const remembered = 5 * time.Minute

// tokens verifies those of all issuers.
type tokens struct {
	issuers []*issuer
	seen    memo.Memo[verified]
}

// verified is whom a token was found to speak of, and how long it need not be verified again.
type verified struct {
	Caller
	until time.Time
}

// issuer is a compiled Issuer.
type issuer struct {
	Issuer
	keys   *keySet
	byName map[string]int // tenants by value of the claim
	tenant int            // without a claim
	by     string
}

// identify returns whom a token speaks of. A token that was good is known again by its digest: a signature takes far
// longer to verify than a hash.
func (t *tokens) identify(ctx context.Context, text string, sum [sha256.Size]byte, now time.Time) (Caller, error) {
	if v, known := t.seen.Get(sum); known && now.Before(v.until) {
		return v.Caller, nil
	}
	if strings.Count(text, ".") != 2 {
		return Caller{}, UnknownKey
	}
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(text, claims); err != nil {
		return Caller{}, TokenMalformed
	}
	from, err := claims.GetIssuer()
	if err != nil {
		return Caller{}, TokenMalformed
	}
	why := TokenIssuer
	for _, i := range t.issuers {
		if i.Issuer.Issuer != from {
			continue
		}
		var v verified
		if v, why = i.verify(ctx, text, now); why == "" {
			t.seen.Put(sum, v)
			return v.Caller, nil
		}
	}
	return Caller{}, why
}

// verify returns what a token says, or why it is not good; "": it is.
func (i *issuer) verify(ctx context.Context, text string, now time.Time) (verified, Refusal) {
	claims := jwt.MapClaims{}
	parser := jwt.NewParser(jwt.WithValidMethods(i.Algorithms), jwt.WithIssuer(i.Issuer.Issuer), jwt.WithAudience(i.Audience...), jwt.WithExpirationRequired(),
		jwt.WithLeeway(time.Duration(i.ClockSkew)), jwt.WithTimeFunc(func() time.Time { return now }))
	_, err := parser.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return i.keys.find(ctx, id, t.Method.Alg(), now)
	})
	if err != nil {
		return verified{}, kind(err)
	}
	if !hasAll(words(claims, "scp", "scope"), i.Scopes) {
		return verified{}, TokenScope
	}
	if !hasAll(words(claims, "roles"), i.Roles) {
		return verified{}, TokenRole
	}
	tenant, ok := i.tenantOf(claims)
	if !ok {
		return verified{}, TokenUnmapped
	}
	v := verified{Caller: Caller{tenant, i.by}, until: now.Add(remembered)}
	if end, _ := claims.GetExpirationTime(); end.Add(time.Duration(i.ClockSkew)).Before(v.until) {
		v.until = end.Add(time.Duration(i.ClockSkew))
	}
	return v, ""
}

// kind is an error of the parser without what it cites.
func kind(err error) Refusal {
	var own Refusal
	if errors.As(err, &own) {
		return own
	}
	for _, known := range []struct {
		err error
		why Refusal
	}{
		{jwt.ErrTokenExpired, TokenExpired}, {jwt.ErrTokenNotValidYet, TokenEarly}, {jwt.ErrTokenInvalidIssuer, TokenIssuer},
		{jwt.ErrTokenInvalidAudience, TokenAudience}, {jwt.ErrTokenRequiredClaimMissing, TokenMalformed}, {jwt.ErrTokenSignatureInvalid, TokenSignature},
		{jwt.ErrTokenUnverifiable, TokenAlgorithm},
	} {
		if errors.Is(err, known.err) {
			return known.why
		}
	}
	return TokenMalformed
}

// tenantOf returns the tenant that a token's claims mean.
func (i *issuer) tenantOf(claims jwt.MapClaims) (tenant int, ok bool) {
	if i.Claim == "" {
		return i.tenant, true
	}
	values := list(claims[i.Claim])
	for _, m := range i.Tenants { // in the order of the configuration: a token's own order decides nothing
		if slices.Contains(values, m.Value) {
			return i.byName[m.Value], true
		}
	}
	if len(values) != 1 { // of several names of tenants none is meant
		return 0, false
	}
	tenant, ok = i.byName[values[0]]
	return tenant, ok
}

// words returns the values of the first of those claims that is there: a list, or a text of words between blanks.
func words(claims jwt.MapClaims, names ...string) []string {
	for _, name := range names {
		switch c := claims[name].(type) {
		case nil:
		case string:
			return strings.Fields(c)
		default:
			return list(c)
		}
	}
	return nil
}

// list returns a claim's texts.
func list(claim any) (texts []string) {
	switch c := claim.(type) {
	case string:
		return []string{c}
	case []any:
		for _, one := range c {
			if text, ok := one.(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

func hasAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}
