package cli

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
)

// overTLS starts two resources over TLS and returns their address and the authority's certificate.
func overTLS(t *testing.T) (p *process, address, certificate string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "resources.yaml")
	docsWrite(t, file, "version: 1\nresources:\n  - {name: contoso-swe, region: Sweden Central, key: swe}\n  - {name: contoso-fra, region: France Central, key: fra}\n")
	p = start(t, "sim", "--resources", file, "--tls", "--tls-dir", filepath.Join(dir, "tls"), "--listen", "127.0.0.1:0", "--log", "disabled")
	_, address, _ = strings.Cut(until(t, p.out, "Simulating on https://"), "https://")
	address, _, _ = strings.Cut(address, " ")
	_, certificate, _ = strings.Cut(strings.TrimSpace(until(t, p.out, "NODE_EXTRA_CA_CERTS")), "=")
	until(t, p.out, "certutil")
	return p, address, certificate
}

// The Azure client of openai-go, which takes TLS alone for a name, speaks HTTP/2 to a resource by its name.
func TestSimTLS(t *testing.T) {
	p, address, certificate := overTLS(t)
	web := trusting(t, certificate, address)
	for _, host := range []string{"contoso-fra.openai.azure.com", "contoso-fra.services.ai.azure.com", "CONTOSO-FRA.cognitiveservices.azure.com:8443"} {
		var last *http.Response
		client := openai.NewClient(azure.WithEndpoint("https://"+host, "2024-10-21"), azure.WithAPIKey("fra"), option.WithMaxRetries(0),
			option.WithHTTPClient(web), option.WithResponseInto(&last))
		answer, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4.1", MaxTokens: openai.Int(3),
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}})
		if err != nil || answer.Choices[0].Message.Content == "" {
			t.Fatalf("%s: %v", host, err)
		}
		if last.Proto != "HTTP/2.0" || last.Header.Get("X-Ms-Region") != "France Central" {
			t.Errorf("%s: %s in %q", host, last.Proto, last.Header.Get("X-Ms-Region"))
		}
		stream := client.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4.1", MaxTokens: openai.Int(3),
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}})
		text := ""
		for stream.Next() {
			for _, c := range stream.Current().Choices {
				text += c.Delta.Content
			}
		}
		if stream.Err() != nil || text == "" {
			t.Errorf("%s: %q %v", host, text, stream.Err())
		}
	}
	// A connection that is broken off breaks this stream alone.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://contoso-fra.openai.azure.com/openai/v1/chat/completions",
		strings.NewReader(`{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Api-Key", "fra")
	request.Header.Set("X-Foundrylab-Fault", "outage")
	if response, err := web.Do(request); err == nil {
		t.Errorf("an outage answers %s", response.Status)
		_ = response.Body.Close()
	}
	// Who does not trust the authority does not get through.
	if _, err := http.Get("https://" + address); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("trusted by nobody's leave: %v", err)
	}
	interrupt(t, p)
}

// What the banner says of trust holds for curl, Python and Node, where they are.
func TestSimTLSIsTrusted(t *testing.T) {
	p, address, certificate := overTLS(t)
	_, port, _ := net.SplitHostPort(address)
	at := place{"https://localhost:" + port, "swe", "gpt-4.1"}
	trust := func(t *testing.T, variable string) {
		t.Helper()
		t.Setenv(variable, certificate)
	}
	t.Run("curl", func(t *testing.T) {
		needsProgram(t, "curl")
		trust(t, "CURL_CA_BUNDLE")
		const host = "contoso-fra.openai.azure.com"
		out := runs(t, t.TempDir(), "curl", "-s", "--resolve", host+":"+port+":127.0.0.1", "https://"+host+":"+port+"/openai/v1/models", "-H", "api-key: fra")
		if !strings.Contains(out, `"object":"list"`) {
			t.Errorf("%s", out)
		}
	})
	t.Run("python", func(t *testing.T) {
		needsProgram(t, "python3")
		if exec.CommandContext(t.Context(), "python3", "-c", "import openai").Run() != nil {
			t.Skip("python3 has no module openai")
		}
		trust(t, "SSL_CERT_FILE")
		if out := runs(t, t.TempDir(), "python3", "-c", snippetNamed("python-azure").text(at)); len(strings.Fields(out)) < 2 {
			t.Errorf("it says %q", out)
		}
	})
	t.Run("node", func(t *testing.T) {
		needsProgram(t, "node")
		trust(t, "NODE_EXTRA_CA_CERTS")
		out := runs(t, t.TempDir(), "node", "-e", `fetch("`+at.url+`/openai/v1/models", {headers: {"api-key": "swe"}}).then(r => r.text()).then(console.log)`)
		if !strings.Contains(out, `"object":"list"`) {
			t.Errorf("%s", out)
		}
	})
	interrupt(t, p)
}
