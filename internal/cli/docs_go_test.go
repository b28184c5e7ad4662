package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocsGo builds the Go code of the pages as a module of somebody else's
// would, and runs its tests.
func TestDocsGo(t *testing.T) {
	dir := t.TempDir()
	blocks := 0
	for _, p := range docsPages(t) {
		for _, f := range p.fences() {
			switch f.mark {
			case "go test":
			case "go openai":
				f.body = openAIFrame + f.body + "return answer, err\n}\n"
			default:
				continue
			}
			blocks++
			docsWrite(t, filepath.Join(dir, fmt.Sprintf("p%d", blocks), "yours_test.go"), f.body)
		}
	}
	if blocks == 0 {
		t.Fatal("no Go code in the pages")
	}
	root, err := filepath.Abs(docsRoot)
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(docsPageNamed(t, "go.mod").text, "module foundrylab\n", "module example.com/yours\n", 1)
	docsWrite(t, filepath.Join(dir, "go.mod"), mod+"\nrequire foundrylab v0.0.0\n\nreplace foundrylab => "+root+"\n")
	docsWrite(t, filepath.Join(dir, "go.sum"), docsPageNamed(t, "go.sum").text)
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// openAIFrame is what a page leaves out around its lines.
const openAIFrame = `package yours

import (
	"context"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func Answer(ctx context.Context) (*openai.ChatCompletion, error) {
`

func docsWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
