package identity

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/yamlconf"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// A key is taken in every place in which clients of the service put one, and only while it is good.
func TestKeys(t *testing.T) {
	old, current, later, lost := KeyOf("chat", "an old key of chat"), KeyOf("chat", "a key of chat"), KeyOf("batch", "a key of batch"), KeyOf("chat", "a lost key of chat")
	lost.Revoked, lost.Expires = true, Moment{noon.Add(-time.Hour)}
	old.Expires, later.NotBefore = Moment{noon.Add(time.Hour)}, Moment{noon.Add(time.Hour)}
	now := noon
	v := mustOpen(t, Config{Keys: []Key{old, current, later, lost}}, Options{Now: func() time.Time { return now }})
	for _, c := range []struct {
		after        time.Duration
		header, what string
		want         string
	}{
		{0, "api-key", "a key of chat", "0 key:" + current.ID},
		{0, "x-api-key", "a key of chat", "0 key:" + current.ID},
		{0, "Authorization", "Bearer a key of chat", "0 key:" + current.ID},
		{0, "Authorization", "bearer  a key of chat ", "0 key:" + current.ID},
		{0, "Authorization", "Basic a key of chat", "no-credential"},
		{0, "Authorization", "a key of chat", "no-credential"},
		{0, "api-key", "", "no-credential"},
		{0, "api-key", "a key of cha", "unknown-key"},
		{0, "api-key", "a key of chat ", "unknown-key"},
		{0, "api-key", current.SHA256, "unknown-key"},
		{0, "Ocp-Apim-Subscription-Key", "a key of chat", "no-credential"},
		{0, "api-key", strings.Repeat("x", maxToken+1), "unknown-key"},
		{0, "api-key", "an old key of chat", "0 key:" + old.ID},
		{time.Hour - 1, "api-key", "an old key of chat", "0 key:" + old.ID},
		{time.Hour, "api-key", "an old key of chat", "key-expired key:" + old.ID},
		{0, "api-key", "a lost key of chat", "key-revoked key:" + lost.ID},
		{0, "api-key", "a key of batch", "key-not-yet-valid key:" + later.ID},
		{time.Hour, "api-key", "a key of batch", "1 key:" + later.ID},
		{time.Hour, "api-key", "a key of chat", "0 key:" + current.ID},
	} {
		now = noon.Add(c.after)
		r := &http.Request{Header: http.Header{}}
		r.Header.Set(c.header, c.what)
		caller, err := v.Identify(r)
		got := fmt.Sprint(caller.Tenant, " ", caller.By)
		if err != nil {
			got = strings.TrimSpace(err.Error() + " " + caller.By)
		}
		if got != c.want {
			t.Errorf("%v: %s: %.40s: %s, want %s", c.after, c.header, c.what, got, c.want)
		}
	}
}

// The first header decides: a good key does not help a wrong one.
func TestFirstCredentialCounts(t *testing.T) {
	v := mustOpen(t, Config{Keys: []Key{KeyOf("chat", "a key of chat")}, Anonymous: "batch"}, Options{})
	r := bearer("a key of chat")
	r.Header.Set("api-key", "wrong")
	if _, err := v.Identify(r); err != UnknownKey {
		t.Errorf("%v", err)
	}
	if c, err := v.Identify(&http.Request{Header: http.Header{}}); err != nil || c != (Caller{Tenant: 1}) {
		t.Errorf("anonymous: %+v %v", c, err)
	}
	open := mustOpen(t, Config{}, Options{})
	if c, err := open.Identify(r); err != nil || c.Tenant != Nobody {
		t.Errorf("without identity: %+v %v", c, err)
	}
}

func TestNewKey(t *testing.T) {
	secret, k := NewKey("chat")
	again, _ := NewKey("chat")
	if secret == again || len(secret) != len(keyPrefix)+43 || strings.Contains(fmt.Sprint(k), secret) {
		t.Errorf("%q, %q, %+v", secret, again, k)
	}
	v := mustOpen(t, Config{Keys: []Key{k}}, Options{})
	if c, err := v.Identify(bearer(secret)); err != nil || c.Tenant != 0 {
		t.Errorf("%+v %v", c, err)
	}
}

