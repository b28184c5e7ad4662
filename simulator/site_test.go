package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/lease"
)

// twoResources are of the same deployments, in two regions.
const twoResources = `version: 1
resources:
  - {name: Contoso-SWE, region: Sweden Central, key: swe, auth: {strict: true}, deployments: [{name: chat, model: gpt-4.1, sku: GlobalStandard, tpm: 10k, rpm: 6}]}
  - {name: contoso-fra, region: France Central, key: fra, auth: {strict: true}, deployments: [{name: chat, model: gpt-4.1, sku: GlobalStandard, tpm: 10k, rpm: 6}]}
  - {name: plain}
`

// newSite serves the resources of a text; all of them at once.
func newSite(t *testing.T, text string) *Site {
	t.Helper()
	all, err := ReadResources("resources.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	site, end, err := NewResources(all, func(_ *ResourceConfig, cfg *Config) {
		for i := range cfg.Deployments {
			cfg.Deployments[i].Latency = swift("").Latency
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return site
}

// visit sends a request to a site.
func visit(site http.Handler, method, host, path, key, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+host+path, strings.NewReader(body))
	r.Header.Set("Api-Key", key)
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

const askChat = `{"model":"chat","messages":[{"role":"user","content":"Hello"}],"max_tokens":2}`

// A request goes to the resource that its host names, else to that of its path, else to the first.
func TestSiteRoutes(t *testing.T) {
	site := newSite(t, strings.ReplaceAll(twoResources, "tpm: 10k, rpm: 6", "tpm: 10M"))
	const v1 = "/openai/v1/chat/completions"
	for _, tt := range []struct {
		host, path, key string
		status          int
		region          string
	}{
		{"contoso-swe.openai.azure.com", v1, "swe", 200, "Sweden Central"},
		{"contoso-fra.services.ai.azure.com", v1, "fra", 200, "France Central"},
		{"CONTOSO-fra.cognitiveservices.azure.com:8443", v1, "fra", 200, "France Central"},
		{"contoso-fra.localhost:8080", v1, "fra", 200, "France Central"},
		{"127.0.0.1:8080", v1, "swe", 200, "Sweden Central"},
		{"[::1]:8080", v1, "swe", 200, "Sweden Central"},
		{"127.0.0.1:8080", "/resources/contoso-fra" + v1, "fra", 200, "France Central"},
		{"127.0.0.1:8080", "/resources/Contoso-FRA" + v1, "fra", 200, "France Central"},
		{"127.0.0.1:8080", "/resources/contoso-fra/openai/deployments/chat/chat/completions?api-version=2024-10-21", "fra", 200, "France Central"},
		{"contoso-swe.openai.azure.com", v1, "fra", 401, ""},
		{"contoso-fra.openai.azure.com", v1, "swe", 401, ""},
		{"nobody.openai.azure.com", v1, "swe", 404, ""},
		{"127.0.0.1", "/resources/nobody" + v1, "swe", 404, ""},
		{"127.0.0.1", "/resources/", "swe", 404, ""},
		{"contoso-fra.openai.azure.com", "/resources/contoso-swe" + v1, "swe", 404, ""}, // a host has one resource
		{"plain.openai.azure.com", v1, "foundrylab-key", 200, "East US 2"},              // and what is asked for appears
	} {
		w := visit(site, http.MethodPost, tt.host, tt.path, tt.key, askChat)
		if w.Code != tt.status || w.Header().Get("X-Ms-Region") != tt.region {
			t.Errorf("%s%s with %s: %d in %q, want %d in %q\n%s", tt.host, tt.path, tt.key, w.Code, w.Header().Get("X-Ms-Region"), tt.status, tt.region, w.Body)
		}
	}
}

// Limits, stored responses and ledgers of resources are apart, though their deployments have one name.
func TestSiteKeepsApart(t *testing.T) {
	site := newSite(t, twoResources)
	at := func(resource, key, method, path, body string) *httptest.ResponseRecorder {
		return visit(site, method, resource+".openai.azure.com", path, key, body)
	}
	if w := at("contoso-swe", "swe", "POST", "/openai/v1/responses", `{"model":"chat","input":"Hello","max_output_tokens":20}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	} else {
		var made struct{ ID string }
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil {
			t.Fatal(err)
		}
		if w := at("contoso-swe", "swe", "GET", "/openai/v1/responses/"+made.ID, ""); w.Code != 200 {
			t.Errorf("where it was made: %d", w.Code)
		}
		if w := at("contoso-fra", "fra", "GET", "/openai/v1/responses/"+made.ID, ""); w.Code != 404 {
			t.Errorf("elsewhere: %d", w.Code)
		}
	}
	if w := at("contoso-swe", "swe", "POST", "/openai/v1/chat/completions", askChat); w.Code != 429 {
		t.Errorf("its limit is not reached: %d", w.Code)
	}
	if w := at("contoso-fra", "fra", "POST", "/openai/v1/chat/completions", askChat); w.Code != 200 {
		t.Errorf("the other one has its own limit: %d %s", w.Code, w.Body)
	}
	fra := entries(t, visit(site.Admin(), "GET", "admin", "/resources/contoso-fra/ledger", "", ""))
	if swe := entries(t, visit(site.Admin(), "GET", "admin", "/resources/contoso-swe/ledger", "", "")); len(fra) != 1 || len(swe) != 2 {
		t.Errorf("%d and %d entries", len(fra), len(swe))
	}
}

// The Azure client of openai-go finds a resource by its path.
func TestSiteAzureClient(t *testing.T) {
	server := httptest.NewServer(newSite(t, strings.ReplaceAll(twoResources, "tpm: 10k, rpm: 6", "tpm: 10M")))
	defer server.Close()
	var last *http.Response
	client := openai.NewClient(azure.WithEndpoint(server.URL+"/resources/contoso-fra", "2024-10-21"), azure.WithAPIKey("fra"), azure.WithUnsafeAllowHTTP(),
		option.WithMaxRetries(0), option.WithResponseInto(&last))
	_, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "chat", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}})
	if err != nil || last.Header.Get("X-Ms-Region") != "France Central" {
		t.Errorf("%v", err)
	}
}

func TestSiteAdmin(t *testing.T) {
	admin := newSite(t, twoResources).Admin()
	w := visit(admin, "GET", "admin", "/resources", "", "")
	var list []shownResource
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 3 || list[0].Name != "Contoso-SWE" || !slices.Equal(list[1].Deployments, []string{"chat"}) ||
		!slices.Contains(list[1].Hosts, "contoso-fra.services.ai.azure.com") {
		t.Errorf("%v %s", err, w.Body)
	}
	if w := visit(admin, "PATCH", "admin", "/resources/contoso-fra/deployments/chat", "", `{"tpm":1}`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/ledger", "/resources/nobody/ledger"} {
		if w := visit(admin, "GET", "admin", path, "", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "resource") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// All mistakes of a file are told at once, with their places.
func TestResourcesMistakes(t *testing.T) {
	_, err := ReadResources("r.yaml", []byte(`version: 1
resources:
  - {name: a, listen: nowhere, deployments: [{name: c, model: gpt-4.1, sku: GlobalStandard, tpm: 1k, resource: b}, {name: c, model: gpt-4.1, sku: GlobalStandard, tpm: 1k, listen: "127.0.0.1:1"}]}
  - {name: "no.name", faults: [{name: f, backend: nothing, at: 0s, for: 1s, outage: {}}]}
  - {region: West US, colour: red}
`))
	if err == nil {
		t.Fatal("nothing is wrong with it")
	}
	for _, want := range []string{
		`resources[0].listen: "nowhere" is no address`, `resources[0].deployments[0].resource: is the resource`, `resources[0].deployments[1].listen: deployments have`,
		`resources[0].deployments[1].name: "c" is taken`, `resources[1].name: "no.name" is no name`,
		`resources[1].faults[0].backend: there is no deployment "nothing"`, `resources[2].name`, `resources[2].colour`, "r.yaml:3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	if _, err := ReadResources("r.yaml", []byte("version: 1\nresources: [{name: a}, {name: A}]\n")); err == nil || !strings.Contains(err.Error(), `resources[1].name: "A" is taken by resources[0]`) {
		t.Errorf("%v", err)
	}
	many := "version: 1\nresources:\n" + strings.Repeat("  - {name: x}\n", maxResources+1)
	if _, err := ReadResources("r.yaml", []byte(many)); err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("%v", err)
	}
}

func TestNewSiteMistakes(t *testing.T) {
	s, err := New(Config{Deployments: []deployment.Config{swift("a")}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct {
		all  []Resource
		want string
	}{
		{nil, "at least"},
		{[]Resource{{"a", s}, {"A", s}}, `resources[1].name: "A" is taken`},
		{[]Resource{{"-a", s}}, "is no name"},
		{[]Resource{{"", s}}, "is no name"},
		{[]Resource{{strings.Repeat("a", 65), s}}, "is no name"},
	} {
		if _, err := NewSite(tt.all...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.all, err)
		}
	}
}

// The region that a deployment has unless it names one is the format's.
func TestDefaultRegion(t *testing.T) {
	like, err := exemplar()
	if err != nil || like.Deployments[0].Region != defaultRegion {
		t.Errorf("%v %q", err, like.Deployments[0].Region)
	}
}

func FuzzResourceOf(f *testing.F) {
	f.Add("a.openai.azure.com:443")
	f.Fuzz(func(t *testing.T, host string) {
		if name, named := resourceOf(host); named && strings.Contains(name, ":") {
			t.Errorf("%q names %q", host, name)
		}
	})
}

// Names of deployments are apart in a shared state too.
func TestSharingInAResource(t *testing.T) {
	if s := (Sharing{}).In("a"); s.State != nil {
		t.Error("a state out of nothing")
	}
	var asked []string
	s := Sharing{State: stateFunc(func(name string) { asked = append(asked, name) })}.In("a")
	s.State.Exchange(t.Context(), "chat", nil)
	if !slices.Equal(asked, []string{"a/chat"}) {
		t.Errorf("%q", asked)
	}
}

// stateFunc is a State that only listens.
type stateFunc func(deployment string)

func (f stateFunc) Exchange(_ context.Context, deployment string, _ *lease.Call) (lease.Reply, error) {
	f(deployment)
	return lease.Reply{}, nil
}
