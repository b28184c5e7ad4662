package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/simulator/access"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/identity"
)

// strict asks for the right key.
var strict = access.Config{Strict: true}

// The bodies that the service answers with, in full: see docs/auth.md for where they were seen.
const (
	keyBody      = `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}`
	tokenBody    = `{"statusCode":401,"message":"Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com), or have expired."}`
	disabledBody = `{"error":{"code":"AuthenticationTypeDisabled","message":"Key based authentication is disabled for this resource."}}`
	firewallBody = `{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}`
	privateBody  = `{"error":{"code":"403","message":"Public access is disabled. Please configure private endpoint."}}`
	regionalBody = `{"error":{"code":"403","message":"A Virtual Network is configured for this resource. Please use the correct endpoint for making requests. Check https://aka.ms/cogsvc-vnet for more details."}}`
	olderBody    = `{"error":{"code":"PermissionDenied","message":"Principal does not have access to API/Operation."}}`
)

// lacks is the body for ana, who may not do it.
func lacks(action, operation, more string) string {
	return "{\"error\":{\"code\":\"PermissionDenied\",\"message\":\"The principal `" + ana + "` lacks the required data action `Microsoft.CognitiveServices/accounts/" + action +
		"` to perform `" + operation + "` operation." + more + "\"}}"
}

const (
	ana      = "11111111-1111-4111-8111-111111111111"
	inTheLab = "; " // between a caller's headers
)

// ways are one request of every route family, with the action and the operation that a denial names; "" where the route
// has no such caller.
var ways = []struct{ family, method, target, action, operation string }{
	{"classic", "POST", "/openai/deployments/chat/chat/completions?api-version=2024-10-21", "OpenAI/deployments/chat/completions/action", "POST /openai/deployments/{deployment-id}/chat/completions"},
	{"classic embeddings", "POST", "/openai/deployments/chat/embeddings?api-version=2024-10-21", "OpenAI/deployments/embeddings/action", "POST /openai/deployments/{deployment-id}/embeddings"},
	{"classic completions", "POST", "/openai/deployments/chat/completions?api-version=2024-10-21", "OpenAI/deployments/completions/action", "POST /openai/deployments/{deployment-id}/completions"},
	{"resource", "POST", "/openai/responses?api-version=2025-04-01-preview", "OpenAI/responses/write", "POST /openai/responses"},
	{"resource models", "GET", "/openai/models?api-version=2024-10-21", "OpenAI/models/read", "GET /openai/models"},
	{"v1", "POST", "/openai/v1/chat/completions", "OpenAI/deployments/chat/completions/action", "POST /openai/v1/chat/completions"},
	{"v1 responses", "POST", "/openai/v1/responses", "OpenAI/responses/write", "POST /openai/v1/responses"},
	{"v1 get", "GET", "/openai/v1/responses/x", "OpenAI/responses/read", "GET /openai/v1/responses/{id}"},
	{"v1 delete", "DELETE", "/openai/v1/responses/x", "OpenAI/responses/delete", "DELETE /openai/v1/responses/{id}"},
	{"v1 cancel", "POST", "/openai/v1/responses/x/cancel", "OpenAI/responses/write", "POST /openai/v1/responses/{id}/cancel"},
	{"v1 items", "GET", "/openai/v1/responses/x/input_items", "OpenAI/responses/read", "GET /openai/v1/responses/{id}/input_items"},
	{"v1 compact", "POST", "/openai/v1/responses/compact", "OpenAI/responses/write", "POST /openai/v1/responses/compact"},
	{"v1 model", "GET", "/openai/v1/models/gpt-4.1", "OpenAI/models/read", "GET /openai/v1/models/{id}"},
	{"project", "POST", "/api/projects/p1/openai/v1/chat/completions", "OpenAI/deployments/chat/completions/action", "POST /api/projects/{project}/openai/v1/chat/completions"},
	{"project models", "GET", "/api/projects/p1/openai/v1/models", "OpenAI/models/read", "GET /api/projects/{project}/openai/v1/models"},
	{"models", "POST", "/models/chat/completions?api-version=2024-05-01-preview", "MaaS/chat/completions/action", "POST /models/chat/completions"},
	{"models info", "GET", "/models/info?api-version=2024-05-01-preview", "MaaS/models/read", "GET /models/info"},
	{"anthropic", "POST", "/anthropic/v1/messages", "MaaS/messages/action", "POST /anthropic/v1/messages"},
	{"anthropic count", "POST", "/anthropic/v1/messages/count_tokens", "MaaS/messages/action", "POST /anthropic/v1/messages/count_tokens"},
	{"plain", "POST", "/v1/chat/completions", "OpenAI/deployments/chat/completions/action", "POST /v1/chat/completions"},
}

