package cli

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/unit"
	"foundrylab/simulator"
	"foundrylab/simulator/latency"
)

// swiftDefault is the ready-made resource with no time to wait for.
func swiftDefault(t *testing.T) *httptest.Server {
	t.Helper()
	cfg := simulator.Default()
	for i := range cfg.Deployments {
		const ms = unit.Duration(time.Millisecond)
		cfg.Deployments[i].Latency = latency.Config{TTFT: &latency.Quantiles{P50: ms, P95: ms}, TokensPerS: 100_000}
	}
	sim, err := simulator.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.Close()
		sim.Close()
	})
	return server
}

// snippetModules says which modules of Python or Node a snippet imports.
var snippetModules = map[string]string{"anthropic-python": "anthropic", "anthropic-node": "@anthropic-ai/sdk", "langchain": "langchain_openai", "semantic-kernel": "semantic_kernel"}

// TestSnippets runs every snippet that can be run here: those of the shell where there is curl, those of Python and Node
// where their SDKs are installed (of Node in NODE_PATH). Those of Go are TestSnippetsInGo's; C# is run nowhere.
func TestSnippets(t *testing.T) {
	server := swiftDefault(t)
	p := place{server.URL, defaultKey, "my-gpt-4o"}
	for _, s := range snippets {
		t.Run(s.name, func(t *testing.T) {
			dir, module := t.TempDir(), snippetModules[s.name]
			if module == "" {
				module = "openai"
			}
			file := filepath.Join(dir, s.file)
			docsWrite(t, file, s.text(p))
			command := []string{"sh", file}
			switch filepath.Ext(s.file) {
			case ".txt", ".cs":
				t.Skip("Go is for TestSnippetsInGo, and C# is run nowhere")
			case ".sh":
				needsProgram(t, "curl")
			case ".py":
				needsProgram(t, "python3")
				if exec.CommandContext(t.Context(), "python3", "-c", "import "+module).Run() != nil {
					t.Skipf("python3 has no module %s", module)
				}
				command = []string{"python3", file}
			case ".mjs":
				needsProgram(t, "node")
				modules := os.Getenv("NODE_PATH")
				if _, err := os.Stat(filepath.Join(modules, module)); err != nil || modules == "" {
					t.Skipf("there is no %s in NODE_PATH", module)
				}
				if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
					t.Fatal(err)
				}
				command = []string{"node", file}
			}
			out := runs(t, dir, command...)
			if s.name == "env" {
				out = runs(t, dir, "sh", "-c", `. "$0"; echo "$AZURE_OPENAI_ENDPOINT"`, file)
			}
			switch filepath.Base(s.file) {
			case "env.sh":
				if out != server.URL+"\n" {
					t.Errorf("the endpoint is %q", out)
				}
			case "curl.sh", "curl-azure.sh":
				if !strings.Contains(out, `"choices":[{`) || !strings.Contains(out, "gpt-4o-2024-11-20") {
					t.Errorf("curl got %s", out)
				}
			default:
				if len(strings.Fields(out)) < 2 {
					t.Errorf("it says %q", out)
				}
			}
		})
	}
}

func needsProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("there is no %s", name)
	}
}

// runs runs a program and returns what it prints.
func runs(t *testing.T, dir string, command ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	var diagnostics strings.Builder
	cmd.Stderr = &diagnostics
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", command, err, out, diagnostics.String())
	}
	return string(out)
}

// TestSnippetsInGo compiles the Go snippets as a module of somebody else's, and runs them.
func TestSnippetsInGo(t *testing.T) {
	server, dir := swiftDefault(t), t.TempDir()
	docsWrite(t, filepath.Join(dir, "go.mod"), strings.Replace(docsPageNamed(t, "go.mod").text, "module foundrylab\n", "module example.com/yours\n", 1))
	docsWrite(t, filepath.Join(dir, "go.sum"), docsPageNamed(t, "go.sum").text)
	var names []string
	for _, s := range snippets {
		if filepath.Ext(s.file) == ".txt" {
			names = append(names, s.name)
			docsWrite(t, filepath.Join(dir, s.name, "main.go"), s.text(place{server.URL, defaultKey, "my-gpt-4o"}))
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/bin/", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !slices.Contains(names, "go-azure") {
		t.Errorf("only %v", names)
	}
	for _, name := range names {
		if out := runs(t, dir, filepath.Join(dir, "bin", name)); len(strings.Fields(out)) < 2 {
			t.Errorf("%s says %q", name, out)
		}
	}
}

// Every file is of one snippet, and none is left out.
func TestSnippetFiles(t *testing.T) {
	files, err := snippetFiles.ReadDir("snippets")
	if err != nil || len(files) != len(snippets) {
		t.Errorf("%d files, %d snippets: %v", len(files), len(snippets), err)
	}
	for _, s := range snippets {
		text := s.text(place{"http://127.0.0.1:1", "k", "m"})
		if strings.Contains(text, "{{") || !strings.Contains(text, "http://127.0.0.1:1") {
			t.Errorf("%s: not everything is filled in:\n%s", s.name, text)
		}
	}
}
