package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/simulator/access"
	"foundrylab/simulator/identity"
)

// sent is a request that is being made.
type sent struct {
	target, body string
	header       http.Header
}

// carriers are the places in which clients send a secret, the right ones and the wrong ones.
var carriers = map[string]func(r *sent, secret string){
	"api-key":             func(r *sent, secret string) { r.header.Set("Api-Key", secret) },
	"x-api-key":           func(r *sent, secret string) { r.header.Set("X-Api-Key", secret) },
	"subscription key":    func(r *sent, secret string) { r.header.Set("Ocp-Apim-Subscription-Key", secret) },
	"bearer":              func(r *sent, secret string) { r.header.Set("Authorization", "Bearer "+secret) },
	"basic":               func(r *sent, secret string) { r.header.Set("Authorization", "Basic "+secret) },
	"no scheme":           func(r *sent, secret string) { r.header.Set("Authorization", secret) },
	"proxy":               func(r *sent, secret string) { r.header.Set("Proxy-Authorization", "Bearer "+secret) },
	"cookie":              func(r *sent, secret string) { r.header.Set("Cookie", "session="+secret) },
	"query":               func(r *sent, secret string) { r.ask("api-key", secret) },
	"query of a token":    func(r *sent, secret string) { r.ask("access_token", secret) },
	"as version":          func(r *sent, secret string) { r.ask("api-version", secret) },
	"body":                func(r *sent, secret string) { r.add(`"api_key":"` + secret + `"`) },
	"body, headers in it": func(r *sent, secret string) { r.add(`"extra_headers":{"Authorization":"Bearer ` + secret + `"}`) },
	"body, cut off":       func(r *sent, secret string) { r.add(`"api_key":"` + secret); r.body = r.body[:len(r.body)-1] },
	"body, as a number": func(r *sent, secret string) {
		r.add(`"max_tokens":"` + secret + `","max_output_tokens":"` + secret + `"`)
	},
	"prompt":    func(r *sent, secret string) { r.body = strings.Replace(r.body, "hello", "my key is "+secret, 1) },
	"bare body": func(r *sent, secret string) { r.body = secret },
	"form": func(r *sent, secret string) {
		r.body = url.Values{"grant_type": {"client_credentials"}, "client_id": {"a"}, "client_secret": {secret}, "scope": {"https://ai.azure.com/.default"}}.Encode()
	},
	"form, an assertion": func(r *sent, secret string) {
		r.body = url.Values{"grant_type": {"client_credentials"}, "client_id": {"a"}, "client_assertion": {secret}, "scope": {"nothing"}}.Encode()
	},
	"form, cut off": func(r *sent, secret string) { r.body = "client_secret=" + secret + "%" },
}

// ask adds a parameter to the query.
func (r *sent) ask(name, value string) {
	sep := "?"
	if strings.Contains(r.target, "?") {
		sep = "&"
	}
	r.target += sep + name + "=" + url.QueryEscape(value)
}

// add adds a member to the body.
func (r *sent) add(member string) { r.body = strings.TrimSuffix(r.body, "}") + "," + member + "}" }

