package simulator

import (
	"context"
	"fmt"
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
		"TestModelGet", "TestModelList", "TestResponseNewWithOptionalParams"}},
	{"github.com/anthropics/anthropic-sdk-go", "/anthropic", ".", []string{
		"TestMessageNewWithOptionalParams", "TestMessageCountTokensWithOptionalParams"}},
}

// The official Go SDKs' own tests pass against the simulator. Compiling them takes minutes on a slow machine: make soak.
func TestSDKsOwnTests(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("compiles the SDKs' tests, which takes minutes: set FOUNDRYLAB_SOAK=1, or run make soak")
	}
	var all []deployment.Config
	for _, name := range []string{"gpt-6-astra", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "claude-opus-5-5"} {
		d := ofModel(name)
		d.Key = "My API Key"
		if strings.HasPrefix(name, "claude-") {
			d.Key = "my-anthropic-api-key"
		}
		all = append(all, d)
	}
	_, server := live(t, Config{Checks: Lenient, Deployments: all})
	for _, suite := range sdkSuites {
		t.Run(filepath.Base(strings.TrimSuffix(suite.module, "/v3")), func(t *testing.T) {
			dir := copyModule(t, suite.module)
			ctx, stop := context.WithTimeout(t.Context(), 9*time.Minute)
			defer stop()
			args := append([]string{"test", "-v", "-count=1", "-vet=off", "-run", "^(" + strings.Join(suite.tests, "|") + ")$"}, strings.Fields(suite.packages)...)
			cmd := exec.CommandContext(ctx, "go", args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "TEST_API_BASE_URL="+server.URL+suite.path, "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "FOUNDRYLAB_SOAK=")
			out, err := cmd.CombinedOutput()
			if err != nil && missesModules(string(out)) {
				t.Skipf("the module cache lacks what the tests of %s need:\n%s", suite.module, out)
			}
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

// missesModules reports whether go could not run a test because something is not in the module cache.
func missesModules(out string) bool {
	return strings.Contains(out, "module lookup disabled by GOPROXY=off") || strings.Contains(out, "missing go.sum entry")
}

// copyModule copies a module out of the cache, which is read-only, and skips the test where it is not there with its tests.
func copyModule(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	from := strings.TrimSpace(string(out))
	if err != nil || from == "" {
		cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
		if err != nil {
			t.Skipf("go env: %v", err)
		}
		found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(cache)), filepath.FromSlash(module)+"@*"))
		if len(found) == 0 {
			t.Skipf("%s is not in the module cache", module)
		}
		from = found[len(found)-1]
	}
	if tests, _ := filepath.Glob(filepath.Join(from, "*_test.go")); len(tests) == 0 {
		t.Skipf("%s in the module cache has no tests", module)
	}
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}
