package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var now = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

const ana = "11111111-1111-4111-8111-111111111111"

// Every way in which a token can be wrong, and the ones in which it is right.
func TestVerify(t *testing.T) {
	ours := New()
	key, err := ours.key()
	if err != nil {
		t.Fatal(err)
	}
	// sign signs what a good token says, with one thing different.
	sign := func(method jwt.SigningMethod, with any, kid, claim string, value any) string {
		says := jwt.MapClaims{"aud": Audiences()[0], "iss": issuer, "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "oid": ana}
		if value == nil {
			delete(says, claim)
		} else if claim != "" {
			says[claim] = value
		}
		token := jwt.NewWithClaims(method, says)
		if kid != "" {
			token.Header["kid"] = kid
		}
		text, err := token.SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	rs := func(claim string, value any) string {
		return sign(jwt.SigningMethodRS256, key.PrivateKey, key.id, claim, value)
	}
	other, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		t.Fatal(err)
	}
	public := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	good := rs("", 0)
	head, tail, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(tail, ".")
	forged, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	admin := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(forged), ana, strings.Repeat("9", len(ana)), 1)))
	for name, tt := range map[string]struct{ token, why string }{
		"good":                          {good, ""},
		"with a slash":                  {rs("aud", Audiences()[0]+"/"), ""},
		"for Foundry":                   {rs("aud", "https://ai.azure.com"), ""},
		"for Claude":                    {rs("aud", "https://ai.cognitiveservices.com/"), ""},
		"one audience of two":           {rs("aud", []string{"https://graph.microsoft.com", "https://ai.azure.com"}), ""},
		"expired within the skew":       {rs("exp", now.Add(-Skew+time.Second).Unix()), ""},
		"expired":                       {rs("exp", now.Add(-Skew-time.Second).Unix()), "expired"},
		"never expires":                 {rs("exp", nil), "required claim"},
		"soon, within the skew":         {rs("nbf", now.Add(Skew-time.Second).Unix()), ""},
		"not yet":                       {rs("nbf", now.Add(Skew+time.Second).Unix()), "not valid yet"},
		"another audience":              {rs("aud", "https://graph.microsoft.com"), "audience"},
		"an audience that begins alike": {rs("aud", Audiences()[0]+".evil.example"), "audience"},
		"two slashes":                   {rs("aud", Audiences()[0]+"//"), "audience"},
		"no audience":                   {rs("aud", nil), "audience"},
		"another issuer":                {rs("iss", "https://sts.windows.net/11111111-1111-4111-8111-111111111111/"), "issuer"},
		"no issuer":                     {rs("iss", nil), "required claim"},
		"nobody":                        {rs("oid", nil), "nobody"},
		"an oid that is a number":       {rs("oid", 7), "malformed"},
		"none":                          {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, key.id, "", 0), "signature"},
		"HMAC with the public key":      {sign(jwt.SigningMethodHS256, public, key.id, "", 0), "signature"},
		"another RSA algorithm":         {sign(jwt.SigningMethodRS512, key.PrivateKey, key.id, "", 0), "signature"},
		"another key by our name":       {sign(jwt.SigningMethodRS256, other, key.id, "", 0), "signature"},
		"another key":                   {sign(jwt.SigningMethodRS256, other, named(other).id, "", 0), "unverifiable"},
		"no key named":                  {sign(jwt.SigningMethodRS256, key.PrivateKey, "", "", 0), "unverifiable"},
		"somebody else's name put in":   {head + "." + admin + "." + signature, "signature"},
		"no signature":                  {head + "." + payload + ".", "signature"},
		"no JWT":                        {"eyJ.e.e", "malformed"},
		"empty":                         {"", "malformed"},
		"too long":                      {rs("x", strings.Repeat("x", maxToken)), "longer"},
	} {
		p, err := ours.Verify(tt.token, now)
		switch {
		case tt.why == "" && (err != nil || p.OID != ana):
			t.Errorf("%s: %+v, %v", name, p, err)
		case tt.why != "" && (err == nil || !strings.Contains(err.Error(), tt.why)):
			t.Errorf("%s: %+v, %v, want %q", name, p, err, tt.why)
		case err != nil && (p.OID != "" || len(tt.token) > 20 && strings.Contains(err.Error(), tt.token[:20]) || strings.Contains(err.Error(), "example")):
			t.Errorf("%s: tells %+v, %v", name, p, err)
		}
	}
}

func TestToken(t *testing.T) {
	i := New()
	for _, tt := range []struct {
		grant Grant
		valid bool
		want  Principal
	}{
		{Grant{Lifetime: time.Hour}, true, Principal{OID: Application}},
		{Grant{Lifetime: time.Hour, AppID: ana}, true, Principal{OID: ana}},
		{Grant{Lifetime: time.Hour, OID: ana, Roles: []string{"Azure AI User"}, Audience: "https://ai.azure.com/"}, true, Principal{ana, []string{"Azure AI User"}}},
		{Grant{Lifetime: time.Hour, Audience: "https://management.azure.com"}, false, Principal{}},
		{Grant{Lifetime: -time.Hour}, false, Principal{}},
	} {
		token, err := i.Token(tt.grant, now)
		if err != nil || !TokenShaped(token) {
			t.Fatalf("%+v: %q, %v", tt.grant, token, err)
		}
		p, err := i.Verify(token, now)
		if tt.valid != (err == nil) || p.OID != tt.want.OID || !slices.Equal(p.Roles, tt.want.Roles) {
			t.Errorf("%+v: %+v, %v", tt.grant, p, err)
		}
	}
	for _, key := range []string{"", "foundrylab-key", "a.b.c", "eyJ", "sk-eyJ.a.b"} {
		if TokenShaped(key) {
			t.Errorf("%q is taken for a token", key)
		}
	}
}

