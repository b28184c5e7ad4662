package live

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"foundrylab/scenarios"
	"foundrylab/simulator"
)

// freePort returns an address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A gateway that is not ours, and strips every header it can, stands between:
// what clients and backends saw is still joined, by the key in the prompt.
func TestThirdPartyGateway(t *testing.T) {
	addr := freePort(t)
	s := loadScenario(t, fmt.Sprintf(`
version: 1
duration: 3s
backends:
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 1M, listen: %q, key: secret}
gateway: {route: {groups: [[std]]}}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 10/s}}, output: 10, prompt: 100, client: none}
  - {name: batch, arrivals: {constant: {rate: 5/s}}, output: 10, prompt: 100, stream: false}
`, addr))
	gateway := httptest.NewServer(&httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: addr})
		if r.In.Header.Get("api-key") != "front-key" || !strings.Contains(r.In.URL.Path, "/deployments/std/") {
			t.Errorf("the target was asked for %s with key %q", r.In.URL.Path, r.In.Header.Get("api-key"))
		}
		r.Out.Header = http.Header{"Api-Key": {"secret"}, "Content-Type": {"application/json"}}
	}})
	defer gateway.Close()
	var notes []string
	summary, err := Run(t.Context(), s, Options{Target: gateway.URL, TargetKey: "front-key", TargetModel: "std", Note: func(format string, args ...any) {
		notes = append(notes, fmt.Sprintf(format, args...))
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := summary.Result()
	if r.Totals.Requests < 30 || r.Totals.Succeeded != r.Totals.Requests {
		t.Errorf("totals %+v", r.Totals)
	}
	for i, tenant := range r.Tenants {
		if tenant.ChargedTokens == 0 {
			t.Errorf("tenant %d: no charge was joined to it", i)
		}
	}
	if b := r.Backends[0]; b.Attempts != r.Totals.Requests {
		t.Errorf("backend saw %d attempts of %d requests", b.Attempts, r.Totals.Requests)
	}
	if len(notes) != 1 {
		t.Errorf("notes %q", notes)
	}
}

// `foundrylab sim SCENARIO`: only the backends, each on its own address with
// its own key.
func TestServeBackends(t *testing.T) {
	addr := freePort(t)
	s := loadScenario(t, busy, scenarios.Set{Path: "backends[std-a].listen", Value: addr}, scenarios.Set{Path: "backends[std-a].key", Value: "own"})
	done := make(chan error, 1)
	ready := make(chan string, 3)
	go func() {
		done <- ServeBackends(t.Context(), s, zerolog.Nop(), simulator.Sharing{}, nil, nil, func(name, url, key string) { ready <- name + " " + url + " " + key })
	}()
	for range 3 {
		select {
		case line := <-ready:
			t.Log(line)
		case err := <-done:
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{"own": 200, "foundrylab-key": 401} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/openai/models?api-version=2024-10-21", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("api-key", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("key %s: status %d, want %d", key, resp.StatusCode, want)
		}
	}
}
