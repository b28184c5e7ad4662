package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever a token says, whoever signed it and whichever of its characters is another one: no panic, the error tells
// none of it, and what is taken is signed by the issuer as it stands, for somebody, for a resource, and at its time. KID in
// the header is the name of our key, which each process makes for itself.
func FuzzVerify(f *testing.F) {
	const head = `{"alg":"RS256","kid":"KID","typ":"JWT"}`
	good := `{"aud":"` + Audiences()[0] + `/","iss":"` + issuer + `","exp":1767607200,"oid":"a","roles":["r"]}`
	for header, says := range map[string]string{
		head:                                     good,
		`{"alg":"none"}`:                         good,
		`{"alg":"HS256","kid":"KID"}`:            good,
		`{"alg":"RS512","kid":7,"crit":["exp"]}`: good,
		head + " ":                               strings.Replace(good, `"exp":1767607200`, `"exp":1767603900.5,"nbf":-1e99`, 1),
		head + "  ":                              strings.Replace(good, `"exp"`, `"exp":7,"EXP"`, 1),
		head + "\n":                              strings.Replace(good, `"aud":`, `"aud":["x",7],"aud":`, 1),
		head + "\r":                              strings.Replace(good, "cognitiveservices", "graph", 1),
		head + "\t":                              strings.Replace(good, "sts.", "st.", 1),
		" " + head:                               strings.Replace(good, `"oid"`, `"sub"`, 1),
		`null`:                                   `null`,
		"":                                       "",
	} {
		for signer := range uint8(3) {
			f.Add(header, says, signer, uint16(0), int64(0))
			f.Add(header, says, signer, uint16(0), int64(2*time.Hour))
		}
		f.Add(header, says, uint8(0), uint16(len(says)), int64(2*time.Hour))
	}
	ours, others := New(), New()
	f.Fuzz(func(t *testing.T, header, says string, signer uint8, flipped uint16, after int64) {
		key, err := ours.key()
		if err != nil {
			t.Fatal(err)
		}
		header = strings.ReplaceAll(header, "KID", key.id)
		whole := signed(t, header, says, []*Issuer{ours, others, nil}[signer%3])
		token := []byte(whole)
		if flipped > 0 {
			token[int(flipped)%len(token)] ^= 1
		}
		at := now.Add(time.Duration(after))
		p, err := ours.Verify(string(token), at)
		if again, err2 := ours.Verify(string(token), at); again.OID != p.OID || (err == nil) != (err2 == nil) {
			t.Errorf("once %+v, %v, then %+v, %v", p, err, again, err2)
		}
		if err != nil {
			if p.OID != "" || !slices.Contains(reasons, err.Error()) {
				t.Errorf("tells %+v, %v", p, err)
			}
			return
		}
		// the bits of the last character that a signature leaves open may be others
		if unsigned := whole[:strings.LastIndexByte(whole, '.')]; signer%3 != 0 || !strings.HasPrefix(string(token), unsigned+".") {
			t.Errorf("taken, and never signed: %q, %q", header, says)
		}
		if why := wrong(header, says, key.id, p, at); why != "" {
			t.Errorf("taken at %v, %s: %q, %q", at, why, header, says)
		}
	})
}

// reasons are all that the error of a token can be.
var reasons = []string{"token: longer than 16384 bytes", "token: for another audience", "token: speaks of nobody", "token: is expired", "token: is not valid yet",
	"token: has invalid issuer", "token: signature is invalid", "token: is unverifiable", "token: is missing required claim", "token: is malformed", "token: not valid"}

// signed is a token of any header and claims, by hand; nil signs nothing.
func signed(t *testing.T, header, says string, by *Issuer) string {
	t.Helper()
	enc := base64.RawURLEncoding.EncodeToString
	unsigned := enc([]byte(header)) + "." + enc([]byte(says))
	if by == nil {
		return unsigned + "."
	}
	key, err := by.key()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(unsigned))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.PrivateKey, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return unsigned + "." + enc(signature)
}

// wrong is what speaks against a token that was taken, read a second time and in another way; "": nothing.
func wrong(header, says, kid string, p Principal, at time.Time) string {
	var h struct{ Alg, Kid string }
	var c struct {
		Aud      any
		Iss, OID string
		Exp, Nbf *float64
	}
	if err := json.Unmarshal([]byte(header), &h); err != nil || h.Alg != "RS256" || h.Kid != kid {
		return "by another key"
	}
	if err := json.Unmarshal([]byte(says), &c); err != nil || c.Iss != issuer || c.OID == "" || c.OID != p.OID || c.Exp == nil {
		return "for nobody, for ever, or of another tenant"
	}
	all, isList := c.Aud.([]any)
	if !isList {
		all = []any{c.Aud}
	}
	if !slices.ContainsFunc(all, func(a any) bool { s, _ := a.(string); return isResource(s) }) {
		return "for another audience"
	}
	seconds := float64(at.UnixNano()) / 1e9
	if late := seconds - *c.Exp - Skew.Seconds(); late > 1 && math.Abs(*c.Exp) < 1e12 {
		return "after its time"
	}
	if c.Nbf != nil && *c.Nbf-Skew.Seconds()-seconds > 1 && math.Abs(*c.Nbf) < 1e12 {
		return "before its time"
	}
	return ""
}