func files(path string) ([]byte, error) {
	if path == "key.txt" {
		return []byte(" a key from a file\n"), nil
	}
	return nil, fmt.Errorf("%s: no such file", path)
}

func env(name string) (string, bool) {
	v, ok := map[string]string{"KEY": "a key from the environment", "SHORT": "hush-hush", "EMPTY": "  ", "BAD": "a\r\nkey: with lines"}[name]
	return v, ok
}

func TestSecrets(t *testing.T) {
	from := Source{Env: env, File: files}
	for _, c := range []struct {
		secret     Secret
		want, fail string
	}{
		{Secret{Env: "KEY"}, "", "characters that no header"},
		{Secret{File: "key.txt"}, "", "characters that no header"},
		{Secret{Env: "SHORT"}, "hush-hush", ""},
		{Secret{Env: "NONE"}, "", "no variable NONE"},
		{Secret{Env: "EMPTY"}, "", "empty"},
		{Secret{Env: "BAD"}, "", "characters that no header"},
		{Secret{File: "none.txt"}, "", "none.txt: no such file"},
	} {
		got, err := from.Read(&c.secret)
		if got != c.want || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%+v: %q %v", c.secret, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "lines")) {
			t.Errorf("a secret is told: %v", err)
		}
	}
}

// Open tells every mistake at once and no secret.
func TestOpenTellsEveryMistake(t *testing.T) {
	k := KeyOf("chat", "a key of chat")
	_, err := Open(&Config{
		Keys:      []Key{k, k, KeyOf("nobody", "x"), {Tenant: "chat", SHA256: "abc"}, {Tenant: "chat", Secret: &Secret{Env: "SHORT"}}, {Tenant: "chat", ID: "a\r\nb", SHA256: k.SHA256}},
		JWT:       []Issuer{{Issuer: "urn:x", Claim: "azp", Algorithms: []string{"none"}}, {Issuer: entra, Audience: []string{"a"}, Tenant: "nobody", Algorithms: []string{"HS256"}, JWKS: "http://keys.example"}},
		MTLS:      &Certificates{CA: "none.pem", Clients: []ClientCertificate{{Tenant: "nobody", Subject: "CN=x"}}},
		Anonymous: "nobody",
	}, []string{"chat"}, Options{Source: Source{Env: env, File: files}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`keys[1]: the same key`, `keys[2].tenant: there is no tenant "nobody"`, `keys[3]: sha256 is no`, `keys[4]: is shorter`, `keys[5]: id`,
		`anonymous: there is no`, `jwt[0].issuer: is no https`, `jwt[0].audience`, `jwt[0].algorithms: "none"`, `jwt[1].algorithms: "HS256"`, `jwt[1].tenant`, `jwt[1].jwks`, `mtls.ca: none.pem`, `mtls.clients[0].tenant`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s", want)
		}
	}
	if strings.Contains(err.Error(), "hush") || t.Failed() {
		t.Error(err)
	}
}

// In a file, each mistake has its line.
func TestConfigMistakes(t *testing.T) {
	doc, err := yamlconf.Parse("g.yaml", []byte(`keys:
- tenant: chat
- {tenant: chat, sha256: abc, secret: {env: A, file: b}, expires: tomorrow}
- {tenant: chat, sha256: `+strings.Repeat("0", 64)+`, not_before: 2027-01-02T00:00:00Z, expires: 2027-01-01T00:00:00Z}
jwt:
- {issuer: "http://x", audience: [a], tenant: a, claim: b, algorithms: [HS256], clock_skew: 6m}
mtls: {ca: x, clients: [{tenant: a}, {tenant: a, thumbprint: "12:34"}], revoked: [x]}
`))
	if err != nil {
		t.Fatal(err)
	}
	err = doc.Decode(new(Config))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"g.yaml:2", "give either sha256 or secret", "g.yaml:3", "expires", "no time such as", "g.yaml:4", "g.yaml:6", "jwt[0].algorithms", "jwt[0].clock_skew", "g.yaml:7", "either thumbprint or subject"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not told: %s\n%v", want, err)
		}
	}
}
