package otlp

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// tracesIn reads what was sent by the types that are generated from OpenTelemetry's own definition, which refuse what is not
// in it. They take ids for base64, where OTLP has hexadecimal.
func tracesIn(t *testing.T, body []byte) []*tracepb.Span {
	t.Helper()
	var sent tracepb.TracesData
	if err := protojson.Unmarshal(body, &sent); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	spans := sent.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()
	for _, s := range spans {
		for _, id := range []*[]byte{&s.TraceId, &s.SpanId, &s.ParentSpanId} {
			read, err := hex.DecodeString(base64.StdEncoding.EncodeToString(*id))
			if err != nil {
				t.Fatal(err)
			}
			*id = read
		}
	}
	return spans
}

func TestEncodeSpans(t *testing.T) {
	root := Context{TraceID{0: 1, 15: 0xfe}, SpanID{0xab, 7: 9}, true}
	body, err := encodeSpans([]Span{
		{Context: root, Name: "POST /x", Kind: Server, Start: 5, End: 9_007_199_254_740_993, Attributes: []Attribute{Text("a", `"<`), Int("b", -1<<62), Float("c", 0.5), Bool("d", true)}},
		{Context: Context{root.Trace, SpanID{1}, true}, Parent: root.Span, Name: "chat", Kind: Client, Start: 6, End: 7, Failed: true},
	}, map[string]string{"service.name": "x"})
	if err != nil {
		t.Fatal(err)
	}
	spans := tracesIn(t, body)
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	s := spans[0]
	if [16]byte(s.TraceId) != root.Trace || [8]byte(s.SpanId) != root.Span || len(s.ParentSpanId) != 0 || s.Name != "POST /x" || s.Kind != tracepb.Span_SPAN_KIND_SERVER ||
		s.StartTimeUnixNano != 5 || s.EndTimeUnixNano != 9_007_199_254_740_993 || s.Flags != 1 || s.Status.GetCode() != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("%v", s)
	}
	if a := s.Attributes; len(a) != 4 || a[0].Value.GetStringValue() != `"<` || a[1].Value.GetIntValue() != -1<<62 || a[2].Value.GetDoubleValue() != 0.5 || a[2].Key != "c" || !a[3].Value.GetBoolValue() || a[3].String() == "" {
		t.Errorf("attributes %v", a)
	}
	if s = spans[1]; [8]byte(s.ParentSpanId) != root.Span || s.Kind != tracepb.Span_SPAN_KIND_CLIENT || s.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("%v", s)
	}
}

// The first is an example of the specification; what is malformed begins a new trace.
func TestReadContext(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, test := range []struct {
		header      string
		ok, sampled bool
	}{
		{"00-" + trace + "-" + span + "-01", true, true},
		{"00-" + trace + "-" + span + "-00", true, false},
		{"00-" + trace + "-" + span + "-03", true, true},
		{"01-" + trace + "-" + span + "-01", true, true},
		{"01-" + trace + "-" + span + "-01-what comes later", true, true},
		{"01-" + trace + "-" + span + "-01x", false, false},
		{"00-" + trace + "-" + span + "-01-x", false, false},
		{"ff-" + trace + "-" + span + "-01", false, false},
		{"00-" + strings.Repeat("0", 32) + "-" + span + "-01", false, false},
		{"00-" + trace + "-" + strings.Repeat("0", 16) + "-01", false, false},
		{"00-" + strings.ToUpper(trace) + "-" + span + "-01", false, false},
		{"00-" + trace + "-" + span + "-0g", false, false},
		{"00-" + trace + "-" + span + "-1", false, false},
		{"00_" + trace + "-" + span + "-01", false, false},
		{"", false, false},
	} {
		c, ok := ReadContext(http.Header{"Traceparent": {test.header}})
		if ok != test.ok || c.Sampled != test.sampled {
			t.Errorf("%q: %v, sampled %v", test.header, ok, c.Sampled)
		}
		if want := "00-" + trace + "-" + span; ok && !strings.HasPrefix(c.Header(), want) {
			t.Errorf("%q is told as %q", test.header, c.Header())
		}
	}
	if _, ok := ReadContext(http.Header{"Traceparent": {"00-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-01"}}); ok {
		t.Error("two are taken")
	}
	if _, ok := ReadContext(nil); ok {
		t.Error("none is taken")
	}
}

func FuzzReadContext(f *testing.F) {
	f.Add("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Fuzz(func(t *testing.T, header string) {
		c, ok := ReadContext(http.Header{"Traceparent": {header}})
		if !ok && c != (Context{}) {
			t.Errorf("%q: %v of one that is ignored", header, c)
		}
		if again, same := ReadContext(http.Header{"Traceparent": {c.Header()}}); ok && (!same || again != c) {
			t.Errorf("%q: told as %q", header, c.Header())
		}
	})
}

