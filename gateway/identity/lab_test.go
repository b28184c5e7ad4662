package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	entra = "https://login.example/tenant/v2.0"
	other = "https://other.example"
	jwks  = "https://login.example/keys"
)

// Keys of the tests, made once: RSA takes its time.
var (
	firstKey, secondKey = sync.OnceValue(newRSA), sync.OnceValue(newRSA)
	curveKey            = sync.OnceValue(func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	})
)

func newRSA() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		panic(err)
	}
	return k
}

// world is what issuers answer, by URL. Safe for concurrent use.
type world struct {
	mu    sync.Mutex
	pages map[string]string // absent: the connection fails
	asked []string
	delay time.Duration
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.String())
	page, ok := w.pages[r.URL.String()]
	delay := w.delay
	w.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if !ok {
		return nil, errors.New("no route to host")
	}
	status := http.StatusOK
	if strings.HasPrefix(page, "!") {
		status = http.StatusFound
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(page)), Header: http.Header{"Location": {"https://evil.example/keys"}}, Request: r}, nil
}

func (w *world) put(url, page string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[url] = page
}

func (w *world) down() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages = map[string]string{}
}

func (w *world) calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

// newWorld has the issuer entra with those keys.
func newWorld(keys ...map[string]string) *world {
	return &world{pages: map[string]string{
		entra + "/.well-known/openid-configuration": `{"issuer":"` + entra + `","jwks_uri":"` + jwks + `"}`,
		jwks: set(keys...),
	}}
}

func set(keys ...map[string]string) string {
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func raw(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// public is the half of a key that an issuer shows.
func public(id string, key crypto.Signer, more ...string) map[string]string {
	k := map[string]string{"kid": id, "use": "sig"}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		maps.Copy(k, map[string]string{"kty": "RSA", "n": raw(key.N.Bytes()), "e": raw(big.NewInt(int64(key.E)).Bytes())})
	case *ecdsa.PrivateKey:
		point, _ := key.PublicKey.Bytes()
		maps.Copy(k, map[string]string{"kty": "EC", "crv": "P-256", "x": raw(point[1:33]), "y": raw(point[33:])})
	}
	for i := 0; i < len(more); i += 2 {
		k[more[i]] = more[i+1]
	}
	return k
}

// sign returns a token that is good but for the claims that change.
func sign(method jwt.SigningMethod, id string, key any, now time.Time, change map[string]any) string {
	claims := jwt.MapClaims{"iss": entra, "aud": "api://gateway", "exp": now.Add(time.Hour).Unix(), "nbf": now.Unix(), "azp": "app-1", "scp": "chat.write chat.read", "roles": []string{"caller"}}
	for name, v := range change {
		if v == nil {
			delete(claims, name)
			continue
		}
		claims[name] = v
	}
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

func bearer(credential string) *http.Request {
	return &http.Request{Header: http.Header{"Authorization": {"Bearer " + credential}}}
}

func mustOpen(t testing.TB, cfg Config, o Options) *Verifier {
	t.Helper()
	v, err := Open(&cfg, []string{"chat", "batch"}, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