// secretsOf are a secret of each kind, right and wrong ones.
func secretsOf(t *testing.T, issuer *identity.Issuer) map[string]string {
	t.Helper()
	token := func(i *identity.Issuer, lifetime time.Duration) string {
		text, err := i.Token(identity.Grant{OID: ana, Lifetime: lifetime}, time.Unix(0, int64(epoch)))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := token(issuer, time.Hour)
	return map[string]string{"key": "first-key-4fa81c", "second key": "second-key-77d0e2", "wrong key": "wrong-key-a1b2c3", "client secret": "8Q~client-secret",
		"token": good, "expired token": token(issuer, -time.Hour), "token of another tenant": token(identity.New(), time.Hour),
		"cut token": good[:len(good)-9], "no JWT": "eyJsecret.eyJsecret.c2VjcmV0"}
}

// told returns what of a secret is in a text: it, or a part of it.
func told(text, secret string) string {
	parts := []string{secret, url.QueryEscape(secret)}
	if strings.Count(secret, ".") == 2 {
		parts = append(parts, strings.Split(secret, ".")[1:]...) // what a token says, and its signature
	}
	for _, p := range parts {
		if strings.Contains(text, p) {
			return p
		}
	}
	return ""
}

// Wherever a client puts a secret, and whatever becomes of its request: neither the answer, nor the log, nor anything that
// the control plane shows has it.
func TestNoSecretIsTold(t *testing.T) {
	issuer := identity.New()
	secrets := secretsOf(t, issuer)
	deployments := everyModel()
	for i := range deployments {
		deployments[i].Key, deployments[i].Key2 = secrets["key"], secrets["second key"]
	}
	type target struct{ method, path, body string }
	targets := []target{{"POST", "/" + identity.Tenant + "/oauth2/v2.0/token", ""}, {"POST", "/nobody/oauth2/v2.0/token", ""}, {"GET", "/nowhere", ""}}
	for _, way := range ways {
		targets = append(targets, target{way.method, way.target, `{"model":"none","messages":[{"role":"user","content":"hello"}]}`})
	}
	for _, op := range everywhere {
		targets = append(targets, target{"POST", op.path, fmt.Sprintf(op.body, `"hello"`, "")}, target{"POST", op.path, fmt.Sprintf(op.body, `"hello"`, `,"stream":true`)})
	}
	planes := []target{{"GET", "/ledger", ""}, {"GET", "/requests", ""}, {"GET", "/deployments", ""}, {"GET", "/deployments/" + deployments[0].Name, ""},
		{"PATCH", "/deployments/" + deployments[0].Name, `{"tpm":1000000}`}, {"PUT", "/faults/f", `{"outage":{},"for":"1ns"}`}, {"GET", "/faults", ""},
		{"POST", "/regenerateKey", `{"keyName":"Key3"}`}, {"GET", "/metrics", ""}, {"GET", "/openapi.json", ""}, {"GET", "/nowhere", ""}}
	statuses := map[int]int{}
	for name, rules := range map[string]access.Config{"any key": {}, "strict": strict, "nobody": {Strict: true, Principals: []access.Principal{{OID: "bo"}}}} {
		var log bytes.Buffer
		inLab(t, Config{Deployments: deployments, Auth: rules, Issuer: issuer, Logger: zerolog.New(zerolog.SyncWriter(&log))}, func(l *lab) {
			admin := RequireKey("control-key-90ab", l.Admin())
			show := func(at target, r *sent) string {
				request := httptest.NewRequest(at.method, r.target, strings.NewReader(r.body))
				request.Header = r.header
				w := httptest.NewRecorder()
				admin.ServeHTTP(w, request)
				statuses[w.Code]++
				return fmt.Sprint(w.Body, w.Header())
			}
			for kind, secret := range secrets {
				for place, put := range carriers {
					for _, at := range targets {
						r := &sent{at.path, at.body, http.Header{"Anthropic-Version": {"2023-06-01"}, "Content-Type": {"application/x-www-form-urlencoded"}}}
						put(r, secret)
						status, text := l.bring(at.method, r)
						statuses[status]++
						if part := told(text, secret); part != "" {
							l.Errorf("%s: %s as %s: %s %s tells %q: %d %.300s", name, kind, place, at.method, at.path, part, status, text)
						}
					}
					for _, at := range planes {
						r := &sent{at.path, at.body, http.Header{"Api-Key": {"control-key-90ab"}}}
						put(r, secret)
						if text := show(at, r); told(text, secret) != "" || told(text, "control-key-90ab") != "" {
							l.Errorf("%s: %s as %s: the control plane's %s %s tells it: %.300s", name, kind, place, at.method, at.path, text)
						}
					}
				}
				l.ledger() // and waits for the log
				for _, at := range planes {
					if text := show(at, &sent{at.path, at.body, http.Header{"Api-Key": {"control-key-90ab"}}}); told(text, secret) != "" {
						l.Errorf("%s: the control plane's %s %s tells the %s", name, at.method, at.path, kind)
					}
				}
				if part := told(log.String(), secret); part != "" {
					l.Errorf("%s: the log tells the %s: %q", name, kind, part)
				}
			}
			if strings.Count(log.String(), "\n") < len(secrets)*len(carriers)*len(targets) {
				l.Error("the log has less than a line a request")
			}
		})
	}
	for _, status := range []int{200, 400, 401, 404} {
		if statuses[status] < 100 {
			t.Errorf("only %d answers have the status %d: the test shows little", statuses[status], status)
		}
	}
}

// bring sends a request and returns the status, and all of the answer as a text.
func (l *lab) bring(method string, r *sent) (int, string) {
	l.Helper()
	request, err := http.NewRequestWithContext(l.Context(), method, "http://sim"+r.target, strings.NewReader(r.body))
	if err != nil {
		l.Fatal(err)
	}
	request.Header = r.header
	resp, err := l.client.Do(request)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.Fatal(err)
	}
	return resp.StatusCode, fmt.Sprint(resp.Header, string(body))
}