func TestSampler(t *testing.T) {
	low, high := TraceID{15: 1}, TraceID{8: 0xff, 0: 1}
	for _, test := range []struct {
		name, arg      string
		alone, yes, no [2]bool // of a low and a high trace: without a client's word, and with either
	}{
		{"", "", [2]bool{true, true}, [2]bool{true, true}, [2]bool{false, false}},
		{"always_on", "", [2]bool{true, true}, [2]bool{true, true}, [2]bool{true, true}},
		{"always_off", "", [2]bool{}, [2]bool{}, [2]bool{}},
		{"parentbased_always_off", "", [2]bool{}, [2]bool{true, true}, [2]bool{}},
		{"traceidratio", "0.5", [2]bool{true, false}, [2]bool{true, false}, [2]bool{true, false}},
		{"parentbased_traceidratio", "0.5", [2]bool{true, false}, [2]bool{true, true}, [2]bool{}},
		{"traceidratio", "", [2]bool{true, true}, [2]bool{true, true}, [2]bool{true, true}},
		{"traceidratio", "0", [2]bool{}, [2]bool{}, [2]bool{}},
	} {
		s, err := samplerOf(test.name, test.arg)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		for i, trace := range []TraceID{low, high} {
			if alone, yes, no := s.samples(Context{}, false, trace), s.samples(Context{Sampled: true}, true, trace), s.samples(Context{}, true, trace); alone != test.alone[i] || yes != test.yes[i] || no != test.no[i] {
				t.Errorf("%s %s: trace %d: %v, after yes %v, after no %v", test.name, test.arg, i, alone, yes, no)
			}
		}
	}
	for _, wrong := range [][2]string{{"xray", ""}, {"traceidratio", "2"}, {"traceidratio", "-0.1"}, {"parentbased_traceidratio", "NaN"}, {"traceidratio", "x"}} {
		if _, err := samplerOf(wrong[0], wrong[1]); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}

func TestTracesFromEnvironment(t *testing.T) {
	for _, test := range []struct{ env, endpoint, wrong string }{
		{"", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318", "http://h:4318/v1/traces", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1 OTEL_TRACES_EXPORTER=none", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://h:1 OTEL_METRICS_EXPORTER=none OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t/p", "http://t/p", ""},
		{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://h:1", "", ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=x OTEL_BSP_SCHEDULE_DELAY=0 OTEL_BSP_MAX_QUEUE_SIZE=9999999 OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4096 OTEL_TRACES_SAMPLER=some", "",
			"OTEL_EXPORTER_OTLP_ENDPOINT: want|OTEL_BSP_SCHEDULE_DELAY: want|OTEL_BSP_MAX_QUEUE_SIZE: want|OTEL_BSP_MAX_EXPORT_BATCH_SIZE: want|OTEL_TRACES_SAMPLER: choose"},
	} {
		env := map[string]string{}
		for _, pair := range strings.Fields(test.env) {
			k, v, _ := strings.Cut(pair, "=")
			env[k] = v
		}
		s, _, err := TracesFromEnvironment(func(name string) string { return env[name] })
		if s.Endpoint != test.endpoint || (err != nil) != (test.wrong != "") {
			t.Errorf("%s: endpoint %q, %v", test.env, s.Endpoint, err)
		}
		for i, want := range strings.Split(test.wrong, "|") {
			if err != nil && !strings.HasPrefix(strings.Split(err.Error()+strings.Repeat("\n", 9), "\n")[i], want) {
				t.Errorf("%s: %v, want %s", test.env, err, want)
			}
		}
	}
	s, _, err := TracesFromEnvironment(func(name string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h:1", "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BSP_EXPORT_TIMEOUT": "300"}[name]
	})
	if err != nil || s.Queue != 100 || s.Batch != 100 || s.Interval != 200*time.Millisecond || s.Timeout != 300*time.Millisecond {
		t.Errorf("%+v %v", s, err)
	}
}

// The queue is bounded, and what it has no room for is counted; what was kept comes in order.
func TestQueueOfSpans(t *testing.T) {
	tr := NewTracer(Settings{Queue: 5, Batch: 2}, Sampler{}, zerolog.Nop())
	for i := range 7 {
		tr.Add(Span{Name: string(rune('a' + i))})
	}
	got := ""
	take := func() {
		for _, s := range tr.Take() {
			got += s.Name
		}
		got += " "
	}
	take()
	tr.Add(Span{Name: "x"})
	take()
	take()
	take()
	if _, dropped := tr.Counts(); got != "ab cd ex  " || dropped != 2 {
		t.Errorf("%q, %d dropped", got, dropped)
	}
}

// recorder is a collector that answers as it is told to and keeps what it was sent.
type recorder struct {
	status atomic.Int32
	asked  atomic.Int32
	bodies chan []byte
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.asked.Add(1)
	body, _ := io.ReadAll(req.Body)
	w := httptest.NewRecorder()
	if status := int(r.status.Load()); status != 0 {
		w.WriteHeader(status)
		io.WriteString(w, "not now")
	} else {
		r.bodies <- body
	}
	return w.Result(), nil
}

// A collector that cannot take spans for now gets them later, the oldest first, and makes nobody wait; one that refuses
// them for good does not get them again; at the end it gets what is left.
func TestTracerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		tr := NewTracer(Settings{Endpoint: "http://127.0.0.1:1/", Interval: time.Second, Timeout: time.Second, Queue: 4, Batch: 2}, Sampler{}, zerolog.New(&log))
		to := &recorder{bodies: make(chan []byte, 10)}
		tr.to.client.Transport = to
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { tr.Run(ctx); close(ended) }()
		add := func(names string) {
			for _, n := range names {
				tr.Add(Span{Name: string(n)})
			}
			synctest.Wait()
		}
		counts := func(step string, asked int32, sent, dropped uint64) {
			t.Helper()
			if s, d := tr.Counts(); s != sent || d != dropped || to.asked.Load() != asked {
				t.Errorf("%s: asked %d, sent %d, dropped %d; want %d, %d, %d", step, to.asked.Load(), s, d, asked, sent, dropped)
			}
		}
		add("a")
		counts("before its time", 0, 0, 0)
		add("b")
		counts("a batch is full", 1, 2, 0)
		to.status.Store(503)
		add("cd")
		counts("it cannot", 2, 2, 0)
		add("efghij") // c and d are held, four have room
		counts("it is left alone", 2, 2, 2)
		time.Sleep(1500 * time.Millisecond)
		counts("it cannot yet", 3, 2, 2)
		to.status.Store(0)
		time.Sleep(time.Second)
		counts("it can again", 6, 8, 2)
		to.status.Store(400)
		add("kl")
		counts("refused for good", 7, 8, 4)
		to.status.Store(0)
		add("m")
		stop()
		<-ended
		counts("the end", 8, 9, 4)
		got := ""
		for range 5 {
			for _, s := range tracesIn(t, <-to.bodies) {
				got += s.Name
			}
		}
		if got != "abcdefghm" {
			t.Errorf("it got %s", got)
		}
		if text := log.String(); strings.Count(text, "could not be exported") != 2 || strings.Count(text, "exported again") != 2 || !strings.Contains(text, `"spans":4,"message":"spans were dropped"`) {
			t.Errorf("log:\n%s", text)
		}
	})
}

