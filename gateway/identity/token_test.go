package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"foundrylab/internal/unit"
)

func trusted() Issuer {
	return Issuer{Issuer: entra, Audience: []string{"api://gateway", "api://other"}, Algorithms: []string{"RS256", "PS256", "ES256"}, Scopes: []string{"chat.write"}, Roles: []string{"caller"},
		Claim: "azp", Tenants: []ClaimTenant{{"app-1", "chat"}, {"app-2", "batch"}}, ClockSkew: unit.Duration(time.Minute)}
}

func said(c Caller, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(c.Tenant, " ", c.By)
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		rs, good := jwt.SigningMethodRS256, firstKey()
		token := func(change map[string]any) string { return sign(rs, "a", good, now, change) }
		at := func(d time.Duration) int64 { return now.Add(d).Unix() }
		v := mustOpen(t, Config{JWT: []Issuer{trusted()}, Keys: []Key{KeyOf("chat", "a key of chat")}}, Options{Transport: newWorld(public("a", good), public("ec", curveKey()), public("ps", good, "alg", "PS256"))})
		parts := strings.Split(token(nil), ".")
		none := raw([]byte(`{"alg":"none","kid":"a"}`)) + "." + parts[1] + "."
		hmac := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": entra, "aud": "api://gateway", "exp": at(time.Hour), "azp": "app-1"})
		hmac.Header["kid"] = "a"
		withPublic, _ := hmac.SignedString(good.N.Bytes())
		const ok = "0 token:login.example"
		for _, c := range []struct{ name, token, want string }{
			{"good", token(nil), ok},
			{"good, of the other tenant", token(map[string]any{"azp": "app-2"}), "1 token:login.example"},
			{"good, of a curve", sign(jwt.SigningMethodES256, "ec", curveKey(), now, nil), ok},
			{"good, PSS", sign(jwt.SigningMethodPS256, "a", good, now, nil), ok},
			{"PSS by a key for it", sign(jwt.SigningMethodPS256, "ps", good, now, nil), ok},
			{"RS256 by a key for PS256", sign(rs, "ps", good, now, nil), "token-algorithm"},
			{"a key is a key", "a key of chat", "0 key:" + KeyOf("", "a key of chat").ID},
			{"several audiences", token(map[string]any{"aud": []string{"x", "api://other"}}), ok},
			{"scope, not scp", token(map[string]any{"scp": nil, "scope": []string{"chat.write"}}), ok},
			{"expired within the skew", token(map[string]any{"exp": at(-time.Minute + time.Second)}), ok},
			{"expired", token(map[string]any{"exp": at(-time.Minute)}), "token-expired"},
			{"early within the skew", token(map[string]any{"nbf": at(time.Minute)}), ok},
			{"early", token(map[string]any{"nbf": at(time.Minute + time.Second)}), "token-not-yet-valid"},
			{"without nbf", token(map[string]any{"nbf": nil}), ok},
			{"without end", token(map[string]any{"exp": nil}), "token-malformed"},
			{"another audience", token(map[string]any{"aud": "api://gateway/"}), "token-audience"},
			{"no audience", token(map[string]any{"aud": nil}), "token-malformed"},
			{"another issuer", token(map[string]any{"iss": other}), "token-issuer"},
			{"no issuer", token(map[string]any{"iss": nil}), "token-issuer"},
			{"issuer is a number", token(map[string]any{"iss": 7}), "token-malformed"},
			{"too little scope", token(map[string]any{"scp": "chat.read chat.writer"}), "token-scope"},
			{"no scope", token(map[string]any{"scp": nil}), "token-scope"},
			{"no role", token(map[string]any{"roles": []string{"reader"}}), "token-role"},
			{"nobody's", token(map[string]any{"azp": "app-3"}), "token-unmapped"},
			{"nobody's", token(map[string]any{"azp": nil}), "token-unmapped"},
			{"another key", sign(rs, "a", secondKey(), now, nil), "token-signature"},
			{"an unknown key", sign(rs, "b", secondKey(), now, nil), "token-signing-key"},
			{"a curve's name for RSA", sign(rs, "ec", good, now, nil), "token-signature"},
			{"none", none, "token-signature"},
			{"HMAC by the public key", withPublic, "token-signature"},
			{"an algorithm that is not listed", sign(jwt.SigningMethodRS512, "a", good, now, nil), "token-signature"},
			{"changed", parts[0] + "." + strings.Split(token(map[string]any{"azp": "app-2"}), ".")[1] + "." + parts[2], "token-signature"},
			{"no signature", parts[0] + "." + parts[1] + ".", "token-signature"},
			{"half", parts[0] + "." + parts[1], "unknown-key"},
			{"no base64", "eyJ.eyJ.x", "token-malformed"},
			{"no JSON", "e30.e30.e30", "token-malformed"},
			{"four parts", token(nil) + ".x", "unknown-key"},
		} {
			if got := said(v.Identify(bearer(c.token))); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
		if got := said(v.Identify(&http.Request{Header: http.Header{"Api-Key": {token(nil)}}})); got != "unknown-key" {
			t.Errorf("a token as key: %s", got)
		}
	})
}