// Every caller who is denied, by every rule, in every route family: status, whole body and headers. An admitted one comes
// further than a 401 or 403.
func TestDenials(t *testing.T) {
	issuer := identity.New()
	off := false
	grant := func(g identity.Grant) string {
		token, err := issuer.Token(g, time.Unix(0, int64(epoch)))
		if err != nil {
			t.Fatal(err)
		}
		return "Authorization: Bearer " + token
	}
	hour := identity.Grant{OID: ana, Lifetime: time.Hour}
	good, expired := grant(hour), grant(identity.Grant{OID: ana, Lifetime: -time.Hour})
	elsewhere := grant(identity.Grant{OID: ana, Lifetime: time.Hour, Audience: "https://management.azure.com"})
	foreign, _ := identity.New().Token(hour, time.Unix(0, int64(epoch)))
	reader := grant(identity.Grant{OID: ana, Lifetime: time.Hour, Roles: []string{"Reader"}})
	user := grant(identity.Grant{OID: ana, Lifetime: time.Hour, Roles: []string{"Cognitive Services User"}})
	const key, second, wrong, bearer = "Api-Key: foundrylab-key", "Api-Key: key-two", "Api-Key: wrong", "Authorization: Bearer foundrylab-key"
	with := func(change func(*access.Config)) access.Config {
		rules := strict
		change(&rules)
		return rules
	}
	keysOff := with(func(c *access.Config) { c.LocalAuth = &off })
	net := func(name string) access.Config { return with(func(c *access.Config) { c.Network = name }) }
	people := func(p ...access.Principal) access.Config {
		return with(func(c *access.Config) { c.Principals = p })
	}
	nobody := people(access.Principal{OID: "bo"})
	older := with(func(c *access.Config) { c.Principals, c.Wording = nobody.Principals, "older" })
	const admitted, denied, keyOrFlat, bearerKey = "admitted", "denied", "key or flat", "bearer key"
	for _, tt := range []struct {
		name   string
		rules  access.Config
		header string
		status int
		want   string
	}{
		{"any key", access.Config{}, wrong, 0, admitted},
		{"any bearer", access.Config{}, "Authorization: Bearer whatever", 0, admitted},
		{"any token", access.Config{}, expired, 0, admitted},
		{"nothing, where any will do", access.Config{}, "", 401, keyOrFlat},
		{"the key", strict, key, 0, admitted},
		{"the second key", strict, second, 0, admitted},
		{"a wrong key", strict, wrong, 401, keyOrFlat},
		{"nothing", strict, "", 401, keyOrFlat},
		{"an empty second key is none", strict, "Api-Key: ", 401, keyOrFlat},
		{"the key as bearer", strict, bearer, 401, bearerKey},
		{"a token", strict, good, 0, admitted},
		{"an expired token", strict, expired, 401, tokenBody},
		{"a token for something else", strict, elsewhere, 401, tokenBody},
		{"a token of another tenant", strict, "Authorization: Bearer " + foreign, 401, tokenBody},
		{"a key comes before a token", strict, key + inTheLab + expired, 0, admitted},
		{"a wrong key comes before a token", strict, wrong + inTheLab + good, 401, keyOrFlat},
		{"keys disabled: a key", keysOff, key, 403, disabledBody},
		{"keys disabled: a wrong key", keysOff, wrong, 403, disabledBody},
		{"keys disabled: a token", keysOff, good, 0, admitted},
		{"keys disabled, any will do", access.Config{LocalAuth: &off}, wrong, 403, disabledBody},
		{"firewall", net("firewall"), key, 403, firewallBody},
		{"firewall, a token", net("firewall"), good, 403, firewallBody},
		{"firewall, any will do", access.Config{Network: "firewall"}, wrong, 403, firewallBody},
		{"firewall, after the key", net("firewall"), wrong, 401, keyOrFlat},
		{"private", net("private"), key, 403, privateBody},
		{"regional", net("regional"), key, 403, regionalBody},
		{"nobody may, with a key", nobody, key, 0, admitted},
		{"nobody may", nobody, good, 401, denied},
		{"nobody may, in the older words", older, good, 401, olderBody},
		{"a role in the token", nobody, user, 0, admitted},
		{"a role of the control plane", strict, reader, 401, denied},
		{"a role of the resource", people(access.Principal{OID: ana, Roles: []string{"Azure AI User"}}), good, 0, admitted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := swift("chat")
			d.Key2 = "key-two"
			inLab(t, Config{Deployments: []deployment.Config{d}, Auth: tt.rules, Issuer: issuer}, func(l *lab) {
				for _, way := range ways {
					header := []string{"Anthropic-Version", "2023-06-01"}
					for h := range strings.SplitSeq(tt.header, inTheLab) {
						if name, value, is := strings.Cut(h, ": "); is {
							header = append(header, name, value)
						}
					}
					resp, err := l.do(l.Context(), way.method, way.target, `{"model":"none"}`, header...)
					if err != nil {
						l.Fatal(err)
					}
					body, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					status, want := tt.status, tt.want
					anthropic := strings.HasPrefix(way.family, "anthropic")
					switch want {
					case keyOrFlat:
						want = keyBody
						if anthropic {
							want = tokenBody
						}
					case bearerKey:
						want = tokenBody
						if anthropic || strings.HasPrefix(way.family, "v1") || strings.HasPrefix(way.family, "project") || way.family == "plain" {
							status, want = 0, admitted
						}
					case denied:
						more := ""
						if strings.HasPrefix(way.family, "project") {
							more = " For instructions on granting the necessary permissions, see https://aka.ms/FoundryPermissions."
						}
						want = lacks(way.action, way.operation, more)
					}
					switch {
					case want == admitted && (resp.StatusCode == 401 || resp.StatusCode == 403):
						l.Errorf("%s: %d %s", way.family, resp.StatusCode, body)
					case want != admitted && (resp.StatusCode != status || string(body) != want):
						l.Errorf("%s: %d %s\nwant %d %s", way.family, resp.StatusCode, body, status, want)
					case (want == firewallBody) != (resp.Header.Get("Policy-Id") == "ThrowExceptionDueToTrafficDenied"):
						l.Errorf("%s: policy-id %q", way.family, resp.Header.Get("Policy-Id"))
					case len(resp.Header.Get("Apim-Request-Id")) != 36:
						l.Errorf("%s: no apim-request-id", way.family)
					}
				}
				if n := len(l.ledger()); n != 0 {
					l.Errorf("%d requests came to a deployment", n)
				}
			})
		})
	}
}

