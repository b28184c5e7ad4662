package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/identity"
	"foundrylab/gateway/tenancy"
)

// strict is a gateway for a team with rules, one without, and nobody else.
func strict(c *Config) {
	c.Clients = []Client{
		{Name: "team", Key: "k1", Models: []string{"gpt-4.1", "o3*"}, Rules: tenancy.Rules{MaxTokens: &tenancy.Cap{Max: 100, Action: "clamp"}, N: &tenancy.Cap{Max: 1, Action: "reject"},
			BodySize: 200, Tools: "deny", Headers: []string{"X-Cost-Center"}}},
		{Name: "free", Key: "k2"},
	}
}

// What a tenant may not ask never reaches a backend, and each refusal says in a header that it is the gateway's.
func TestRulesOfTenants(t *testing.T) {
	const path = "/openai/deployments/%s/chat/completions?api-version=2024-10-21"
	at := func(name string) string { return fmt.Sprintf(path, name) }
	cost := []string{"Api-Key", "k1", "X-Cost-Center", "7"}
	for _, c := range []struct {
		name, path, body string
		header           []string
		status           int
		reason           string
		passed           string // the body that the backend got
	}{
		{"good", at("gpt-4.1"), `{"max_tokens":5}`, cost, 200, "", `{"max_tokens":5}`},
		{"clamped", at("gpt-4.1"), `{"max_tokens":500,"n":1}`, cost, 200, "", `{"max_tokens":100,"n":1}`},
		{"clamped v1", v1, `{"model":"o3-mini","max_completion_tokens": 500}`, cost, 200, "", `{"model":"dep-a","max_completion_tokens": 100}`},
		{"rejected", at("gpt-4.1"), `{"n":2}`, cost, 400, "not-compliant-n", ""},
		{"tools", v1, `{"model":"o3","tools":[{}]}`, cost, 400, "not-compliant-tools", ""},
		{"no JSON", at("gpt-4.1"), `[]`, cost, 400, "not-compliant-body-not-json", ""},
		{"no header", at("gpt-4.1"), `{}`, []string{"Api-Key", "k1"}, 400, "header-missing", ""},
		{"empty header", at("gpt-4.1"), `{}`, []string{"Api-Key", "k1", "X-Cost-Center", ""}, 400, "header-missing", ""},
		{"too large", at("gpt-4.1"), `{"x":"` + strings.Repeat("x", 200) + `"}`, cost, 413, "body-too-large", ""},
		{"another model", at("gpt-4o"), `{}`, cost, 403, "model-not-allowed", ""},
		{"another model, v1", v1, `{"model":"gpt-4o"}`, cost, 403, "model-not-allowed", ""},
		{"no model", v1, `{}`, cost, 403, "model-not-allowed", ""},
		{"a second model", v1, `{"model":"o3","model":"gpt-4o"}`, cost, 403, "model-not-allowed", ""},
		{"escaped", at("gpt%2D4.1"), `{}`, cost, 200, "", `{}`},
		{"escaped slash", at("gpt-4.1%2F..%2Fgpt-4o"), `{}`, cost, 403, "model-not-allowed", ""},
		{"dots", at(".."), `{}`, cost, 403, "model-not-allowed", ""},
		{"escaped dots", at("%2e%2e"), `{}`, cost, 403, "model-not-allowed", ""},
		{"a parameter of the path", at("gpt-4.1;x=y"), `{}`, cost, 403, "model-not-allowed", ""},
		{"another tenant", at("gpt-4o"), `{"n":2,"tools":[{}]}`, []string{"Api-Key", "k2"}, 200, "", `{"n":2,"tools":[{}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := always(ok)
				lb := newLab(t, []*fake{a}, strict)
				got := lb.post(c.path, c.body, c.header...)
				if got.status != c.status || got.header.Get("X-Gateway-Reason") != c.reason || c.status != 200 && got.code() == "" {
					t.Errorf("%+v", got)
				}
				passed := ""
				if all := a.requests(); len(all) > 0 {
					passed = all[0].body
				}
				if passed != c.passed {
					t.Errorf("the backend got %s, want %s", passed, c.passed)
				}
				if c.status == 413 {
					time.Sleep(time.Second) // net/http lingers on a connection whose body it did not read
				}
			})
		})
	}
}

// Paths that a proxy and its backend might read differently lead nowhere.
func TestPathTricks(t *testing.T) {
	a := always(ok)
	for _, path := range []string{
		"//openai/v1/chat/completions", "/openai//v1/chat/completions", "/openai/v1/chat/completions/", "/openai/v1/./chat/completions", "/openai/v1/x/../chat/completions",
		"/openai/v1/%2e%2e/v1/chat/completions", "/openai/v1/chat%2fcompletions", "/openai/v1/chat/completions;x", "/openai/v1/chat/completions%00", "/openai%2fv1/chat/completions",
		"/OPENAI/v1/chat/completions", "/openai/deployments//chat/completions", "/openai/deployments/a/b/chat/completions", "/openai/deployments/a/../../v1/chat/completions",
		`/openai/v1\chat/completions`, "/openai/v1/chat/completions/../../../healthz", "/metrics", "/",
	} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{a}, nil)
			w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(chat))
			u, err := r.URL.Parse("http://gateway.test" + path)
			if err != nil {
				t.Fatal(err)
			}
			if r.URL = u; strings.Contains(path, "..") || strings.Contains(path, "./") { // Parse would resolve it
				r.URL.Path, r.URL.RawPath = path, ""
			}
			if lb.ServeHTTP(w, r); w.Code != 404 || w.Header().Get("X-Gateway-Reason") != "unknown-route" {
				t.Errorf("%s: %d", path, w.Code)
			}
		})
	}
	if n := len(a.requests()); n != 0 {
		t.Errorf("%d requests reached a backend", n)
	}
}

func TestFrontDoor(t *testing.T) {
	const id = "11111111-2222-3333-4444-555555555555"
	for given, want := range map[string]int{id: 200, "": 403, id + "x": 403, "11111111-2222-3333-4444-555555555556": 403} {
		synctest.Test(t, func(t *testing.T) {
			a := always(ok)
			lb := newLab(t, []*fake{a}, func(c *Config) { c.FrontDoor = id })
			got := lb.post(classic, chat, "X-Azure-FDID", given)
			if got.status != want || want != 200 && (got.header.Get("X-Gateway-Reason") != "front-door" || len(a.requests()) != 0) {
				t.Errorf("%q: %+v", given, got)
			}
			if want == 200 && a.requests()[0].header["X-Azure-Fdid"] != nil {
				t.Error("the id went on to the backend")
			}
			if w := httptest.NewRecorder(); true { // a load balancer asks for health without it
				if lb.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil)); w.Code != 200 {
					t.Errorf("health: %d", w.Code)
				}
			}
		})
	}
}

type noRoad struct{}

func (noRoad) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no route to host")
}

// A token that cannot be verified for now is not the client's fault.
func TestIssuerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) {
			c.Clients = []Client{{Name: "team"}}
			c.Identity.JWT = []identity.Issuer{{Issuer: "https://login.example", Audience: []string{"x"}, Tenant: "team"}}
			c.IdentityOptions.Transport = noRoad{}
		})
		// {"alg":"RS256","kid":"a"} {"iss":"https://login.example"}
		got := lb.post(classic, chat, "Authorization", "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUifQ.AAAA")
		if got.status != 503 || got.header.Get("X-Gateway-Reason") != "issuer-unavailable" || !strings.Contains(lb.log.String(), `"why":"issuer-unavailable"`) {
			t.Errorf("%+v\n%s", got, &lb.log)
		}
	})
}

// Who sends a byte now and then holds a connection for a minute, and no backend at all.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(ok)
		lb := newLab(t, []*fake{a}, nil)
		conn, err := lb.client.Transport.(*http.Transport).DialContext(t.Context(), "tcp", "gateway.test:80")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		began, gaveUp := time.Now(), make(chan bool)
		go func() {
			defer close(gaveUp)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", classic)
			for {
				if _, err := conn.Write([]byte{' '}); err != nil {
					return
				}
				time.Sleep(10 * time.Second)
			}
		}()
		head := make([]byte, 64)
		n, err := io.ReadAtLeast(conn, head, 12)
		if err != nil || !strings.HasPrefix(string(head[:n]), "HTTP/1.1 408") || time.Since(began) != bodyTime || len(a.requests()) != 0 {
			t.Errorf("%q %v after %v", head[:n], err, time.Since(began))
		}
		io.Copy(io.Discard, conn)
		conn.Close()
		<-gaveUp
	})
}

// Letting a request in that has a known credential, and no rule to keep to in its body, costs no memory.
func TestDoorAllocatesNothing(t *testing.T) {
	d, err := openDoor(&Config{Clients: []Client{{Name: "team", Key: "k1", Rules: tenancy.Rules{Headers: []string{"X-Cost-Center"}}}}, FrontDoor: "an-id"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", v1, nil)
	r.Header = http.Header{"Api-Key": {"k1"}, "X-Azure-Fdid": {"an-id"}, "X-Cost-Center": {"7"}}
	if n := testing.AllocsPerRun(100, func() {
		v, problem, _ := d.enter(r)
		if problem == nil {
			problem = v.permit(r)
		}
		if problem == nil {
			_, problem = d.comply(&v, nil)
		}
		if problem != nil {
			t.Fatal(problem.reason)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whichever of its paths a client of the service uses, it is the backend's path with the backend's deployment.
func TestRouteFamilies(t *testing.T) {
	for path, want := range map[string]string{
		"/openai/deployments/x/chat/completions": "/openai/deployments/dep-a/chat/completions", "/openai/deployments/x/completions": "/openai/deployments/dep-a/completions",
		"/openai/deployments/x/embeddings": "/openai/deployments/dep-a/embeddings", "/openai/v1/chat/completions": "", "/openai/v1/responses": "", "/openai/v1/embeddings": "",
		"/openai/responses": "", "/models/chat/completions": "", "/models/embeddings": "", "/anthropic/v1/messages": "",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := always(ok)
			lb := newLab(t, []*fake{a}, func(c *Config) { c.Clients = []Client{{Name: "team", Key: "k"}} })
			got := lb.post(path, chat, "X-Api-Key", "k", "Anthropic-Version", "2023-06-01")
			if want == "" {
				want = path
			}
			if got.status != 200 || len(a.requests()) != 1 || a.requests()[0].path != want || a.requests()[0].header.Get("Anthropic-Version") == "" ||
				want == path && !strings.Contains(a.requests()[0].body, `"model":"dep-a"`) {
				t.Errorf("%s: %d, %+v", path, got.status, a.requests())
			}
		})
	}
}
