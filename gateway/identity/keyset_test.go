package identity

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What an issuer's keys are worth as time goes by, it changes them, and it goes away.
func TestKeysThroughTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(public("a", firstKey()))
		began := time.Now()
		issuer := trusted()
		v := mustOpen(t, Config{JWT: []Issuer{issuer}}, Options{Transport: w})
		serial := 0
		fresh := func(id string) string { // a token that is not remembered
			serial++
			key := firstKey()
			if id == "b" {
				key = secondKey()
			}
			return sign(jwt.SigningMethodRS256, id, key, time.Now(), map[string]any{"jti": fmt.Sprint(serial)})
		}
		step := func(at time.Duration, id, want string, calls int) {
			t.Helper()
			time.Sleep(at - time.Since(began))
			got := said(v.Identify(bearer(fresh(id))))
			synctest.Wait() // for what is fetched behind the scenes
			if got != want || w.calls() != calls {
				t.Errorf("after %v, key %s: %s with %d calls, want %s with %d", at, id, got, w.calls(), want, calls)
			}
		}
		const ok = "0 token:login.example"
		discovery := entra + "/.well-known/openid-configuration"
		w.down()
		step(0, "a", "issuer-unavailable", 1) // it starts without its issuer
		step(fetchAgain-1, "a", "issuer-unavailable", 1)
		w.put(discovery, `{"issuer":"`+entra+`","jwks_uri":"`+jwks+`"}`)
		w.put(jwks, set(public("a", firstKey())))
		step(fetchAgain, "a", ok, 3)
		step(2*time.Second, "b", "token-signing-key", 3) // asked just now: made-up names cost the issuer nothing
		w.put(jwks, set(public("a", firstKey()), public("b", secondKey())))
		step(fetchAgain+fetchEvery-1, "b", "token-signing-key", 3)
		step(fetchAgain+fetchEvery, "b", ok, 5)
		got := fetchAgain + fetchEvery
		step(got+keysFresh, "a", ok, 5)
		w.put(jwks, set(public("b", secondKey())))
		step(got+keysFresh+1, "a", ok, 7) // old: fetched anew, behind the scenes
		step(got+keysFresh+2, "a", "token-signing-key", 7)
		got += keysFresh + 1
		w.down()
		step(got+2*keysFresh, "b", ok, 8)
		step(got+keysStale, "b", ok, 9) // stale keys serve while the issuer is away
		step(got+keysStale+1, "b", "issuer-unavailable", 9)
		step(got+keysStale+fetchEvery, "b", "issuer-unavailable", 10)
	})
}

// However many callers need a key at once, it is fetched once; one that leaves does not wait.
func TestOneFetchAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(public("a", firstKey()))
		w.delay = time.Second
		v := mustOpen(t, Config{JWT: []Issuer{trusted(), {Issuer: entra, Audience: []string{"x"}, Tenant: "chat"}}}, Options{Transport: w})
		now := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if _, err := v.Identify(bearer(sign(jwt.SigningMethodRS256, "a", firstKey(), now, nil))); err != nil {
					t.Error(err)
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := v.Identify(bearer(sign(jwt.SigningMethodRS256, "a", firstKey(), now, nil)).WithContext(ctx)); err != KeysUnavailable || time.Since(now) != time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(now))
		}
		all.Wait()
		if w.calls() != 2 || time.Since(now) != 2*time.Second {
			t.Errorf("%d calls in %v", w.calls(), time.Since(now))
		}
	})
}