// What a principal may do depends on the operation and on the project.
func TestPermissionsByOperationAndProject(t *testing.T) {
	issuer := identity.New()
	token, err := issuer.Token(identity.Grant{OID: ana, Lifetime: time.Hour}, time.Unix(0, int64(epoch)))
	if err != nil {
		t.Fatal(err)
	}
	const actions = "Microsoft.CognitiveServices/accounts/OpenAI/"
	for _, tt := range []struct {
		name             string
		p                access.Principal
		allowed, refused string // families of ways
	}{
		{"reads alone", access.Principal{Roles: []string{actions + "*/read"}}, "v1 model,v1 get,v1 items,resource models,project models", "v1,classic,v1 responses,v1 delete,v1 cancel,v1 compact,anthropic,models"},
		{"chat alone", access.Principal{Roles: []string{actions + "deployments/chat/completions/action"}}, "v1,classic,project,plain", "classic embeddings,classic completions,v1 responses,v1 model,models,anthropic"},
		{"responses but not to delete them", access.Principal{Roles: []string{actions + "responses/read", actions + "responses/write"}}, "v1 responses,v1 get,v1 cancel,v1 compact,resource", "v1 delete,v1,v1 model"},
		{"OpenAI's models", access.Principal{Roles: []string{"Cognitive Services OpenAI User"}}, "v1,v1 delete,classic embeddings", "anthropic,anthropic count,models,models info"},
		{"its project", access.Principal{Roles: []string{"Azure AI User"}, Projects: []string{"p1"}}, "project,project models", "v1,classic,anthropic,plain"},
		{"another project", access.Principal{Roles: []string{"Azure AI User"}, Projects: []string{"p2"}}, "", "project,project models,v1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.p.OID = ana
			rules := access.Config{Strict: true, Principals: []access.Principal{tt.p}}
			inLab(t, Config{Deployments: []deployment.Config{swift("chat")}, Auth: rules, Issuer: issuer}, func(l *lab) {
				for _, way := range ways {
					resp, err := l.do(l.Context(), way.method, way.target, `{"model":"none"}`, "Anthropic-Version", "2023-06-01", "Authorization", "Bearer "+token)
					if err != nil {
						l.Fatal(err)
					}
					body := readAll(l, resp)
					lists := func(families string) bool { return strings.Contains(","+families+",", ","+way.family+",") }
					refused := resp.StatusCode == 401 && strings.Contains(body, "lacks the required data action")
					if lists(tt.allowed) && refused || lists(tt.refused) && !refused {
						l.Errorf("%s: %d %s", way.family, resp.StatusCode, body)
					}
				}
			})
		})
	}
}