// What a claim has to say of the tenant: its value, a list, one of several entries of an issuer.
func TestTenantOfToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		byName := Issuer{Issuer: entra, Audience: []string{"api://names"}, Claim: "team"}
		groups := Issuer{Issuer: entra, Audience: []string{"api://groups"}, Claim: "groups", Tenants: []ClaimTenant{{"g2", "batch"}, {"g1", "chat"}}}
		fixed := Issuer{Issuer: entra, Audience: []string{"api://fixed"}, Tenant: "batch"}
		v := mustOpen(t, Config{JWT: []Issuer{byName, groups, fixed}}, Options{Transport: newWorld(public("a", firstKey()))})
		for _, c := range []struct {
			change map[string]any
			want   string
		}{
			{map[string]any{"aud": "api://names", "team": "batch"}, "1 token:login.example"},
			{map[string]any{"aud": "api://names", "team": []string{"chat"}}, "0 token:login.example"},
			{map[string]any{"aud": "api://names", "team": []string{"chat", "batch"}}, "token-audience"}, // two names are none; then others' turn
			{map[string]any{"aud": "api://groups", "groups": []string{"g1", "x"}}, "0 token:login.example"},
			{map[string]any{"aud": "api://groups", "groups": []string{"g1", "g2"}}, "1 token:login.example"},
			{map[string]any{"aud": "api://fixed"}, "1 token:login.example"},
		} {
			if got := said(v.Identify(bearer(sign(jwt.SigningMethodRS256, "a", firstKey(), now, c.change)))); got != c.want {
				t.Errorf("%v: %s, want %s", c.change, got, c.want)
			}
		}
	})
}

// A token that is remembered ends when it would end if it were verified anew, and is verified anew after five minutes.
func TestRememberedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(public("a", firstKey()))
		v := mustOpen(t, Config{JWT: []Issuer{trusted()}}, Options{Transport: w})
		began := time.Now()
		short := sign(jwt.SigningMethodRS256, "a", firstKey(), began, map[string]any{"exp": began.Add(2 * time.Minute).Unix()})
		long := sign(jwt.SigningMethodRS256, "a", firstKey(), began, nil)
		check := func(at time.Duration, token, want string) {
			t.Helper()
			time.Sleep(at - time.Since(began))
			if got := said(v.Identify(bearer(token))); got != want {
				t.Errorf("after %v: %s, want %s", at, got, want)
			}
		}
		const ok = "0 token:login.example"
		check(0, short, ok)
		check(0, long, ok)
		check(3*time.Minute-1, short, ok) // with the skew
		check(3*time.Minute, short, "token-expired")
		w.put(jwks, set(public("b", secondKey()))) // the issuer withdraws its key
		check(4*time.Minute, sign(jwt.SigningMethodRS256, "b", secondKey(), began, nil), ok)
		check(5*time.Minute-1, long, ok)
		check(5*time.Minute, long, "token-signing-key")
	})
}

// Clients send the same token for an hour: knowing it again is cheap.
func TestKnownCredentialsAllocateNothing(t *testing.T) {
	w := newWorld(public("a", firstKey()))
	v := mustOpen(t, Config{JWT: []Issuer{trusted()}, Keys: []Key{KeyOf("chat", "a key of chat")}}, Options{Transport: w})
	for name, credential := range map[string]string{"token": sign(jwt.SigningMethodRS256, "a", firstKey(), time.Now(), nil), "key": "a key of chat"} {
		r := bearer(credential)
		if _, err := v.Identify(r); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(1000, func() { v.Identify(r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkIdentify(b *testing.B) {
	w := newWorld(public("a", firstKey()))
	v := mustOpen(b, Config{JWT: []Issuer{trusted()}, Keys: []Key{KeyOf("chat", "a key of chat")}}, Options{Transport: w})
	// As long as Entra's.
	token := sign(jwt.SigningMethodRS256, "a", firstKey(), time.Now(), map[string]any{"x": strings.Repeat("x", 600)})
	b.Run("key", func(b *testing.B) {
		r := bearer("a key of chat")
		b.ReportAllocs()
		for b.Loop() {
			v.Identify(r)
		}
	})
	b.Run("known token", func(b *testing.B) {
		r := bearer(token)
		b.ReportAllocs()
		for b.Loop() {
			v.Identify(r)
		}
	})
	b.Run("new token", func(b *testing.B) {
		for b.Loop() {
			v.tokens.issuers[0].verify(context.Background(), token, time.Now())
		}
	})
}

// FuzzToken: no text but the one that was signed is let in, and none makes the verifier panic.
func FuzzToken(f *testing.F) {
	now := time.Now()
	good := sign(jwt.SigningMethodRS256, "a", firstKey(), now, nil)
	v := mustOpen(f, Config{JWT: []Issuer{trusted()}}, Options{Transport: newWorld(public("a", firstKey()))})
	parts := strings.Split(good, ".")
	for _, seed := range []string{good, good + "=", good + ".", parts[0] + "." + parts[1] + ".", raw([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".",
		raw([]byte(`{"alg":"RS256","kid":7}`)) + "." + parts[1] + "." + parts[2], "e30.e30.", "..", "a.b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := v.tokens.identify(context.Background(), text, sha256.Sum256([]byte(text)), now)
		if (err == nil) != (text == good) {
			if err == nil && sameSignature(text, good) { // base64 has several spellings of the last bits
				return
			}
			t.Errorf("%q: %v", text, err)
		}
	})
}

func sameSignature(a, b string) bool {
	x, y := a[:strings.LastIndexByte(a, '.')], b[:strings.LastIndexByte(b, '.')]
	s, err := base64.RawURLEncoding.DecodeString(a[len(x)+1:])
	w, _ := base64.RawURLEncoding.DecodeString(b[len(y)+1:])
	return err == nil && x == y && string(s) == string(w)
}
