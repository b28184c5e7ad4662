package identity

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audiences lists what tokens for a resource are for: the classic one, the one of Foundry, and the one that the page about
// Claude names. Each may end in a slash.
func Audiences() []string {
	return []string{"https://cognitiveservices.azure.com", "https://ai.azure.com", "https://ai.cognitiveservices.com"}
}

// Skew is how far the clocks of issuer and resource may be apart: a token is valid so long before and after its time.
const Skew = 5 * time.Minute

// maxToken bounds a token, in bytes; Entra's stay far below.
const maxToken = 16 << 10

// Principal is who a valid token speaks of.
type Principal struct {
	OID   string
	Roles []string // not to be changed
}

// TokenShaped reports whether a bearer credential is a JWT by its looks, and no key.
func TokenShaped(bearer string) bool {
	return strings.HasPrefix(bearer, "eyJ") && strings.Count(bearer, ".") == 2
}

// Verify returns whom a token speaks of at now. The error says why it is not valid, and never holds any of it. A token
// that was valid is known again by its SHA-256: clients send one for an hour, and a signature costs far more to verify than a hash.
func (i *Issuer) Verify(token string, now time.Time) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, fmt.Errorf("token: longer than %d bytes", maxToken)
	}
	sum := sha256.Sum256([]byte(token))
	if v, known := i.seen.Get(sum); known && v.in(now) {
		return v.Principal, nil
	}
	v, err := i.check(token, now)
	if err != nil {
		return Principal{}, err
	}
	i.seen.Put(sum, v)
	return v.Principal, nil
}

// check verifies a token.
func (i *Issuer) check(token string, now time.Time) (verified, error) {
	key, err := i.key()
	if err != nil {
		return verified{}, err
	}
	var says claims
	// The algorithm is the key's, not the token's to choose: else "none" and HMAC with the public key would do.
	_, err = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Name}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(),
		jwt.WithLeeway(Skew), jwt.WithTimeFunc(func() time.Time { return now })).ParseWithClaims(token, &says, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != key.id {
			return nil, errors.New("the key is unknown")
		}
		return &key.PublicKey, nil
	})
	switch {
	case err != nil:
		return verified{}, errors.New("token: " + kind(err))
	case !slices.ContainsFunc(says.Audience, isResource):
		return verified{}, errors.New("token: for another audience")
	case says.OID == "":
		return verified{}, errors.New("token: speaks of nobody")
	}
	v := verified{Principal: Principal{says.OID, says.Roles}, until: says.ExpiresAt.Add(Skew)}
	if says.NotBefore != nil {
		v.from = says.NotBefore.Add(-Skew)
	}
	return v, nil
}

type claims struct {
	jwt.RegisteredClaims
	OID   string   `json:"oid"`
	Roles []string `json:"roles"`
}

func isResource(audience string) bool {
	return slices.Contains(Audiences(), strings.TrimSuffix(audience, "/"))
}

// kind is an error of the parser without what it cites.
func kind(err error) string {
	for _, known := range []error{jwt.ErrTokenExpired, jwt.ErrTokenNotValidYet, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenSignatureInvalid,
		jwt.ErrTokenUnverifiable, jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenMalformed} {
		if errors.Is(err, known) {
			return strings.TrimPrefix(known.Error(), "token ")
		}
	}
	return "not valid"
}