// A token stops being valid while it is remembered, and the fault that lets tokens expire answers with the same bytes.
func TestTokenExpires(t *testing.T) {
	issuer := identity.New()
	token, err := issuer.Token(identity.Grant{Lifetime: time.Hour}, time.Unix(0, int64(epoch)))
	if err != nil {
		t.Fatal(err)
	}
	expiry := fault.Config{Name: "x", Backend: "chat", At: ms(10_000), For: ms(10_000), TokenExpiry: &fault.TokenExpiry{}}
	inLab(t, Config{Deployments: []deployment.Config{swift("chat")}, Auth: strict, Issuer: issuer, Faults: []fault.Config{expiry}}, func(l *lab) {
		ask := func() (int, string) {
			resp, err := l.do(l.Context(), "POST", "/openai/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":"a"}],"max_tokens":1}`, "Authorization", "Bearer "+token)
			if err != nil {
				l.Fatal(err)
			}
			return resp.StatusCode, readAll(l, resp)
		}
		for _, tt := range []struct {
			wait   time.Duration
			status int
		}{{0, 200}, {11 * time.Second, 401}, {10 * time.Second, 200}, {time.Hour, 200}, {identity.Skew, 401}} {
			time.Sleep(tt.wait)
			synctest.Wait() // for the edges of the fault
			if status, body := ask(); status != tt.status || status == 401 && body != tokenBody {
				l.Errorf("after %v more: %d %s", tt.wait, status, body)
			}
		}
	})
}

// Faults that answer as the layer in front does answer with its bytes.
func TestFaultsAnswerAsDenials(t *testing.T) {
	for status, want := range map[int]content.Answer{401: content.InvalidKey(), 403: content.FirewallDenied()} {
		if got := statusAnswer(status); string(got.Body) != string(want.Body) {
			t.Errorf("%d: %s", status, got.Body)
		}
	}
	if string(content.InvalidKey().Body) != keyBody || string(content.InvalidToken().Body) != tokenBody {
		t.Error("the bodies of this test are not those of the service")
	}
}

// Asking for a key allocates nothing, whether any will do or the right one must be sent. A token that was seen before is
// copied once, to be hashed.
func TestAuthAllocatesNothing(t *testing.T) {
	issuer := identity.New()
	token, err := issuer.Token(identity.Grant{Lifetime: time.Hour}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		rules         access.Config
		header, value string
		most          float64
	}{
		"any key":       {access.Config{}, "Api-Key", "whatever", 0},
		"the key":       {strict, "Api-Key", "foundrylab-key", 0},
		"key as bearer": {strict, "Authorization", "Bearer foundrylab-key", 0},
		"a token":       {strict, "Authorization", "Bearer " + token, 1},
	} {
		s, err := New(Config{Deployments: []deployment.Config{swift("chat")}, Auth: tt.rules, Issuer: issuer})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := httptest.NewRequest(http.MethodPost, "/openai/v1/chat/completions", nil)
		r.Header.Set(tt.header, tt.value)
		c := &call{srv: s, r: r, w: httptest.NewRecorder(), route: newRoute("chat", "v1", "ChatCompletions_Create", "POST", "/openai/v1/chat/completions")}
		if n := testing.AllocsPerRun(100, func() {
			if !c.admitted() || !c.opens(s.backends[0]) {
				t.Error(name, "is denied")
			}
		}); n > tt.most {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// A key that is regenerated is good at once and the old one is not, the other stays; a reset brings the first ones back.
func TestRegenerateKey(t *testing.T) {
	one, same, other := swift("one"), swift("same"), swift("other")
	one.Key2, same.Key2, other.Key = "key-two", "key-two", "other-key"
	inLab(t, Config{Deployments: []deployment.Config{one, same}, OnFirstUse: 1, Auth: strict}, func(l *lab) {
		opens := func(key string, want bool) {
			l.Helper()
			for _, name := range []string{"one", "same", "appeared"} {
				resp, err := l.do(l.Context(), "POST", "/openai/v1/chat/completions", `{"model":"`+name+`","messages":[{"role":"user","content":"a"}],"max_tokens":1}`, "Api-Key", key)
				if err != nil {
					l.Fatal(err)
				}
				if body := readAll(l, resp); (resp.StatusCode == 200) != want {
					l.Errorf("%s with %s: %d %s", name, key, resp.StatusCode, body)
				}
			}
		}
		admin := func(path, body string) (int, string) {
			w := httptest.NewRecorder()
			l.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
			return w.Code, w.Body.String()
		}
		status, body := admin("/regenerateKey", `{"keyName":"Key1"}`)
		first, _, _ := strings.Cut(strings.TrimPrefix(body, `{"key1":"`), `"`)
		if status != 200 || len(first) != 32 || !strings.HasSuffix(body, `,"key2":"key-two"}`+"\n") {
			l.Fatalf("%d %s", status, body)
		}
		opens(first, true)
		opens("key-two", true)
		opens("foundrylab-key", false)
		if status, body = admin("/regenerateKey?deployment=same", `{"keyName":"Key2"}`); status != 200 || strings.Contains(body, "key-two") || !strings.Contains(body, first) {
			l.Errorf("%d %s", status, body)
		}
		opens(first, true)
		opens("key-two", false)
		l.reset = true
		if status, body = admin("/reset", ""); status != 200 {
			l.Errorf("%d %s", status, body)
		}
		opens("key-two", true)
		opens("foundrylab-key", true)
		opens(first, false)
		for _, tt := range []struct{ path, body, says string }{
			{"/regenerateKey", `{"keyName":"Key3"}`, "Key1"}, {"/regenerateKey", `{}`, "Key1"}, {"/regenerateKey", `[`, "Key1"}, {"/regenerateKey", `{"keyName":"Key1","more":1}`, "Key1"},
			{"/regenerateKey?deployment=none", `{"keyName":"Key1"}`, "none"}, {"/regenerateKey?which=1", `{"keyName":"Key1"}`, "no such parameter"},
		} {
			if status, body := admin(tt.path, tt.body); status != 400 || !strings.Contains(body, tt.says) {
				l.Errorf("%s %s: %d %s", tt.path, tt.body, status, body)
			}
		}
		opens("foundrylab-key", true)
	})
	inLab(t, Config{Deployments: []deployment.Config{one, other}, Auth: strict}, func(l *lab) {
		w := httptest.NewRecorder()
		l.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/regenerateKey", strings.NewReader(`{"keyName":"Key1"}`)))
		if w.Code != 400 || !strings.Contains(w.Body.String(), "?deployment=one") {
			l.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
