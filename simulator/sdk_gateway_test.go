package simulator

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
)

// byGateway serves as the program gateway does, in front of a simulator whose keys its clients do not have: each deployment
// is the only backend of a model.
func byGateway(t *testing.T, cfg Config) reached {
	t.Helper()
	cfg.Deployments = slices.Clone(cfg.Deployments)
	file := "version: 1\nlisten: {address: 127.0.0.1:0}\ngateway: {retry: {jitter: 0%}}\ntenants: [{name: team}]\nidentity: {keys: [{tenant: team, secret: {env: CLIENT_KEY}}]}\npools:\n"
	for i := range cfg.Deployments {
		cfg.Deployments[i].Key = "key-of-the-resource"
	}
	_, server := live(t, cfg)
	for _, d := range cfg.Deployments {
		file += fmt.Sprintf("- {name: %s, backends: [{name: %[1]s, url: %q, key: {env: RESOURCE_KEY}}]}\n", d.Name, server.URL)
	}
	dir := t.TempDir()
	path, program := filepath.Join(dir, "gateway.yaml"), filepath.Join(dir, "foundrylab")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "foundrylab/cmd/foundrylab").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	url := served(t, exec.CommandContext(t.Context(), program, "gateway", path, "--log", "disabled"))
	return reached{openai: url, foundry: url, key: "the-key-of-the-team", outage: "InternalServerError", // the gateway says that it has no answer
		client: &http.Client{Transport: &http.Transport{}}, azure: []option.RequestOption{azure.WithUnsafeAllowHTTP()}}
}

// served starts a gateway and returns where it is.
func served(t *testing.T, gateway *exec.Cmd) (url string) {
	t.Helper()
	gateway.Env = append(os.Environ(), "CLIENT_KEY=the-key-of-the-team", "RESOURCE_KEY=key-of-the-resource")
	gateway.Stderr = os.Stderr
	out, err := gateway.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		gateway.Process.Kill()
		gateway.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, url, _ = strings.Cut(line, "The gateway is at "); url == "" {
		t.Fatalf("%q %v", line, err)
	}
	return strings.TrimSuffix(strings.Fields(url)[0], ",")
}
