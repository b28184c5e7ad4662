package gateway

import (
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

// A route that is found without a search is the one that a search finds, whatever a path looks like; and the usual ones are.
func TestPostsAreRoutes(t *testing.T) {
	gw, err := New(Config{Core: Policy([]string{"a"}), Backends: []Backend{{Name: "a", URL: "http://a.test"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	parts := []string{"", "/", "openai", "deployments", "gpt-4.1", "chat", "completions", "embeddings", "v1", "responses", "models", "anthropic", "messages", "..", "%2F", "a%20b", "compact", "input_tokens", "healthz"}
	var paths []string
	for _, rt := range routes() {
		path := strings.NewReplacer("{deployment}", "d", "{id}", "resp_1").Replace(rt.path)
		paths = append(paths, path, path+"/", "/"+path, strings.TrimPrefix(path, "/openai"), strings.TrimPrefix(path, "/openai/deployments/d"), strings.Replace(path, "/d/", "//", 1), strings.Replace(path, "/d/", "/a%2Fb/", 1))
	}
	dice := rand.New(rand.NewSource(3))
	for range 20_000 {
		path := ""
		for range dice.Intn(7) {
			path += "/" + parts[dice.Intn(len(parts))]
		}
		paths = append(paths, "/"+strings.TrimPrefix(path, "/"))
	}
	found := map[string]bool{}
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			r := httptest.NewRequest(method, "http://gateway.test/", nil)
			if r.URL, err = r.URL.Parse("http://gateway.test" + path); err != nil {
				continue
			}
			route := gw.posts.route(r)
			if route == nil {
				continue
			}
			var match mux.RouteMatch
			if !gw.handler.Match(r, &match) || match.Route != route {
				t.Errorf("%s %s is taken for %s", method, path, route.GetName())
			}
			found[route.GetName()] = true
		}
	}
	for _, rt := range routes() {
		if rt.op.Method == http.MethodPost && !strings.Contains(rt.path, "{id}") && !found[rt.name] {
			t.Errorf("%s needs a search", rt.name)
		}
	}
}
