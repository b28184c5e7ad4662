package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"

	"foundrylab/internal/authority"
	"foundrylab/simulator/deployment"
)

// reached is how the programs of the matrix come to a simulator.
type reached struct {
	openai, foundry string       // URLs of the resource: where OpenAI's models are, and where Claude's are
	client          *http.Client // of Go
	azure           []option.RequestOption
	env             []string // of a program
	key             string   // of a client
	outage          string   // the error that SDKs make of a backend that nobody reaches
}

// roads are the ways to reach one: as a developer does, as the service is reached, over TLS by the names of a resource, and
// through the gateway.
var roads = []struct {
	name string
	open func(t *testing.T, cfg Config) reached
}{
	{"loopback", byAddress},
	{"https by name", byName},
	{"gateway", byGateway},
}

func byAddress(t *testing.T, cfg Config) reached {
	_, server := live(t, cfg)
	return reached{openai: server.URL, foundry: server.URL, key: "foundrylab-key", outage: "APIConnectionError", client: &http.Client{Transport: &http.Transport{}}, azure: []option.RequestOption{azure.WithUnsafeAllowHTTP()}}
}

// byName serves as sim --tls does, behind another resource, which is asked unless a name leads past it. Programs find names
// of the service at 127.0.0.1, and trust the authority by the variables that sim prints.
func byName(t *testing.T, cfg Config) reached {
	t.Helper()
	s, _ := live(t, cfg)
	elsewhere := swift("chat")
	elsewhere.Key = "of-another-resource"
	other, _ := live(t, Config{Auth: strict, Deployments: []deployment.Config{elsewhere}})
	site, err := NewSite(Resource{"fabrikam", other}, Resource{"contoso", s})
	if err != nil {
		t.Fatal(err)
	}
	a, pem, err := authority.Keep(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	names, err := a.Names(HostNames("contoso")...)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: site, TLSConfig: names.Config(), ErrorLog: log.New(io.Discard, "", 0)}
	t.Cleanup(func() { server.Close() })
	go server.ServeTLS(l, "", "")

	_, port, _ := net.SplitHostPort(l.Addr().String())
	preludes, err := filepath.Abs(filepath.Join("testdata", "sdk", "byname"))
	if err != nil {
		t.Fatal(err)
	}
	return reached{
		openai: "https://contoso.openai.azure.com:" + port, foundry: "https://contoso.services.ai.azure.com:" + port, key: "foundrylab-key", outage: "APIConnectionError",
		client: trusting(t, a.Pool(), l.Addr().String()),
		env: []string{"SSL_CERT_FILE=" + pem, "REQUESTS_CA_BUNDLE=" + pem, "NODE_EXTRA_CA_CERTS=" + pem, "NO_PROXY=*", "no_proxy=*",
			"PYTHONPATH=" + preludes, "NODE_OPTIONS=--require=" + filepath.Join(preludes, "lookup.cjs")},
	}
}

// trusting is a client that trusts an authority, speaks HTTP/2 and finds every name at one address.
func trusting(t *testing.T, roots *x509.CertPool, address string) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
