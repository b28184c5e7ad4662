package gateway

import (
	"net/http"
	"net/url"
	"strconv"

	"foundrylab/gateway/core"
	"foundrylab/gateway/tenancy"
	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/otlp"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// trace is what spans tell of one request: one of the gateway as a server, and
// one of the gateway as a client for each attempt. Names follow OpenTelemetry's
// conventions for HTTP and for generative AI, ours begin with foundrylab. It
// holds no header, no content, and of the client's words only a model whose
// name may stand in a log. A nil trace tells nothing and costs nothing.
type trace struct {
	tracer *otlp.Tracer
	clock  *drive.Clock
	route  *route
	server otlp.Span

	counted            bool // the backend said what it counted, of the answer that was passed on
	prompt, completion int64
}

// traceOf returns the trace of a request that has arrived; nil where nobody
// wants spans.
func (g *Gateway) traceOf(rt *route, r *http.Request) *trace {
	if g.cfg.Tracer == nil {
		return nil
	}
	t := &trace{tracer: g.cfg.Tracer, clock: g.cfg.Clock, route: rt}
	t.server = otlp.Span{Name: r.Method + " " + rt.path, Kind: otlp.Server, Start: t.clock.Now()}
	t.server.Context, t.server.Parent = t.tracer.Begin(r.Header)
	t.server.Attributes = append(t.about(), otlp.Text("http.route", rt.path))
	return t
}

// about is what both kinds of spans say of the operation.
func (t *trace) about() []otlp.Attribute {
	provider := "azure.ai.openai"
	if t.route.op.In&forwarded == ops.InAnthropic {
		provider = "anthropic"
	}
	return append(make([]otlp.Attribute, 0, 16), otlp.Text("gen_ai.operation.name", t.route.op.GenAI), otlp.Text("gen_ai.provider.name", provider),
		otlp.Text("http.request.method", t.route.op.Method))
}

// asks tells what a request asks for. A model that is no name is left out: it is
// whatever a client wrote.
func (t *trace) asks(model string, maxTokens int32) {
	if tenancy.NameFits(model) {
		t.server.Attributes = append(t.server.Attributes, otlp.Text("gen_ai.request.model", model))
	}
	if maxTokens >= 0 {
		t.server.Attributes = append(t.server.Attributes, otlp.Int("gen_ai.request.max_tokens", int64(maxTokens)))
	}
}

// begin returns the span of an attempt at a backend that begins.
func (t *trace) begin(b *backend, e core.Effect) *otlp.Span {
	if t == nil {
		return nil
	}
	s := &otlp.Span{Context: t.server.Context.Below(), Parent: t.server.Context.Span, Name: t.route.op.GenAI + " " + b.Deployment, Kind: otlp.Client, Start: t.clock.Now()}
	target := b.targets[0]
	s.Attributes = append(t.about(), otlp.Text("gen_ai.request.model", b.Deployment), otlp.Text("server.address", target.Hostname()),
		otlp.Int("server.port", portOf(target)), otlp.Text("foundrylab.backend", b.Name))
	if e.Attempts > 1 {
		s.Attributes = append(s.Attributes, otlp.Int("http.request.resend_count", int64(e.Attempts)-1))
	}
	if e.Hedge {
		s.Attributes = append(s.Attributes, otlp.Bool("foundrylab.hedge", true))
	}
	return s
}

// portOf is the port of a URL that has http or https.
func portOf(u *url.URL) int64 {
	if n, err := strconv.ParseInt(u.Port(), 10, 64); err == nil {
		return n
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// inject tells a backend that it is below an attempt. What a client
// said of a trace that was not followed says nothing of this one.
func (t *trace) inject(h http.Header, attempt *otlp.Span) {
	if t == nil {
		return
	}
	h["Traceparent"] = []string{attempt.Context.Header()}
	if t.server.Parent == (otlp.SpanID{}) {
		delete(h, "Tracestate")
	}
}

// usage notes what a backend counted of the answer that was passed on.
func (t *trace) usage(m *meter) {
	if t != nil && m.usage {
		t.counted, t.prompt, t.completion = true, int64(m.used.Prompt), int64(m.used.Completion)
	}
}

// end ends the span of an attempt, if it has one. A status of 0 is no answer. Who is
// outrun has not failed.
func (t *trace) end(a *attempt, status uint16, outcome record.Outcome, reason record.Reason) {
	if t == nil || a.span == nil {
		return
	}
	s := a.span
	s.Failed = status >= 400 || outcome != record.Succeeded && reason != record.Outrun
	t.over(s, a.ended(), status, reason)
	a.span = nil
}

// over adds what is known at the end of a span, and lets it go.
func (t *trace) over(s *otlp.Span, now tick.Instant, status uint16, reason record.Reason) {
	if status > 0 {
		s.Attributes = append(s.Attributes, otlp.Int("http.response.status_code", int64(status)))
	}
	s.Attributes = append(s.Attributes, otlp.Text("foundrylab.reason", reason.String()))
	if t.counted {
		s.Attributes = append(s.Attributes, otlp.Int("gen_ai.usage.input_tokens", t.prompt), otlp.Int("gen_ai.usage.output_tokens", t.completion))
	}
	why := reason.String()
	if status >= 400 {
		why = strconv.Itoa(int(status))
	}
	t.add(s, now, why)
}

// add lets a span go; why is its error.type where it failed.
func (t *trace) add(s *otlp.Span, now tick.Instant, why string) {
	if !s.Sampled {
		return
	}
	if s.Failed {
		s.Attributes = append(s.Attributes, otlp.Text("error.type", why))
	}
	s.End = now
	t.tracer.Add(*s)
}

// respond ends the request's span, and that of an attempt which the core took back.
func (t *trace) respond(x *exchange, e core.Effect) {
	if t == nil {
		return
	}
	t.end(&x.first, 0, record.Failed, e.Reason)
	s, in := &t.server, x.settings()
	t.who(x.g.present.Load(), x.visitor)
	if in.Name != "" {
		s.Attributes = append(s.Attributes, otlp.Text("foundrylab.pool", in.Name))
	}
	if e.Backend != core.NoBackend {
		s.Attributes = append(s.Attributes, otlp.Text("foundrylab.backend", in.backends[e.Backend].Name))
	}
	s.Attributes = append(s.Attributes, otlp.Int("foundrylab.attempts", int64(e.Attempts)), otlp.Float("foundrylab.queue_wait", e.QueueWait.Span().Seconds()))
	if e.Hedge {
		s.Attributes = append(s.Attributes, otlp.Bool("foundrylab.hedged", true))
	}
	// What a client did, or asked too much of, is no failure of the server's.
	s.Failed = e.Status >= 500 || x.cut && !x.left
	t.over(s, e.At, e.Status, e.Reason)
}

// refused ends the span of what never became a request.
func (t *trace) refused(in *settings, v visitor, f *refusal) {
	if t == nil {
		return
	}
	s := &t.server
	t.who(in, v)
	s.Failed = f.status >= 500
	s.Attributes = append(s.Attributes, otlp.Int("http.response.status_code", int64(f.status)), otlp.Text("foundrylab.reason", f.reason))
	t.add(s, t.clock.Now(), strconv.Itoa(f.status))
}

// broken ends the span of a request whose goroutine panics.
func (t *trace) broken() {
	if t == nil {
		return
	}
	t.server.Failed = true
	t.add(&t.server, t.clock.Now(), "panic")
}

// who tells the tenant.
func (t *trace) who(in *settings, v visitor) {
	if v.tenant != record.NoTenant {
		t.server.Attributes = append(t.server.Attributes, otlp.Text("foundrylab.tenant", in.cfg.Clients[v.tenant].Name))
	}
}
