package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/gateway/core"
	"foundrylab/internal/otlp"
)

// traced makes a lab's gateway tell its spans to a tracer that sends nothing.
func traced(sampler string) (*otlp.Tracer, func(*Config)) {
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test", "OTEL_TRACES_SAMPLER": sampler}
	s, by, err := otlp.TracesFromEnvironment(func(name string) string { return env[name] })
	if err != nil {
		panic(err)
	}
	tr := otlp.NewTracer(s, by, zerolog.Nop())
	return tr, func(c *Config) { c.Tracer = tr }
}

// told writes spans as lines: how long after the lab's beginning they began and ended, whose child they are, and what they say.
func told(spans []otlp.Span) string {
	place := map[otlp.SpanID]string{{}: "-"}
	for i, s := range spans {
		place[s.Context.Span] = fmt.Sprint(i)
	}
	var b strings.Builder
	for i, s := range spans {
		parent, known := place[s.Parent]
		if !known {
			parent = "client"
		}
		fmt.Fprintf(&b, "%d below %s: %v to %v %q failed=%v", i, parent, time.Duration(s.Start), time.Duration(s.End), s.Name, s.Failed)
		for _, a := range s.Attributes {
			fmt.Fprintf(&b, " %s=%s", a.Key(), a)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const (
	chatSpan   = "gen_ai.operation.name=chat gen_ai.provider.name=azure.ai.openai http.request.method=POST"
	classicFor = chatSpan + " http.route=/openai/deployments/{deployment}/chat/completions"
)

// panicking is a credential with a bug.
type panicking struct{}

func (panicking) Token(context.Context) (string, error) { panic(http.ErrAbortHandler) }

// One span for the request and one for each attempt, with what became of each, when, and below whom.
func TestSpans(t *testing.T) {
	after := func(d time.Duration, h http.HandlerFunc) *fake {
		return always(func(w http.ResponseWriter, r *http.Request) { time.Sleep(d); h(w, r) })
	}
	for _, c := range []struct {
		name  string
		fakes []*fake
		ask   func(*lab)
		want  string
	}{
		{"a retry", []*fake{after(time.Second, status(429, "Retry-After", "60")), after(2*time.Second, ok)}, func(lb *lab) { lb.post(classic, chat, "api-key", "the key of the team") },
			`0 below 2: 0s to 1s "chat dep-a" failed=true ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a http.response.status_code=429 foundrylab.reason=rate-limited error.type=429
1 below 2: 1s to 3s "chat dep-b" failed=false ` + chatSpan + ` gen_ai.request.model=dep-b server.address=b.test server.port=80 foundrylab.backend=b http.request.resend_count=1 http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=7
2 below -: 0s to 3s "POST /openai/deployments/{deployment}/chat/completions" failed=false ` + classicFor + ` gen_ai.request.model=gpt-4.1 foundrylab.tenant=team foundrylab.backend=b foundrylab.attempts=2 foundrylab.queue_wait=0 http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=7
`},
		{"a stream that is cut", []*fake{always(stream(time.Second, roleEvent, contentEvent, "cut"))}, func(lb *lab) {
			lb.post(v1, `{"model":"gpt-4.1","max_tokens":9,"stream":true,"messages":[]}`, "api-key", "the key of the team")
		},
			`0 below 1: 0s to 3s "chat dep-a" failed=true ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a http.response.status_code=200 foundrylab.reason=cut-fault error.type=cut-fault
1 below -: 0s to 3s "POST /openai/v1/chat/completions" failed=true ` + chatSpan + ` http.route=/openai/v1/chat/completions gen_ai.request.model=gpt-4.1 gen_ai.request.max_tokens=9 foundrylab.tenant=team foundrylab.backend=a foundrylab.attempts=1 foundrylab.queue_wait=0 http.response.status_code=200 foundrylab.reason=cut-fault error.type=cut-fault
`},
		{"a client that leaves", []*fake{after(time.Minute, ok)}, func(lb *lab) {
			ctx, leave := context.WithTimeout(lb.t.Context(), 2*time.Second)
			defer leave()
			lb.request(ctx, classic, chat, "api-key", "the key of the team")
			time.Sleep(time.Minute)
		},
			`0 below 1: 0s to 2s "chat dep-a" failed=true ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a foundrylab.reason=client-gone error.type=client-gone
1 below -: 0s to 2s "POST /openai/deployments/{deployment}/chat/completions" failed=false ` + classicFor + ` gen_ai.request.model=gpt-4.1 foundrylab.tenant=team foundrylab.backend=a foundrylab.attempts=1 foundrylab.queue_wait=0 http.response.status_code=499 foundrylab.reason=client-gone
`},
		{"a client that leaves a stream", []*fake{always(stream(time.Second, contentEvent, contentEvent, doneEvent))}, func(lb *lab) {
			ctx, leave := context.WithTimeout(lb.t.Context(), 1500*time.Millisecond)
			defer leave()
			if resp, err := lb.request(ctx, v1, chat, "api-key", "the key of the team"); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			time.Sleep(time.Minute)
		},
			`0 below 1: 0s to 1.5s "chat dep-a" failed=true ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a foundrylab.reason=client-gone error.type=client-gone
1 below -: 0s to 1.5s "POST /openai/v1/chat/completions" failed=false ` + chatSpan + ` http.route=/openai/v1/chat/completions gen_ai.request.model=gpt-4.1 foundrylab.tenant=team foundrylab.backend=a foundrylab.attempts=1 foundrylab.queue_wait=0 http.response.status_code=499 foundrylab.reason=client-gone
`},
		{"a stream with its usage", []*fake{always(stream(0, contentEvent, finishEvent, usageEvent, doneEvent))}, func(lb *lab) { lb.post(v1, chat, "api-key", "the key of the team") },
			`0 below 1: 0s to 0s "chat dep-a" failed=false ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=42
1 below -: 0s to 0s "POST /openai/v1/chat/completions" failed=false ` + chatSpan + ` http.route=/openai/v1/chat/completions gen_ai.request.model=gpt-4.1 foundrylab.tenant=team foundrylab.backend=a foundrylab.attempts=1 foundrylab.queue_wait=0 http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=42
`},
		{"a panic", []*fake{always(ok)}, func(lb *lab) {
			lb.present.Load().pools[0].backends[0].Credential = panicking{}
			lb.request(lb.t.Context(), v1, chat, "api-key", "the key of the team")
		},
			`0 below 1: 0s to 0s "chat dep-a" failed=true ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a foundrylab.reason=interrupted error.type=interrupted
1 below -: 0s to 0s "POST /openai/v1/chat/completions" failed=true ` + chatSpan + ` http.route=/openai/v1/chat/completions gen_ai.request.model=gpt-4.1 error.type=panic
`},
		{"nobody is there", []*fake{nil}, func(lb *lab) { lb.post(classic, chat, "api-key", "the key of the team") },
			`0 below 1: 0s to 0s "chat dep-a" failed=true ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a foundrylab.reason=connect-error error.type=connect-error
1 below -: 0s to 0s "POST /openai/deployments/{deployment}/chat/completions" failed=true ` + classicFor + ` gen_ai.request.model=gpt-4.1 foundrylab.tenant=team foundrylab.backend=a foundrylab.attempts=1 foundrylab.queue_wait=0 http.response.status_code=502 foundrylab.reason=connect-error error.type=502
`},
		{"who may not, and what is no name", []*fake{always(ok)}, func(lb *lab) {
			lb.post(classic, chat, "api-key", "nobody's key")
			lb.post(v1, `{"model":"it is <a> secret","messages":[]}`, "api-key", "the key of the team")
		},
			`0 below -: 0s to 0s "POST /openai/deployments/{deployment}/chat/completions" failed=false ` + classicFor + ` http.response.status_code=401 foundrylab.reason=unauthorized
1 below 2: 0s to 0s "chat dep-a" failed=false ` + chatSpan + ` gen_ai.request.model=dep-a server.address=a.test server.port=80 foundrylab.backend=a http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=7
2 below -: 0s to 0s "POST /openai/v1/chat/completions" failed=false ` + chatSpan + ` http.route=/openai/v1/chat/completions foundrylab.tenant=team foundrylab.backend=a foundrylab.attempts=1 foundrylab.queue_wait=0 http.response.status_code=200 foundrylab.reason=none gen_ai.usage.input_tokens=20 gen_ai.usage.output_tokens=7
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tracer, change := traced("")
				lb := newLab(t, c.fakes, func(cfg *Config) {
					change(cfg)
					cfg.Clients = []Client{{Name: "team", Key: "the key of the team"}}
				})
				c.ask(lb)
				synctest.Wait()
				if got := told(tracer.Take()); got != c.want {
					t.Errorf("spans\n%swant\n%s", got, c.want)
				}
				time.Sleep(time.Minute) // the breaker's timer ends before the bubble
			})
		})
	}
}

// The client's trace goes on at the backend, below the attempt; one that is not recorded stays so, and what cannot be
// understood ends here. Without a tracer all of it passes as it came.
func TestTraceContext(t *testing.T) {
	const (
		trace  = "4bf92f3577b34da6a3ce929d0e0e4736"
		client = "00-" + trace + "-00f067aa0ba902b7-0"
	)
	for _, c := range []struct {
		name, sampler, parent string
		spans                 int
		goesOn, state         bool
		flags                 string
	}{
		{"recorded", "", client + "1", 2, true, true, "-01"},
		{"not recorded", "", client + "0", 0, true, true, "-00"},
		{"broken", "", "00-" + trace, 2, false, false, "-01"},
		{"none", "", "", 2, false, false, "-01"},
		{"none, not recorded", "parentbased_always_off", "", 0, false, false, "-00"},
		{"no tracer", "off", client + "1", 0, true, true, "00f067aa0ba902b7-01"},
		{"no tracer, broken", "off", "00-" + trace, 0, false, true, trace},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := always(ok)
			tracer, change := traced(strings.TrimPrefix(c.sampler, "off"))
			if c.sampler == "off" {
				change = nil
			}
			lb := newLab(t, []*fake{a}, change)
			header := []string{"Tracestate", "vendor=1"}
			if c.parent != "" {
				header = append(header, "Traceparent", c.parent)
			}
			lb.post(classic, chat, header...)
			synctest.Wait()
			got := a.requests()[0].header
			spans := tracer.Take()
			told := got.Get("Traceparent")
			if len(spans) != c.spans || strings.HasPrefix(told, "00-"+trace+"-") != c.goesOn || (got.Get("Tracestate") != "") != c.state || !strings.HasSuffix(told, c.flags) {
				t.Errorf("%s: %d spans, the backend got %q and %q", c.name, len(spans), told, got.Get("Tracestate"))
			}
			if len(spans) == 2 && told != spans[0].Header() {
				t.Errorf("%s: the backend is below %s, not below the attempt %s", c.name, told, spans[0].Header())
			}
		})
	}
}

// What nobody wants costs nothing.
func TestNoTracerAllocatesNothing(t *testing.T) {
	g := &Gateway{}
	rt, r := routes()[0], new(http.Request)
	if n := testing.AllocsPerRun(100, func() {
		tr := g.traceOf(rt, r)
		tr.begin(nil, core.Effect{})
		tr.inject(nil, nil)
		tr.usage(nil)
		tr.end(nil, 200, 0, 0)
		tr.refused(nil, visitor{}, nil)
		if tr != nil {
			t.Error("there is a trace")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