// An issuer that answers nonsense, or too slowly, has no keys.
func TestBadDocuments(t *testing.T) {
	discovery := entra + "/.well-known/openid-configuration"
	for name, pages := range map[string]map[string]string{
		"another issuer":      {discovery: `{"issuer":"` + other + `","jwks_uri":"` + jwks + `"}`},
		"keys in clear text":  {discovery: `{"issuer":"` + entra + `","jwks_uri":"http://login.example/keys"}`},
		"redirect":            {discovery: "!"},
		"redirect of keys":    {jwks: "!"},
		"no JSON":             {jwks: "<html>"},
		"no keys":             {jwks: `{"keys":[]}`},
		"too long":            {jwks: `{"keys":[]}` + strings.Repeat(" ", maxDocument)},
		"only keys of no use": {jwks: set(map[string]string{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}, public("a", firstKey(), "use", "enc"), public("", firstKey()))},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(public("a", firstKey()))
			for url, page := range pages {
				w.put(url, page)
			}
			v := mustOpen(t, Config{JWT: []Issuer{trusted()}}, Options{Transport: w})
			if got := said(v.Identify(bearer(sign(jwt.SigningMethodRS256, "a", firstKey(), time.Now(), nil)))); got != "issuer-unavailable" {
				t.Errorf("%s: %s", name, got)
			}
			if slices.ContainsFunc(w.asked, func(url string) bool { return !strings.HasPrefix(url, "https://login.example/") }) {
				t.Errorf("%s: asked %v", name, w.asked)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(public("a", firstKey()))
		w.delay, w.pages[jwks] = time.Hour, ""
		v, began := mustOpen(t, Config{JWT: []Issuer{trusted()}}, Options{Transport: w}), time.Now()
		if _, err := v.Identify(bearer(sign(jwt.SigningMethodRS256, "a", firstKey(), began, nil))); err != KeysUnavailable || time.Since(began) != fetchTime {
			t.Errorf("slow: %v after %v", err, time.Since(began))
		}
	})
}

func TestReadKeys(t *testing.T) {
	ec := func(change ...string) jwk {
		m := public("a", curveKey(), change...)
		return jwk{KTY: m["kty"], KID: "a", CRV: m["crv"], X: m["x"], Y: m["y"]}
	}
	rsaOf := func(n, e string) jwk { return jwk{KTY: "RSA", KID: "a", N: n, E: e} }
	n := raw(firstKey().N.Bytes())
	for _, c := range []struct {
		name string
		key  jwk
		ok   bool
	}{
		{"RSA", rsaOf(n, "AQAB"), true},
		{"short", rsaOf(raw(firstKey().N.Bytes()[:128]), "AQAB"), false},
		{"too long", rsaOf(raw(new(big.Int).SetBit(big.NewInt(1), maxRSABits, 1).Bytes()), "AQAB"), false},
		{"exponent 1", rsaOf(n, "AQ"), false},
		{"even exponent", rsaOf(n, "AQAC"), false},
		{"long exponent", rsaOf(n, raw(make([]byte, 3))+n), false},
		{"no exponent", rsaOf(n, ""), false},
		{"no base64", rsaOf("!", "AQAB"), false},
		{"EC", ec(), true},
		{"EC, another curve", ec("crv", "P-384"), false},
		{"EC, unknown curve", ec("crv", "secp256k1"), false},
		{"EC, off the curve", ec("x", raw(make([]byte, 32))), false},
		{"EC, short", ec("y", "AQAB"), false},
		{"kind", jwk{KTY: "OKP", KID: "a"}, false},
	} {
		if got := len(readKeys([]jwk{c.key})) == 1; got != c.ok {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	many := make([]jwk, 3*maxSigningKeys)
	for i := range many {
		many[i] = rsaOf(n, "AQAB")
		many[i].KID = fmt.Sprint(i)
	}
	if got := len(readKeys(many)); got != maxSigningKeys {
		t.Errorf("%d keys", got)
	}
}

func TestSafeURL(t *testing.T) {
	for url, want := range map[string]bool{"https://a/b?c=d": true, "http://127.0.0.1:80/x": true, "http://[::1]/": true, "http://localhost/x": true, "http://localhost.evil.example/": false,
		"http://a": false, "file:///etc/passwd": false, "https://user:pass@a": false, "https://": false, "%": false, "": false, "https://a#b": false} {
		if got := isSafeURL(url); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
}
