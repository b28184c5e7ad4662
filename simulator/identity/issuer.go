// Package identity is a small stand-in for Microsoft Entra ID: one tenant that signs access tokens for applications and
// tells everybody the key to verify them with.
//
// It owns keys, tokens and the documents of OpenID Connect. It refuses to say what a principal may do: that is
// simulator/access.
package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"foundrylab/internal/keyfile"
	"foundrylab/internal/memo"
)

// Tenant is the id of the one tenant there is.
const Tenant = "f0de1ab0-0000-4000-8000-000000000001"

// issuer is the iss of its tokens, as Entra writes it in tokens of version 1.0, which are those for these audiences.
const issuer = "https://sts.windows.net/" + Tenant + "/"

// keyBits is the size of Entra's own signing keys.
const keyBits = 2048

// Issuer signs and verifies tokens with one RSA key. Safe for concurrent use.
type Issuer struct {
	key  func() (*signingKey, error)
	seen memo.Memo[verified]
}

// signingKey is a key with the name it goes by.
type signingKey struct {
	*rsa.PrivateKey
	id string
}

// New returns an Issuer with a key of its own, made when it is first asked for and gone with the process.
func New() *Issuer {
	return &Issuer{key: sync.OnceValues(func() (*signingKey, error) {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return nil, err
		}
		return named(key), nil
	})}
}

// Open returns the Issuer whose key is in a PEM file (PKCS #8), which is made with the mode 0600 where there is none: so
// several processes have one issuer.
func Open(path string) (*Issuer, error) {
	i := At(path)
	_, err := i.key()
	if err != nil {
		return nil, err
	}
	return i, nil
}

// At is as Open, but touches the file only when the key is first asked for. What is wrong with the file is then the error
// of every call.
func At(path string) *Issuer {
	return &Issuer{key: sync.OnceValues(func() (*signingKey, error) {
		text, err := keyfile.Keep(path, generate)
		if err != nil {
			return nil, err
		}
		key, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return key, nil
	})}
}

func generate() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func parse(text []byte) (*signingKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("holds no PEM block PRIVATE KEY")
	}
	found, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("holds no PKCS #8 key")
	}
	key, ok := found.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("holds no RSA key")
	}
	if key.N.BitLen() < keyBits {
		return nil, fmt.Errorf("holds an RSA key of %d bits, fewer than %d", key.N.BitLen(), keyBits)
	}
	return named(key), nil
}

// named names a key by its public half, as Entra does by its certificate.
func named(key *rsa.PrivateKey) *signingKey {
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	return &signingKey{key, base64.RawURLEncoding.EncodeToString(sum[:20])}
}

// Grant is what a token says of whom.
type Grant struct {
	Audience string        // what it is for; "": https://cognitiveservices.azure.com
	OID      string        // object id of the principal; "": that of the application
	AppID    string        // client id of the application; "": a fixed one
	Roles    []string      // beside those that the resource knows of; see simulator/access
	Lifetime time.Duration // until it expires; negative: it has expired
}

// Application is the client, and the principal, of a Grant that names none.
const Application = "f0de1ab0-0000-4000-8000-0000000000a9"

// early is how long before its issue a token is valid: the clocks of others may be behind.
const early = 5 * time.Minute

// Token returns a signed access token, issued at now, which is at or before its end.
func (i *Issuer) Token(g Grant, now time.Time) (string, error) {
	key, err := i.key()
	if err != nil {
		return "", err
	}
	if g.Audience == "" {
		g.Audience = Audiences()[0]
	}
	if g.AppID == "" {
		g.AppID = Application
	}
	if g.OID == "" {
		g.OID = g.AppID
	}
	expires := now.Add(g.Lifetime)
	if expires.Before(now) {
		now = expires
	}
	says := jwt.MapClaims{"aud": g.Audience, "iss": issuer, "iat": now.Unix(), "nbf": now.Add(-early).Unix(), "exp": expires.Unix(),
		"appid": g.AppID, "appidacr": "1", "idp": issuer, "idtyp": "app", "oid": g.OID, "sub": g.OID, "tid": Tenant, "ver": "1.0"}
	if len(g.Roles) > 0 {
		says["roles"] = g.Roles
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, says)
	token.Header["kid"] = key.id
	return token.SignedString(key.PrivateKey)
}
