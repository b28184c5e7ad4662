package otlp

import (
	"context"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
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

// What an export says of its failure is logged, and nothing of the URL but where it leads to.
func TestFailureHasNoSecret(t *testing.T) {
	for _, test := range []struct {
		name, at, want string
		answer         http.HandlerFunc
	}{
		{"nobody is there", "http://user:s3cretpw@127.0.0.1:1/v1/metrics?api-key=s3cretkey", `"endpoint":"http://127.0.0.1:1/v1/metrics"`, nil},
		{"refused", "", `"endpoint":"http://HOST/in"`, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusTooManyRequests) }},
		{"refused", "", `429 Too Many Requests: full`, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "full", http.StatusTooManyRequests) }},
		{"query repeated", "", `404 Not Found: (what it said`, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no "+r.URL.String(), http.StatusNotFound) }},
		{"query repeated in plain", "", `404 Not Found: (what it said`, func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.FormValue("api-key"), http.StatusNotFound)
		}},
		{"header repeated", "", `403 Forbidden: (what it said`, func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("X-Api-Key"), http.StatusForbidden)
		}},
		{"password repeated", "", `401 Unauthorized: (what it said`, func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			http.Error(w, "not "+password, http.StatusUnauthorized)
		}},
		{"redirected", "", `302 Found; redirects are not followed`, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/login?"+r.URL.RawQuery, http.StatusFound)
		}},
		{"no HTTP", "", `malformed HTTP response`, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			_, _ = io.WriteString(conn, "hello\r\n\r\n")
			_ = conn.Close()
		}},
	} {
		if test.at == "" {
			collector := httptest.NewServer(test.answer)
			defer collector.Close()
			_, host, _ := strings.Cut(collector.URL, "://")
			test.at, test.want = "http://user:s3cretpw@"+host+"/in?api-key=s3cret%4bey", strings.Replace(test.want, "HOST", host, 1)
		}
		var log strings.Builder
		e := New(Settings{Endpoint: test.at, Timeout: 10 * time.Second, Headers: map[string]string{"X-Api-Key": "s3cret"}}, registry(), plain, zerolog.New(&log), time.Now())
		e.tell(e.Export(t.Context()))
		if got := log.String(); !strings.Contains(got, test.want) || strings.Contains(got, "s3cret") || strings.Contains(got, "user") {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// Metrics and headers go where the endpoint says and nowhere else, and a redirect is a failure.
func TestRedirectIsNotFollowed(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		first := httptest.NewServer(http.RedirectHandler(other.URL, status))
		defer first.Close()
		e := New(Settings{Endpoint: first.URL, Timeout: 10 * time.Second, Headers: map[string]string{"X-Api-Key": "s3cret"}}, registry(), plain, zerolog.Nop(), time.Now())
		if err := e.Export(t.Context()); err == nil || elsewhere.Load() != 0 {
			t.Errorf("%d: error %v, %d requests elsewhere", status, err, elsewhere.Load())
		}
	}
}

// silent is a collector that never answers.
type silent struct{ asked atomic.Int32 }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// However long its timeout, a collector that does not answer holds the end up by no more than the patience with the last export.
func TestSilentCollectorDoesNotHoldUpTheEnd(t *testing.T) {
	for _, test := range []struct {
		name              string
		interval, timeout time.Duration
		asked             int32
		end               time.Duration
	}{
		{"an export is under way", time.Second, 24 * time.Hour, 2, lastPatience},
		{"none is", time.Minute, 24 * time.Hour, 1, lastPatience},
		{"the timeout is shorter", time.Minute, time.Second, 1, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var collector silent
			var log strings.Builder
			e := New(Settings{Endpoint: "http://127.0.0.1:4318", Interval: test.interval, Timeout: test.timeout}, registry(), plain, zerolog.New(&log), time.Now())
			e.to.client.Transport = &collector
			ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			start := time.Now()
			e.Run(ctx)
			if took := time.Since(start) - 30*time.Second; took != test.end || collector.asked.Load() != test.asked {
				t.Errorf("%s: the end took %v and %d exports in all, want %v and %d", test.name, took, collector.asked.Load(), test.end, test.asked)
			}
			if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "the last metrics could not be exported") {
				t.Errorf("%s: log:\n%s", test.name, got)
			}
		})
	}
}

