package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"foundrylab/simulator/deployment"
)

// sdkSuites are the official SDKs' own tests of what the simulator offers. They send every parameter there is, with
// values that no service would take, and expect an answer: so they run against the lenient profile.
var sdkSuites = []struct {
	module, path string // of the base URL
	packages     string
	tests        []string
}{
	{"github.com/openai/openai-go/v3", "/v1", ". ./responses", []string{
		"TestChatCompletionNewWithOptionalParams", "TestCompletionNewWithOptionalParams", "TestEmbeddingNewWithOptionalParams",
		"TestModelGet", "TestModelList", "TestUsage", "TestResponseNewWithOptionalParams", "TestResponseGetWithOptionalParams", "TestResponseDelete",
		"TestResponseCancel", "TestResponseCompactWithOptionalParams", "TestInputItemListWithOptionalParams", "TestInputTokenCountWithOptionalParams"}},
	{"github.com/anthropics/anthropic-sdk-go", "/anthropic", ".", []string{
		"TestMessageNewWithOptionalParams", "TestMessageCountTokensWithOptionalParams", "TestUsage"}},
}

// The official Go SDKs' own tests pass against the simulator. Compiling them takes minutes on a slow machine, and modules that
// only they need come from the module proxy: make soak, make sdk.
func TestSDKsOwnTests(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" && os.Getenv("FOUNDRYLAB_SDK") == "" {
		t.Skip("compiles the SDKs' tests, which takes minutes: set FOUNDRYLAB_SOAK=1 or FOUNDRYLAB_SDK=1, or run make soak or make sdk")
	}
	var all []deployment.Config
	for _, name := range []string{"gpt-6-astra", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "gpt-4o", "claude-opus-5-5", "claude-sonnet-5-5"} {
		d := ofModel(name)
		d.Key = "My API Key"
		if strings.HasPrefix(name, "claude-") {
			d.Key = "my-anthropic-api-key"
		}
		all = append(all, d)
	}
	placeholder := all[0]
	placeholder.Name = "model" // what one of the tests asks for
	all = append(all, placeholder)
	s, _ := live(t, Config{Checks: Lenient, Deployments: all})
	server := httptest.NewServer(withStored(t, s))
	defer server.Close()
	for _, suite := range sdkSuites {
		t.Run(filepath.Base(strings.TrimSuffix(suite.module, "/v3")), func(t *testing.T) {
			dir := copyModule(t, suite.module)
			goes(t, dir, append([]string{"list", "-deps", "-test"}, strings.Fields(suite.packages)...)...)
			// Without -trimpath all would be compiled anew in each folder.
			args := append([]string{"test", "-trimpath", "-v", "-count=1", "-vet=off", "-run", "^(" + strings.Join(suite.tests, "|") + ")$"}, strings.Fields(suite.packages)...)
			cmd := ownGo(t, dir, args...)
			cmd.Env = append(cmd.Env, "TEST_API_BASE_URL="+server.URL+suite.path)
			out, err := cmd.CombinedOutput()
			for _, name := range suite.tests {
				if !strings.Contains(string(out), fmt.Sprintf("--- PASS: %s (", name)) {
					t.Errorf("%s has not passed", name)
				}
			}
			if err != nil || t.Failed() {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// withStored has the responses that OpenAI's tests only pretend to have: what they name is one that was made for the request,
// in the background, as it must be to be cancelled.
func withStored(t *testing.T, s *Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, name := range []string{"resp_677efb5139a88190b512bc3fef8e535d", "response_id", "resp_123"} {
			if !strings.Contains(r.URL.Path, "/"+name) && !bytes.Contains(body, []byte(`"previous_response_id":"`+name+`"`)) {
				continue
			}
			ask := httptest.NewRequestWithContext(r.Context(), "POST", "/v1/responses", strings.NewReader(`{"model":"gpt-6-astra","input":"Hello","background":true}`))
			ask.Header = r.Header.Clone()
			made := httptest.NewRecorder()
			s.ServeHTTP(made, ask)
			var stored struct{ ID string }
			if err := json.Unmarshal(made.Body.Bytes(), &stored); err != nil || stored.ID == "" {
				t.Errorf("%v: %s", err, made.Body)
			}
			r.URL.Path = strings.Replace(r.URL.Path, name, stored.ID, 1)
			body = bytes.Replace(body, []byte(name), []byte(stored.ID), 1)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		s.ServeHTTP(w, r)
	})
}

// ownGo is a go command for the copy of a module, which may complete its go.sum.
func ownGo(t *testing.T, dir string, args ...string) *exec.Cmd {
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Minute)
	t.Cleanup(stop)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "FOUNDRYLAB_SOAK=", "FOUNDRYLAB_SDK=")
	return cmd
}

// goes is what a go command says that gets modules. Where there is no way to them the test is skipped, but not when it was
// asked for by name.
func goes(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := ownGo(t, dir, args...)
	var diagnostics strings.Builder
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	switch {
	case err != nil && os.Getenv("FOUNDRYLAB_SDK") != "":
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, &diagnostics)
	case err != nil:
		t.Skipf("go %s: %v\n%s", strings.Join(args, " "), err, &diagnostics)
	}
	return out
}

// copyModule copies a module, in the version of go.mod, out of the cache, which is read-only.
func copyModule(t *testing.T, module string) string {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Path}}@{{.Version}}", module).Output()
	if err != nil {
		t.Fatalf("%s: %v", module, err)
	}
	var cached struct{ Dir string }
	to := t.TempDir()
	if err := json.Unmarshal(goes(t, to, "mod", "download", "-json", strings.TrimSpace(string(version))), &cached); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(cached.Dir)); err != nil {
		t.Fatal(err)
	}
	return to
}
