package otlp

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

func plain(family string, labels map[string]string) (string, string, map[string]string) {
	return "lab." + family, "s", labels
}

// registry has one metric of each kind.
func registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	asked := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "asked_total", Help: "What was asked."}, []string{"who"})
	asked.WithLabelValues("b").Add(3)
	asked.WithLabelValues("a").Add(2)
	left := prometheus.NewGauge(prometheus.GaugeOpts{Name: "left", Help: "What is left."})
	left.Set(-1.5)
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took", Help: "How long it took.", Buckets: []float64{1, 2, 4}})
	for _, v := range []float64{0.5, 1, 3, 3, 9} {
		took.Observe(v)
	}
	none := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "unused", Help: "Nothing yet.", Buckets: []float64{1}})
	r.MustRegister(asked, left, took, none)
	return r
}

// What is sent is read by the types that are generated from OpenTelemetry's own definition, which refuse what is not in it.
func TestEncode(t *testing.T) {
	families, err := registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	start, now := time.Unix(100, 1), time.Unix(160, 2)
	body, err := encode(families, plain, map[string]string{"service.name": "x"}, start, now)
	if err != nil {
		t.Fatal(err)
	}
	var got, want metricspb.MetricsData
	if err := protojson.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	if err := protojson.Unmarshal([]byte(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}}]},
	"scopeMetrics":[{"scope":{"name":"foundrylab"},"metrics":[
	{"name":"lab.asked_total","description":"What was asked.","unit":"s","sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","isMonotonic":true,"dataPoints":[
	 {"attributes":[{"key":"who","value":{"stringValue":"a"}}],"startTimeUnixNano":"100000000001","timeUnixNano":"160000000002","asDouble":2},
	 {"attributes":[{"key":"who","value":{"stringValue":"b"}}],"startTimeUnixNano":"100000000001","timeUnixNano":"160000000002","asDouble":3}]}},
	{"name":"lab.left","description":"What is left.","unit":"s","gauge":{"dataPoints":[{"timeUnixNano":"160000000002","asDouble":-1.5}]}},
	{"name":"lab.took","description":"How long it took.","unit":"s","histogram":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","dataPoints":[
	 {"startTimeUnixNano":"100000000001","timeUnixNano":"160000000002","count":"5","sum":16.5,"bucketCounts":["2","0","2","1"],"explicitBounds":[1,2,4]}]}}]}]}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if g, w := protojson.Format(&got), protojson.Format(&want); g != w {
		t.Errorf("sent\n%s\nwant\n%s", g, w)
	}
}

// A collector that refuses, is slow or is not there costs a line in the log, once, and the last export comes at the end.
func TestExporterGoesOn(t *testing.T) {
	var exports atomic.Int32
	good := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := exports.Add(1); n <= 3 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		body, _ := io.ReadAll(r.Body)
		select {
		case good <- r.Header.Get("Content-Type") + " " + r.Header.Get("X-Key") + " " + string(body):
		default:
		}
	}))
	defer collector.Close()
	var log strings.Builder
	e := New(Settings{Endpoint: collector.URL, Interval: time.Millisecond, Timeout: time.Second, Headers: map[string]string{"X-Key": "s3cret"}},
		registry(), plain, zerolog.New(&log), time.Now())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { e.Run(ctx); close(ended) }()
	if got := <-good; !strings.HasPrefix(got, `application/json s3cret {"resourceMetrics"`) {
		t.Errorf("sent %s", got)
	}
	before := exports.Load()
	stop()
	<-ended
	if exports.Load() <= before {
		t.Error("nothing was sent at the end")
	}
	if got := log.String(); strings.Count(got, "could not be exported") != 1 || strings.Count(got, "exported again") != 1 ||
		!strings.Contains(got, "503 Service Unavailable: not now") || strings.Contains(got, "s3cret") {
		t.Errorf("log:\n%s", got)
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, test := range []struct{ env, want, wrong string }{
		{"", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318", "http://h:4318/v1/metrics 1m0s 10s map[] map[service.name:foundrylab]", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318/ OTEL_METRICS_EXPORTER=none", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318/ OTEL_SDK_DISABLED=true", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318/x/ OTEL_METRIC_EXPORT_INTERVAL=500 OTEL_EXPORTER_OTLP_TIMEOUT=20 OTEL_EXPORTER_OTLP_HEADERS=a=1,b=x%2Cy OTEL_SERVICE_NAME=lab OTEL_RESOURCE_ATTRIBUTES=team=q",
			"http://h:4318/x/v1/metrics 500ms 20ms map[a:1 b:x,y] map[service.name:lab team:q]", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1 OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=https://m/p OTEL_EXPORTER_OTLP_TIMEOUT=1 OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=2",
			"https://m/p 1m0s 2ms map[] map[service.name:foundrylab]", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=h:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_HEADERS=s3cret OTEL_METRIC_EXPORT_INTERVAL=0 OTEL_RESOURCE_ATTRIBUTES==x OTEL_EXPORTER_OTLP_TIMEOUT=1s", "",
			"OTEL_EXPORTER_OTLP_ENDPOINT: want a URL|OTEL_EXPORTER_OTLP_PROTOCOL: grpc|OTEL_EXPORTER_OTLP_HEADERS: item 1|OTEL_RESOURCE_ATTRIBUTES: item 1|OTEL_EXPORTER_OTLP_TIMEOUT: want|OTEL_METRIC_EXPORT_INTERVAL: want"},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(test.env) {
			k, v, _ := strings.Cut(pair, "=")
			env[k] = v
		}
		s, err := FromEnvironment(func(name string) string { return env[name] })
		if test.wrong != "" {
			lines := strings.Split(err.Error(), "\n")
			for i, want := range strings.Split(test.wrong, "|") {
				if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
					t.Errorf("%s: mistakes %q, want %s", test.env, lines, want)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("a header's value is in the error: %v", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.env, err)
		}
		got := ""
		if s.Endpoint != "" {
			got = strings.Join([]string{s.Endpoint, s.Interval.String(), s.Timeout.String(), show(s.Headers), show(s.Resource)}, " ")
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.env, got, test.want)
		}
	}
}

func show(m map[string]string) string {
	var all []string
	for _, a := range attributes(maps.Clone(m)) {
		all = append(all, a.Key+":"+a.Value.StringValue)
	}
	return "map[" + strings.Join(all, " ") + "]"
}
