package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"

	"foundrylab/simulator/identity"
)

// gatewayFile is a gateway whose clients have keys or tokens of the local tenant, and which shows its backends a token or a
// key. PORT is the simulator's.
const gatewayFile = `version: 1
listen: {address: 127.0.0.1:0}
backends:
- name: by-token
  url: https://localhost:PORT
  deployment: gpt-4.1
  entra: {kind: client-secret, tenant_id: TENANT, client_id: talker, secret: {env: APP_SECRET}, authority: https://localhost:PORT}
- {name: by-key, url: https://localhost:PORT, deployment: gpt-4.1, key: {env: RESOURCE_KEY}}
gateway:
  route: {policy: round-robin, groups: [[by-token, by-key]]}
tenants:
- {name: chat, models: [gpt-4.1], compliance: {max_tokens: {max: 20, action: clamp}}}
- {name: batch}
identity:
  keys: [{tenant: batch, id: batch-1, secret: {env: BATCH_KEY}}]
  jwt:
  - issuer: https://sts.windows.net/TENANT/
    discovery: https://localhost:PORT/TENANT/v2.0/.well-known/openid-configuration
    audience: [https://cognitiveservices.azure.com]
    claim: oid
    tenants: [{value: someone, tenant: chat}]
`

// A gateway of the command line stands between SDKs and a strict resource. Clients prove who they are by a key or a token,
// the gateway itself by a key or a token of its own; and no secret of either is in its log.
func TestGatewayInFrontOfAStrictResource(t *testing.T) {
	dir := t.TempDir()
	resources, key, file := filepath.Join(dir, "resources.yaml"), filepath.Join(dir, "issuer.pem"), filepath.Join(dir, "gateway.yaml")
	docsWrite(t, resources, rolesFile)
	sim := start(t, "sim", "--resources", resources, "--issuer-key", key, "--tls", "--tls-dir", filepath.Join(dir, "tls"), "--listen", "127.0.0.1:0", "--log", "disabled")
	_, address, _ := strings.Cut(until(t, sim.out, "Simulating on https://"), "https://")
	address, _, _ = strings.Cut(address, " ")
	until(t, sim.out, "certutil")
	_, port, _ := net.SplitHostPort(address)
	for name, value := range map[string]string{"SSL_CERT_FILE": filepath.Join(dir, "tls", "ca.pem"), "APP_SECRET": "secret-of-the-application", "RESOURCE_KEY": "the-key", "BATCH_KEY": "secret-key-of-batch"} {
		t.Setenv(name, value)
	}
	docsWrite(t, file, strings.NewReplacer("PORT", port, "TENANT", identity.Tenant).Replace(gatewayFile))
	gw := start(t, "gateway", file, "--log", "info")
	log := make(chan string, 1)
	line := until(t, gw.out, "The gateway is at ")
	url := strings.TrimSuffix(strings.Fields(line)[4], ",")
	token := tokenOf(t, key, "--oid", "someone")

	ask := func(c openai.Client, model string, most int64) (*openai.ChatCompletion, *http.Response, error) {
		var resp *http.Response
		answer, err := c.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: model, MaxCompletionTokens: openai.Int(most),
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}}, option.WithResponseInto(&resp))
		return answer, resp, err
	}
	once := option.WithMaxRetries(0)
	byKey := openai.NewClient(azure.WithEndpoint(url, "2024-10-21"), azure.WithAPIKey("secret-key-of-batch"), azure.WithUnsafeAllowHTTP(), once)
	byToken := openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey(token), once)
	wrong := openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey("secret-that-is-wrong"), once)
	expired := openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey(tokenOf(t, key, "--oid", "someone", "--lifetime", "-1h")), once)
	nobody := openai.NewClient(option.WithBaseURL(url+"/openai/v1/"), option.WithAPIKey(tokenOf(t, key, "--oid", "nobody")), once)

	backends := map[string]int{}
	for range 2 {
		for name, c := range map[string]openai.Client{"key": byKey, "token": byToken} {
			answer, resp, err := ask(c, "gpt-4.1", 500)
			if err != nil || answer.Choices[0].Message.Content == "" {
				t.Fatalf("%s: %v", name, err)
			}
			backends[resp.Header.Get("X-Gateway-Backend")]++
			if n := answer.Usage.CompletionTokens; name == "token" && n > 20 {
				t.Errorf("%d tokens, although max_tokens is clamped to 20", n)
			}
		}
	}
	if backends["by-token"] != 2 || backends["by-key"] != 2 {
		t.Errorf("backends %v", backends)
	}
	for _, c := range []struct {
		name   string
		client openai.Client
		model  string
		status int
		reason string
	}{
		{"wrong key", wrong, "gpt-4.1", 401, "unauthorized"}, {"expired token", expired, "gpt-4.1", 401, "unauthorized"}, {"nobody's token", nobody, "gpt-4.1", 401, "unauthorized"},
		{"another model", byToken, "gpt-4o", 403, "model-not-allowed"},
	} {
		_, _, err := ask(c.client, c.model, 5)
		var refused *openai.Error
		if !errors.As(err, &refused) || refused.StatusCode != c.status || refused.Response.Header.Get("X-Gateway-Reason") != c.reason || refused.Message == "" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	go func() { text, _ := io.ReadAll(gw.err); log <- string(text) }()
	if err := gw.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	text := <-log
	if err := gw.Wait(); err != nil {
		t.Error(err)
	}
	judgeGatewayLog(t, text, token)
	interrupt(t, sim)
}

