package simulator

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// names are those of the deployments of a Server, with their models.
func names(s *Server) (all []string) {
	for _, b := range s.deployments() {
		all = append(all, b.cfg.Name+" "+b.engine)
	}
	return all
}

// status sends a request with a key and returns the status of its answer.
func (l *lab) status(target, body, key string) int {
	l.Helper()
	resp, err := l.do(l.Context(), http.MethodPost, target, body, "Api-Key", key)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// A name that is not deployed appears at its first use, with the model that it tells of or that the operation needs.
func TestAppears(t *testing.T) {
	const hello, input = `"messages":[{"role":"user","content":"Hello"}],"max_tokens":2}`, `"input":"Hello"}`
	first := standard("first")
	first.Key, first.Region = "k", "Sweden Central"
	for _, tt := range []struct {
		name, target, body, key string
		status                  int
		appears                 string // "": nothing does
	}{
		{"a model's name", "/openai/v1/chat/completions", `{"model":"gpt-4o-mini",` + hello, "k", 200, "gpt-4o-mini gpt-4o-mini-2024-07-18"},
		{"in the path", "/openai/deployments/eu-gpt-4o/chat/completions?api-version=2024-10-21", `{` + hello, "k", 200, "eu-gpt-4o gpt-4o-2024-11-20"},
		{"any name", "/v1/chat/completions", `{"model":"chat",` + hello, "k", 200, "chat gpt-4.1-2025-04-14"},
		{"for embeddings", "/openai/v1/embeddings", `{"model":"chat",` + input, "k", 200, "chat text-embedding-3-small-1"},
		{"for completions", "/openai/v1/completions", `{"model":"chat","prompt":"Hello","max_tokens":2}`, "k", 200, "chat gpt-35-turbo-instruct-0914"},
		{"for responses", "/openai/v1/responses", `{"model":"chat",` + input, "k", 200, "chat gpt-4.1-2025-04-14"},
		{"for counting", "/anthropic/v1/messages/count_tokens", `{"model":"chat",` + hello, "k", 400, ""}, // the version's header is missing
		{"behind a fault", "/openai/v1/chat/completions", `{"model":"gpt-4o!status=503",` + hello, "k", 503, "gpt-4o gpt-4o-2024-11-20"},
		{"what the model cannot do", "/openai/v1/embeddings", `{"model":"gpt-4o",` + input, "k", 400, "gpt-4o gpt-4o-2024-11-20"},
		{"a model that is there", "/openai/v1/chat/completions", `{"model":"gpt-4.1",` + hello, "k", 200, ""},
		{"a wrong key", "/openai/v1/chat/completions", `{"model":"gpt-4o",` + hello, "wrong", 401, ""},
		{"no name", "/openai/v1/chat/completions", `{"model":"../gpt-4o",` + hello, "k", 404, ""},
		{"a long name", "/openai/v1/chat/completions", `{"model":"` + strings.Repeat("x", 65) + `",` + hello, "k", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inLab(t, Config{Auth: strict, Deployments: []deployment.Config{first}, OnFirstUse: 1}, func(l *lab) {
				if got := l.status(tt.target, tt.body, tt.key); got != tt.status {
					t.Errorf("%d, want %d", got, tt.status)
				}
				want := []string{"first gpt-4.1-2025-04-14"}
				if tt.appears != "" {
					want = append(want, tt.appears)
				}
				if got := names(l.Server); !slices.Equal(got, want) {
					t.Errorf("there are %q, want %q", got, want)
				}
				for _, b := range l.deployments() {
					if b.cfg.Region != first.Region || b.cfg.Key != first.Key {
						t.Errorf("%s is elsewhere: %s %s", b.cfg.Name, b.cfg.Region, b.cfg.Key)
					}
				}
			})
		})
	}
}

// As many appear as may, and the next one gets the service's 404; without leave none does.
func TestAppearingIsBounded(t *testing.T) {
	for _, most := range []int{0, 3} {
		inLab(t, Config{Deployments: []deployment.Config{standard("first")}, OnFirstUse: most}, func(l *lab) {
			for i := range 5 {
				for range 2 {
					want := http.StatusOK
					if i >= most {
						want = http.StatusNotFound
					}
					if resp, body := l.post(fmt.Sprint("d", i), marked(uint64(i), 1, "")); resp.StatusCode != want {
						t.Errorf("at most %d: d%d got %d %s", most, i, resp.StatusCode, body)
					}
				}
			}
			if n := len(l.deployments()); n != 1+most {
				t.Errorf("%d deployments", n)
			}
		})
	}
	if _, err := New(Config{Deployments: []deployment.Config{standard("a")}, OnFirstUse: -1}); err == nil || !strings.Contains(err.Error(), "on_first_use") {
		t.Errorf("-1: %v", err)
	}
}

// What has appeared is as what was there: in the control plane, in the list of models, under faults and resets.
func TestAppearedIsDeployed(t *testing.T) {
	cfg := Config{Deployments: []deployment.Config{standard("first")}, OnFirstUse: 5, Faults: []fault.Config{
		{Name: "later", Region: "East US 2", At: ms(60_000), For: ms(1_000), Status: &fault.Status{Code: 500}}}}
	inLab(t, cfg, func(l *lab) {
		l.reset = true
		if w := ask(l.Server, "PUT", "/faults/now", `{"region":"East US 2","for":"10s","status":{"code":502}}`); w.Code != 201 {
			t.Fatalf("%s", w.Body)
		}
		status := func(name string, want int) {
			t.Helper()
			if resp, body := l.post(name, marked(1, 1, "")); resp.StatusCode != want {
				t.Errorf("%s: %d %s", name, resp.StatusCode, body)
			}
		}
		status("gpt-4o", 502)
		if w := ask(l.Server, "DELETE", "/faults/now", ""); w.Code != 204 && w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		status("gpt-4o", 200)
		if w := ask(l.Server, "PATCH", "/deployments/gpt-4o", `{"tpm":1,"rpm":1}`); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		status("gpt-4o", 429)
		if w := ask(l.Server, "POST", "/reset", ""); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		status("gpt-4o", 200)
		resp, err := l.do(l.Context(), "GET", "/openai/v1/models", "", "Api-Key", "foundrylab-key")
		if err != nil {
			t.Fatal(err)
		}
		if all := readAll(l, resp); !strings.Contains(all, "gpt-4o-2024-11-20") {
			t.Errorf("%s", all)
		}
		if w := ask(l.Server, "GET", "/metrics", ""); !strings.Contains(w.Body.String(), `deployment="gpt-4o"`) {
			t.Error("metrics do not know it")
		}
	})
}

// Those who come first at once find the same deployment.
func TestAppearsOnce(t *testing.T) {
	s, err := New(Config{Deployments: []deployment.Config{swift("first")}, OnFirstUse: 10})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var found [50]*backend
	for i := range found {
		all.Go(func() { found[i] = s.use(fmt.Sprint("d", i%2), 1) })
	}
	all.Wait()
	for i, b := range found {
		if b == nil || b != found[i%2] {
			t.Fatalf("%d: %p, not %p", i, b, found[i%2])
		}
	}
	s.Close()
	if b := s.use("late", 1); b != nil {
		t.Error("one has appeared after Close")
	}
}

// The resource that was told nothing has the common models, with the versions that they have.
func TestDefaultHasCommonModels(t *testing.T) {
	s, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := names(s); len(got) < 15 || !slices.Contains(got, "text-embedding-3-large text-embedding-3-large-1") || !slices.Contains(got, "gpt-5-mini gpt-5-mini-2025-08-07") {
		t.Errorf("%q", got)
	}
}
