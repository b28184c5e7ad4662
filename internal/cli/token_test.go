package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"

	"foundrylab/simulator/identity"
)

// rolesFile is of a resource in which two applications may do different things.
const rolesFile = `version: 1
resources:
  - name: contoso
    key: the-key
    auth:
      strict: true
      principals:
        - {oid: talker, roles: [Cognitive Services OpenAI User]}
        - {oid: lister, roles: [Microsoft.CognitiveServices/accounts/OpenAI/models/read]}
`

// Programs with a credential of azidentity, which gets its tokens from the simulator itself, speak to it through the Azure
// client of openai-go; and a token that the command prints is taken by a simulator that has the same key file.
func TestSimTakesTokens(t *testing.T) {
	dir := t.TempDir()
	resources, key := filepath.Join(dir, "resources.yaml"), filepath.Join(dir, "issuer.pem")
	docsWrite(t, resources, rolesFile)
	p := start(t, "sim", "--resources", resources, "--issuer-key", key, "--tls", "--tls-dir", filepath.Join(dir, "tls"), "--listen", "127.0.0.1:0", "--log", "disabled")
	_, address, _ := strings.Cut(until(t, p.out, "Simulating on https://"), "https://")
	address, _, _ = strings.Cut(address, " ")
	until(t, p.out, "certutil")
	client := trusting(t, filepath.Join(dir, "tls", "ca.pem"), address)
	_, port, _ := net.SplitHostPort(address)

	talk := func(credential azcore.TokenCredential) error {
		ai := openai.NewClient(azure.WithEndpoint("https://contoso.openai.azure.com", "2024-10-21"), azure.WithTokenCredential(credential), option.WithMaxRetries(0), option.WithHTTPClient(client))
		answer, err := ai.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{Model: "gpt-4.1", MaxTokens: openai.Int(3),
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")}})
		if err == nil && answer.Choices[0].Message.Content == "" {
			return errors.New("nothing is said")
		}
		return err
	}
	list := func(credential azcore.TokenCredential) error {
		ai := openai.NewClient(azure.WithEndpoint("https://contoso.openai.azure.com", "2024-10-21"), azure.WithTokenCredential(credential), option.WithMaxRetries(0), option.WithHTTPClient(client))
		_, err := ai.Models.List(t.Context())
		return err
	}
	as := func(name string) azcore.TokenCredential {
		options := &azidentity.ClientSecretCredentialOptions{DisableInstanceDiscovery: true, ClientOptions: azcore.ClientOptions{Transport: client,
			Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: "https://localhost:" + port}}}
		credential, err := azidentity.NewClientSecretCredential(identity.Tenant, name, "any", options)
		if err != nil {
			t.Fatal(err)
		}
		return credential
	}
	printed := func(args ...string) azcore.TokenCredential { return fixedToken(tokenOf(t, key, args...)) }
	for _, tt := range []struct {
		name       string
		credential azcore.TokenCredential
		do         func(azcore.TokenCredential) error
		code       string // of the error; "": none
	}{
		{"who may talk", as("talker"), talk, ""},
		{"who may talk, listing", as("talker"), list, ""},
		{"who may list", as("lister"), list, ""},
		{"who may list, talking", as("lister"), talk, "PermissionDenied"},
		{"nobody known", as("nobody"), list, "PermissionDenied"},
		{"a printed token", printed("--oid", "talker"), talk, ""},
		{"a printed token with a role", printed("--oid", "nobody", "--role", "Azure AI User"), talk, ""},
		{"one without", printed("--oid", "nobody"), talk, "PermissionDenied"},
		{"one that has expired", printed("--oid", "talker", "--lifetime", "-1h"), talk, "Access token is missing"},
		{"one for something else", printed("--oid", "talker", "--scope", "https://management.azure.com/.default"), talk, "Access token is missing"},
		{"one of another key", fixedToken(tokenOf(t, filepath.Join(dir, "another.pem"), "--oid", "talker")), talk, "Access token is missing"},
	} {
		err := tt.do(tt.credential)
		var refused *openai.Error
		switch {
		case tt.code == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.code != "" && (!errors.As(err, &refused) || refused.StatusCode != http.StatusUnauthorized || !strings.Contains(string(refused.DumpResponse(true)), tt.code)):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.code)
		}
	}
	interrupt(t, p)
}

// tokenOf is what the command prints with a key file.
func tokenOf(t *testing.T, key string, args ...string) string {
	t.Helper()
	var out, diagnostics bytes.Buffer
	if code := Main(append([]string{"token", "--issuer-key", key}, args...), Streams{Out: &out, Err: &diagnostics}); code != exitPass {
		t.Fatalf("exit code %d: %s", code, &diagnostics)
	}
	return strings.TrimSpace(out.String())
}

// fixedToken is a credential that has one token.
type fixedToken string

func (f fixedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(f)}, nil
}

// trusting is a client that trusts an authority, speaks HTTP/2 and finds every name at one address.
func trusting(t *testing.T, certificate, address string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate: %s", pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