// What JSON has no number for is a string, as in ProtoJSON, and takes nothing else with it.
func TestEncodeNoNumber(t *testing.T) {
	r := registry()
	for name, v := range map[string]float64{"nan": math.NaN(), "up": math.Inf(1), "down": math.Inf(-1)} {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: name})
		g.Set(v)
		r.MustRegister(g)
	}
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "endless", Help: "x", Buckets: []float64{1}})
	h.Observe(math.Inf(1))
	r.MustRegister(h)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families { // some sources name the last bucket
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); f.GetName() == "endless" {
				bound, all := math.Inf(1), h.GetSampleCount()
				h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCount: &all})
			}
		}
	}
	body, err := encode(families, plain, nil, time.Unix(0, 1), time.Unix(0, 2))
	if err != nil {
		t.Fatal(err)
	}
	var got metricspb.MetricsData
	if err := protojson.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	seen := map[string]float64{}
	for _, m := range got.GetResourceMetrics()[0].GetScopeMetrics()[0].GetMetrics() {
		for _, p := range m.GetGauge().GetDataPoints() {
			seen[m.GetName()] = p.GetAsDouble()
		}
		for _, p := range m.GetHistogram().GetDataPoints() {
			seen[m.GetName()] = p.GetSum()
			if m.GetName() == "lab.endless" && (!slices.Equal(p.GetExplicitBounds(), []float64{1}) || !slices.Equal(p.GetBucketCounts(), []uint64{0, 1})) {
				t.Errorf("%d counts for %v", p.GetBucketCounts(), p.GetExplicitBounds())
			}
		}
	}
	if !math.IsNaN(seen["lab.nan"]) || seen["lab.up"] != math.Inf(1) || seen["lab.down"] != math.Inf(-1) || seen["lab.endless"] != math.Inf(1) || seen["lab.left"] != -1.5 {
		t.Errorf("%v", seen)
	}
}

// OTEL_METRICS_EXPORTER chooses: who has chosen something else is sent nothing, and told so.
func TestExporters(t *testing.T) {
	for _, test := range []struct {
		list  string
		sends bool
		note  string // is in it
	}{
		{"", true, ""},
		{"otlp", true, ""},
		{"OTLP", true, ""},
		{"none", false, ""},
		{" None ", false, ""},
		{"console", false, "console is not done here; Prometheus finds metrics at /metrics of --admin or --metrics, and none are sent"},
		{"prometheus", false, "and none are sent"},
		{"prometheus, console", false, "prometheus, console is not done here"},
		{"otlp,console", true, "console is not done here; Prometheus finds metrics at /metrics of --admin"},
		{",", false, ""},
	} {
		env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1", "OTEL_METRICS_EXPORTER": test.list}
		s, err := FromEnvironment(func(name string) string { return env[name] })
		if err != nil || s.Endpoint != "" != test.sends || !strings.Contains(s.Note, test.note) || s.Note != "" != (test.note != "") || test.sends == strings.Contains(s.Note, "none are sent") && s.Note != "" {
			t.Errorf("%q: endpoint %q, note %q, error %v", test.list, s.Endpoint, s.Note, err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, test := range []struct{ env, want, wrong string }{
		{"", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318", "http://h:4318/v1/metrics 1m0s 10s map[] map[service.name:foundrylab]", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318/ OTEL_METRICS_EXPORTER=none", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://u:p@h/in?tenant=a", "http://u:p@h/in/v1/metrics?tenant=a 1m0s 10s map[] map[service.name:foundrylab]", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h/a%2Fb/?x", "http://h/a%2Fb/v1/metrics?x 1m0s 10s map[] map[service.name:foundrylab]", ""},
		{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://h?tenant=a", "http://h?tenant=a 1m0s 10s map[] map[service.name:foundrylab]", ""},
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
