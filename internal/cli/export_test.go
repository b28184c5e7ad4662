package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
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