// The same file is the same issuer; what is no key file is refused, and none of it told.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "issuer.pem")
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	token, err := a.Token(Grant{Lifetime: time.Hour}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Verify(token, now); err != nil {
		t.Errorf("the same key file: %v", err)
	}
	if _, err := New().Verify(token, now); err == nil {
		t.Error("another issuer takes it too")
	}
	for _, content := range []string{"", "planted", "-----BEGIN PRIVATE KEY-----\ncGxhbnRlZA==\n-----END PRIVATE KEY-----\n", "-----BEGIN EC PRIVATE KEY-----\ncGxhbnRlZA==\n-----END EC PRIVATE KEY-----\n"} {
		bad := filepath.Join(dir, "bad.pem")
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(bad); err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "cGxh") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// What a client library does: discovery, the keys, a token, and that the keys verify it.
func TestEndpoints(t *testing.T) {
	i := New()
	discovered := i.Discover(Tenant, "https://localhost:8443")
	var doc map[string]any
	if err := json.Unmarshal(discovered.Body, &doc); err != nil || discovered.Status != 200 {
		t.Fatal(err, discovered.Status)
	}
	if doc["issuer"] != issuer || doc["jwks_uri"] != "https://localhost:8443/"+Tenant+"/discovery/v2.0/keys" || doc["token_endpoint"] != "https://localhost:8443/"+Tenant+"/oauth2/v2.0/token" {
		t.Errorf("%s", discovered.Body)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(i.Keys(Tenant).Body, &set); err != nil || len(set.Keys) != 1 {
		t.Fatal(err, set)
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if set.Keys[0][private] != "" {
			t.Errorf("the key set holds the private %s", private)
		}
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {ana}, "client_secret": {"s"}, "scope": {"https://cognitiveservices.azure.com/.default"}}
	exchanged := i.Exchange(Tenant, form, now)
	var got struct {
		Type  string `json:"token_type"`
		In    int    `json:"expires_in"`
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(exchanged.Body, &got); err != nil || exchanged.Status != 200 || got.Type != "Bearer" || got.In != 3599 {
		t.Fatal(err, exchanged.Status, got)
	}
	number := func(name string) *big.Int {
		text, err := base64.RawURLEncoding.DecodeString(set.Keys[0][name])
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(text)
	}
	public := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
	parsed, err := jwt.NewParser(jwt.WithTimeFunc(func() time.Time { return now })).Parse(got.Token, func(token *jwt.Token) (any, error) {
		if token.Header["kid"] != set.Keys[0]["kid"] {
			t.Errorf("kid %v", token.Header["kid"])
		}
		return public, nil
	})
	if err != nil || parsed.Claims.(jwt.MapClaims)["oid"] != ana {
		t.Error(err, parsed)
	}
}

func TestEndpointsRefuse(t *testing.T) {
	i := New()
	good := func() url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {ana}, "client_secret": {"planted"}, "scope": {"https://ai.azure.com/.default"}}
	}
	for _, tt := range []struct {
		tenant, field, value string
		status               int
		says                 string
	}{
		{Tenant, "", "", 200, "access_token"},
		{"contoso", "", "", 400, "AADSTS90002"},
		{Tenant, "grant_type", "password", 400, "unsupported_grant_type"},
		{Tenant, "client_id", "", 400, "AADSTS900144"},
		{Tenant, "client_id", strings.Repeat("x", 129), 400, "AADSTS900144"},
		{Tenant, "client_secret", "", 401, "AADSTS7000216"},
		{Tenant, "scope", "", 400, "invalid_scope"},
		{Tenant, "scope", "/.default", 400, "invalid_scope"},
		{Tenant, "scope", "openid", 400, "invalid_scope"},
		{Tenant, "scope", "https://ai.azure.com", 400, "invalid_scope"},
		{Tenant, "scope", "https://ai.azure.com/.default https://cognitiveservices.azure.com/.default", 400, "invalid_scope"},
		{Tenant, "scope", strings.Repeat("x", 257) + "/.default", 400, "invalid_scope"},
		{Tenant, "scope", "https://ai.azure.com/.default openid offline_access profile", 200, "access_token"},
	} {
		form := good()
		if tt.field != "" {
			form.Set(tt.field, tt.value)
		}
		r := i.Exchange(tt.tenant, form, now)
		if r.Status != tt.status || !strings.Contains(string(r.Body), tt.says) || strings.Contains(string(r.Body), "planted") {
			t.Errorf("%+v: %d %s", tt, r.Status, r.Body)
		}
	}
	if d, k := i.Discover("contoso", ""), i.Keys("contoso"); d.Status != 400 || k.Status != 400 {
		t.Errorf("another tenant: %d, %d", d.Status, k.Status)
	}
}