// What docs/gateway.md begins with works as it stands there, but for the ports.
func TestGatewayPageBegins(t *testing.T) {
	fences := docsPageNamed(t, "docs/gateway.md").fences()
	sim := start(t, "sim", "--listen", "127.0.0.1:0", "--log", "disabled")
	_, address, _ := strings.Cut(until(t, sim.out, "Simulating on http://"), "http://")
	address, _, _ = strings.Cut(address, " ")
	if fences[0].mark != "gateway" || !strings.Contains(fences[0].body, "127.0.0.1:8080") || !strings.Contains(fences[1].body, "SIM_KEY=foundrylab-key foundrylab gateway") {
		t.Fatalf("the page begins otherwise: %+v", fences[:2])
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	docsWrite(t, file, strings.Replace(fences[0].body, "127.0.0.1:8080", address, 1))
	t.Setenv("SIM_KEY", "foundrylab-key")
	gw := start(t, "gateway", file, "--listen", "127.0.0.1:0")
	url := strings.TrimSuffix(strings.Fields(until(t, gw.out, "The gateway is at "))[4], ",")
	until(t, gw.out, "Anybody who reaches it may use it")
	_, body, _ := strings.Cut(fences[1].body, " -d '")
	body, _, _ = strings.Cut(body, "'")
	resp, err := http.Post(url+"/openai/v1/chat/completions", "", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(text), `"content"`) {
		t.Errorf("%s\n%s", resp.Status, text)
	}
	interrupt(t, gw)
	interrupt(t, sim)
}

// judgeGatewayLog holds that each request has a line that says who sent it, and that none tells a secret.
func judgeGatewayLog(t *testing.T, text, token string) {
	t.Helper()
	who := map[string]int{}
	for line := range strings.Lines(text) {
		var l struct{ Tenant, Credential, Reason, Why string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		who[fmt.Sprint(l.Tenant, " ", l.Credential, " ", l.Reason, " ", l.Why)]++
	}
	for want, n := range map[string]int{"batch key:batch-1 none ": 2, "chat token:sts.windows.net none ": 2, "  unauthorized unknown-key": 1, "  unauthorized token-expired": 1,
		"  unauthorized token-unmapped": 1, "chat token:sts.windows.net model-not-allowed ": 1} {
		if who[want] != n {
			t.Errorf("%d lines %q, want %d, in %v", who[want], want, n, who)
		}
	}
	for _, secret := range []string{"secret-", "the-key", token, "eyJ"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log tells %q:\n%s", secret, text)
		}
	}
}