// However long its timeout, a collector that does not answer holds the end up by no more than the patience with the last
// export, and what it did not take is counted.
func TestSilentCollectorGetsNoMoreSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTracer(Settings{Endpoint: "http://127.0.0.1:1/", Interval: time.Second, Timeout: time.Hour, Queue: 4, Batch: 2}, Sampler{}, zerolog.Nop())
		var collector silent
		tr.to.client.Transport = &collector
		for range 4 {
			tr.Add(Span{})
		}
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		start := time.Now()
		tr.Run(ctx)
		if took, n := time.Since(start), collector.asked.Load(); took != 30*time.Second+lastPatience || n != 2 {
			t.Errorf("it took %v and %d exports", took, n)
		}
		if sent, dropped := tr.Counts(); sent != 0 || dropped != 4 {
			t.Errorf("%d sent, %d dropped", sent, dropped)
		}
	})
}

// Begin follows the client's trace, and makes ids of its own where there is none.
func TestBegin(t *testing.T) {
	all, _ := samplerOf("", "")
	tr := NewTracer(Settings{}, all, zerolog.Nop())
	client := Context{TraceID{1}, SpanID{2}, true}
	c, parent := tr.Begin(http.Header{"Traceparent": {client.Header()}})
	if c.Trace != client.Trace || parent != client.Span || c.Span == client.Span || !c.Sampled {
		t.Errorf("%v below %v", c, parent)
	}
	client.Sampled = false
	if c, _ := tr.Begin(http.Header{"Traceparent": {client.Header()}}); c.Sampled {
		t.Error("a trace that is not recorded is")
	}
	one, parent := tr.Begin(nil)
	other, _ := tr.Begin(nil)
	if one.Trace == other.Trace || one.Span == other.Span || one.Trace == (TraceID{}) || parent != (SpanID{}) {
		t.Errorf("%v and %v", one, other)
	}
}
