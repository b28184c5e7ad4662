package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// TestSimExports: a collector that the environment names gets what the simulator counts, the last of it when the
// simulator ends, by the names and attributes of the conventions for generative AI.
func TestSimExports(t *testing.T) {
	last := ""
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = r.URL.Path + " " + r.Header.Get("X-Token") + "\n" + string(body)
	}))
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Token=hidden")
	p := start(t, "sim", "--listen", "127.0.0.1:0")
	_, url, _ := strings.Cut(until(t, p.out, "Simulating on "), " on ")
	url, _, _ = strings.Cut(url, " ")
	const question = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}],"max_tokens":5,"stream":true}`
	if status, text := askOver(t, "POST", url+"/openai/v1/chat/completions", "foundrylab-key", question); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	interrupt(t, p)
	collector.Close() // waits for what is under way
	head, body, _ := strings.Cut(last, "\n")
	if head != "/v1/metrics hidden" {
		t.Errorf("sent to %q", head)
	}
	var sent metricspb.MetricsData
	if err := protojson.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	got := map[string]bool{}
	for _, m := range sent.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics() {
		for _, point := range m.GetHistogram().GetDataPoints() {
			at := m.GetName() + " " + m.GetUnit()
			for _, a := range point.GetAttributes() {
				at += " " + a.GetKey() + "=" + a.GetValue().GetStringValue()
			}
			got[at] = point.GetCount() == 1
		}
		for _, point := range m.GetSum().GetDataPoints() {
			got[m.GetName()] = got[m.GetName()] || point.GetAsDouble() > 0
		}
		for _, point := range m.GetGauge().GetDataPoints() {
			got[m.GetName()] = got[m.GetName()] || point.GetAsDouble() > 0
		}
	}
	const of = " gen_ai.operation.name=chat gen_ai.provider.name=azure.ai.openai gen_ai.request.model=gpt-4.1 gen_ai.response.model=gpt-4.1"
	for _, want := range []string{
		"gen_ai.server.request.duration s" + of,
		"gen_ai.server.time_to_first_token s" + of,
		"gen_ai.server.time_per_output_token s" + of,
		"gen_ai.client.token.usage {token}" + of + " gen_ai.token.type=input",
		"gen_ai.client.token.usage {token}" + of + " gen_ai.token.type=output",
		"foundrylab.requests", "foundrylab.charged_tokens", "foundrylab.utilization", "foundrylab.limit_tokens", "foundrylab.remaining_tokens",
	} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
	}
}

// TestSimSecondSignal: who does not want to wait for the last export sends another signal, and what was chosen in the
// environment and is not done is said.
func TestSimSecondSignal(t *testing.T) {
	exports, release := make(chan struct{}), make(chan struct{})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		exports <- struct{}{}
		<-release
	}))
	defer collector.Close()
	defer close(release)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "86400000")
	t.Setenv("OTEL_METRICS_EXPORTER", "otlp,console")
	p := start(t, "sim", "--listen", "127.0.0.1:0")
	until(t, p.err, "OTEL_METRICS_EXPORTER: console is not done here")
	until(t, p.out, "Simulating on ")
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-exports // the last one: it has begun to end
	go func() {
		for p.Process.Signal(os.Interrupt) == nil { // the first of them may come before signals are let go
			runtime.Gosched()
		}
	}()
	if _, diagnostics, code := p.end(t); code != -1 {
		t.Errorf("it did not end by the signal, but with %d\n%s", code, diagnostics)
	}
}

// TestGatewayExports: a collector that the environment names gets the spans of requests and attempts below the client's, and
// what the gateway counts, the last of both when the gateway ends; and no key of either side.
func TestGatewayExports(t *testing.T) {
	got := map[string]string{} // by path; written one by one, read when the collector has ended
	var mu sync.Mutex
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = string(body)
	}))
	t.Setenv("SIM_KEY", "foundrylab-key")
	sim := start(t, "sim", "--listen", "127.0.0.1:0", "--log", "disabled")
	_, address, _ := strings.Cut(until(t, sim.out, "Simulating on http://"), "http://")
	address, _, _ = strings.Cut(address, " ")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("CHAT_KEY", "the-key-of-the-team-chat")
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off") // a client's word counts
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	docsWrite(t, file, `version: 1
listen: {address: 127.0.0.1:0}
backends: [{name: east, url: "http://`+address+`", deployment: gpt-4.1, key: {env: SIM_KEY}}]
gateway: {route: {groups: [[east]]}}
tenants: [{name: chat}]
identity: {keys: [{tenant: chat, secret: {env: CHAT_KEY}}]}
`)
	gw := start(t, "gateway", file)
	url := strings.TrimSuffix(strings.Fields(until(t, gw.out, "The gateway is at "))[4], ",")
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, parent := range []string{"00-" + trace + "-00f067aa0ba902b7-01", ""} {
		req, _ := http.NewRequest("POST", url+"/openai/v1/chat/completions", strings.NewReader(`{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}],"max_tokens":5}`))
		req.Header.Set("Api-Key", "the-key-of-the-team-chat")
		req.Header.Set("Traceparent", parent)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
	}
	interrupt(t, gw)
	collector.Close()
	var sent tracepb.TracesData
	if err := protojson.Unmarshal([]byte(got["/v1/traces"]), &sent); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	spans := sent.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()
	if len(spans) != 2 || spans[0].GetName() != "chat gpt-4.1" || string(spans[0].GetParentSpanId()) != string(spans[1].GetSpanId()) || !strings.Contains(got["/v1/traces"], `"parentSpanId":"00f067aa0ba902b7"`) ||
		strings.Count(got["/v1/traces"], `"traceId":"`+trace+`"`) != 2 || spans[1].GetEndTimeUnixNano() < spans[0].GetEndTimeUnixNano() {
		t.Errorf("spans\n%s", got["/v1/traces"])
	}
	for _, want := range []string{`"name":"foundrylab.gateway.requests"`, `"name":"gen_ai.server.request.duration"`, `"key":"foundrylab.tenant","value":{"stringValue":"chat"}`, `"name":"foundrylab.gateway.spans_exported"`} {
		if !strings.Contains(got["/v1/metrics"], want) {
			t.Errorf("there is no %s in\n%s", want, got["/v1/metrics"])
		}
	}
	if err := protojson.Unmarshal([]byte(got["/v1/metrics"]), new(metricspb.MetricsData)); err != nil {
		t.Error(err)
	}
	for path, body := range got {
		if strings.Contains(body, "foundrylab-key") || strings.Contains(body, "the-key-of") {
			t.Errorf("%s tells a key", path)
		}
	}
	interrupt(t, sim)
}

// TestGatewayExportMistakes: what is wrong in the environment is told before anything is served.
func TestGatewayExportMistakes(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_TRACES_SAMPLER", "some")
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	docsWrite(t, file, "version: 1\nbackends: [{name: a, url: \"http://127.0.0.1:1\"}]\ngateway: {route: {groups: [[a]]}}\n")
	_, diagnostics, code := start(t, "gateway", file).end(t)
	if code != exitUsage || !strings.Contains(diagnostics, "OTEL_TRACES_SAMPLER: choose always_on") {
		t.Errorf("%d %s", code, diagnostics)
	}
}
