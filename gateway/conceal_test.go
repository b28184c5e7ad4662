package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"foundrylab/gateway/identity"
)

func TestPublicQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"": "", "api-version=2024-10-21": "api-version=2024-10-21", "a=1&api-key=s&b=2": "a=1&b=2", "api-key=s": "", "API-Key=s&a=%zz": "a=%zz",
		"api%2Dkey=s&a=1": "a=1", "x=api-key": "x=api-key", "subscription-key=s&access_token=s": "", "a=1&&b": "a=1&&b", "key=1": "key=1", "api-keys=1": "api-keys=1",
	} {
		if got := publicQuery(raw); got != want {
			t.Errorf("%s became %s, want %s", raw, got, want)
		}
	}
}

// FuzzPublicQuery: whatever a server makes of a query, no credential is left in it, and nothing else is lost.
func FuzzPublicQuery(f *testing.F) {
	f.Add("api-version=1&api-key=s")
	f.Add("%61pi-key=s&a=%zz&;=&")
	f.Fuzz(func(t *testing.T, raw string) {
		before, _ := url.ParseQuery(raw)
		after, _ := url.ParseQuery(publicQuery(raw))
		for name := range before {
			if isKey := isKeyParameter(url.QueryEscape(name)); isKey == after.Has(name) {
				t.Errorf("%q became %q: %s", raw, publicQuery(raw), name)
			}
		}
	})
}

// oneToken is a Credential.
type oneToken struct {
	text string
	err  error
}

func (c oneToken) Token(context.Context) (string, error) { return c.text, c.err }

// Secrets of both sides, planted wherever there is place, stay on their side, and out of the log. The backends repeat all
// that they get: as the service's first cousin does with a key that it refuses.
func TestSecretsStayOnTheirSide(t *testing.T) {
	const (
		clientKey, wrongKey = "client-secret-of-the-team", "client-secret-that-is-wrong"
		backendKey          = "backend-secret-key"
		backendToken        = "backend-secret-token"
	)
	repeat := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for name, values := range r.Header {
				w.Header()["X-You-Said-"+name] = values
				if status == 200 { // of a good answer the gateway knows where credentials stand
					delete(w.Header(), "X-You-Said-"+name)
					w.Header()[name] = values
				}
			}
			w.Header().Set("Set-Cookie", "session="+backendKey)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			if status != 200 {
				io.WriteString(w, `{"error":{"code":"401","message":"Incorrect API key provided: `+r.Header.Get("Api-Key")+r.Header.Get("Authorization")+`"}}`)
			}
		}
	}
	for _, c := range []struct {
		name   string
		status int
		change func(*Backend)
	}{
		{"key, good", 200, func(*Backend) {}}, {"key, refused", 401, func(*Backend) {}}, {"key, throttled", 429, func(*Backend) {}},
		{"token, good", 200, func(b *Backend) { b.Key, b.Credential = "", oneToken{text: backendToken} }},
		{"token, refused", 401, func(b *Backend) { b.Key, b.Credential = "", oneToken{text: backendToken} }},
		{"no token", 200, func(b *Backend) { b.Key, b.Credential = "", oneToken{err: errors.New("AADSTS7000215")} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := always(repeat(c.status))
				tracer, traces := traced("always_on")
				lb := newLab(t, []*fake{a}, func(cfg *Config) {
					traces(cfg)
					cfg.Clients = []Client{{Name: "team", Key: clientKey}}
					cfg.Backends[0].Key = backendKey
					c.change(&cfg.Backends[0])
				})
				for _, header := range [][]string{{"Api-Key", clientKey}, {"X-Api-Key", clientKey}, {"Authorization", "Bearer " + clientKey},
					{"Api-Key", clientKey, "Authorization", "Bearer " + clientKey, "X-Api-Key", clientKey, "Ocp-Apim-Subscription-Key", clientKey, "Cookie", "k=" + clientKey, "Proxy-Authorization", clientKey},
					{"Api-Key", wrongKey}, {"Authorization", "Bearer eyJ" + wrongKey + ".eyJ.x"}} {
					header = append(header, "Tracestate", "k="+clientKey, "Baggage", "k=secret-content", "Traceparent", clientKey)
					got := lb.post(classic+"&api-key="+clientKey, strings.Replace(chat, "gpt-4.1", "a secret of the content", 1), header...)
					text := got.body
					for name, values := range got.header {
						text += name + strings.Join(values, ",")
					}
					if strings.Contains(text, "backend-secret") || strings.Contains(text, "client-secret") {
						t.Errorf("%v: the client got\n%s", header, text)
					}
				}
				for _, r := range a.requests() {
					text := r.path + r.query + r.body
					for name, values := range r.header {
						text += name + strings.Join(values, ",")
					}
					if strings.Contains(text, "client-secret") || !strings.Contains(text, "backend-secret") {
						t.Errorf("the backend got\n%s", text)
					}
				}
				if n := len(a.requests()); (n == 0) != (c.name == "no token") {
					t.Errorf("%d requests reached the backend", n)
				}
				synctest.Wait()
				if spans := told(tracer.Take()); strings.Contains(spans, "secret") || strings.Count(spans, " below ") < 6 {
					t.Errorf("the spans are\n%s", spans)
				}
				if metrics := textOf(t, lb.Gateway); strings.Contains(metrics, "secret") || !strings.Contains(metrics, `tenant="team"`) {
					t.Errorf("the metrics are\n%s", metrics)
				}
				if log := lb.log.String(); strings.Contains(log, "secret") || !strings.Contains(log, identity.KeyOf("", clientKey).ID) {
					t.Errorf("the log is\n%s", log)
				}
			})
		})
	}
}
