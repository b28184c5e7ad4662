package gateway

import (
	"bytes"
	"errors"
	"math"
	"net/http"
	"os"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/ops"
)

// serve returns the handler of a route: who asks, what, and then an exchange.
func (g *Gateway) serve(id int, rt *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, t := g.present.Load(), g.traceOf(rt, r)
		v, problem, why := in.door.enter(r)
		if problem != nil {
			t.refused(in, v, problem)
			g.refuse(w, rt, v, problem, why)
			return
		}
		x, problem := g.receive(in, id, rt, v, w, r)
		if problem != nil {
			t.refused(in, v, problem)
			g.refuse(w, rt, v, problem, "")
			return
		}
		x.trace = t
		request := g.describe(x)
		if !x.withinTotal(in, &request) {
			return
		}
		defer x.settleTotal(core.Effect{}) // however it ends
		x.run(request)
	}
}

// receive takes a request in, as far as its sender may send it.
func (g *Gateway) receive(in *settings, id int, rt *route, v visitor, w http.ResponseWriter, r *http.Request) (*exchange, *refusal) {
	if problem := v.permit(r); problem != nil {
		return nil, problem
	}
	var to *pool
	var tie bound
	var problem *refusal
	switch { // before its body is read
	case rt.named:
		tie, to, problem = in.bindPath(&v, r)
	case !rt.body:
		to, problem = in.poolFor(&v, pathModel(r))
	}
	if problem != nil {
		return nil, problem
	}
	body, problem := g.read(w, r, v.maxBody(in.cfg.MaxBody))
	if problem != nil {
		return nil, problem
	}
	if rt.op.Peek != nil {
		if body, problem = in.door.comply(&v, body); problem != nil {
			return nil, problem
		}
	}
	x := &exchange{g: g, pool: to, bound: tie, route: rt, routeID: id, w: w, r: r, body: body, visitor: v, began: g.cfg.Clock.Now()}
	if !rt.body {
		return x, nil
	}
	template, model, ok := splitAtModel(body)
	if !ok {
		return nil, notAnObject
	}
	x.template = template
	if x.pool, problem = in.poolFor(&v, model); problem == nil && rt.ids {
		x.bindBody()
	}
	return x, problem
}

// bodyTime is how long a body may take to come: who sends a byte now and then
// holds a connection no longer.
const bodyTime = time.Minute

// read takes the whole body in before anything is sent. A retry needs it; and
// a body that is still copied while the answer begins makes net/http tear down
// the connection to the backend, since the server closes the body when the
// answer's headers are written (golang/go#40747).
func (g *Gateway) read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, *refusal) {
	if r.ContentLength > most {
		return nil, tooLarge
	}
	var body bytes.Buffer
	// A length is only a claim: what a client says it will send does not make
	// the gateway set aside much.
	body.Grow(int(min(max(r.ContentLength, 0), 256<<10)) + bytes.MinRead)
	conn := http.NewResponseController(w)
	conn.SetReadDeadline(time.Now().Add(bodyTime)) // where there are deadlines
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, most))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, tooSlow
	case err != nil:
		return nil, unreadable
	}
	conn.SetReadDeadline(time.Time{})
	return body.Bytes(), nil
}

// describe returns the Request event of an exchange. The gateway does not judge
// a body: what is wrong with it the backend says better, so an error of Peek
// leaves only less known. What it takes long to know is left for later: see
// countPrompt.
func (g *Gateway) describe(x *exchange) core.Event {
	if x.route.op.Peek == nil { // it asks nothing of a model
		return core.Event{Kind: core.Request, Tenant: x.visitor.tenant, Key: g.unmarked.Add(1) * spread, Bytes: int32(min(len(x.body), math.MaxInt32)), Span: deadlineOf(x.r.Header), Pin: x.bound.pin, Marks: core.Apart}
	}
	reader := g.peekers.Get().(*ops.Peeker)
	peeked, err := x.route.op.Peek(reader, x.body)
	g.peekers.Put(reader)
	x.silent = err == nil && peeked.Stream && !peeked.IncludeUsage && !g.present.Load().cfg.LeaveUsage && tellsUsage(x.route, x.r)
	x.asks = asksOf(x.route.op, &peeked)
	ev := core.Event{
		Kind: core.Request, Tenant: x.visitor.tenant, Stream: peeked.Stream, MaxTokens: x.asks.maxTokens,
		PromptEstimate: int32(min(x.route.size.Estimate(&peeked), math.MaxInt32)), Bytes: int32(min(len(x.body), math.MaxInt32)), Span: deadlineOf(x.r.Header),
		Pin: x.bound.pin,
	}
	if x.settings().asksForCanary(x.r.Header) {
		ev.Marks |= core.AsksCanary
	}
	if x.route.ids { // it is kept by its backend, and may use tools
		ev.Marks |= core.Apart
	}
	x.asks.estimate = ev.PromptEstimate
	if x.trace != nil {
		x.trace.asks(x.called(&peeked), int32(peeked.OutputLimit()))
	}
	if m, ok := peeked.Marker(); ok {
		x.prompt = int32(m.Prompt)
		ev.Key, ev.PromptTokens = m.Key, x.prompt
	} else {
		x.uncounted = &peeked
		ev.Key = g.unmarked.Add(1) * spread
	}
	x.asks.key = ev.Key
	return ev
}

// spread makes numbers that follow one another differ in every bit: the golden ratio of 2 to the 64th (Knuth's
// multiplicative hash).
const spread = 0x9e3779b97f4a7c15

// countPrompt counts the prompt, once. It takes a while, and is called when the
// backend has work to do meanwhile.
func (x *exchange) countPrompt() {
	x.counting.Lock()
	defer x.counting.Unlock()
	if x.uncounted == nil {
		return
	}
	x.prompt = x.settings().promptTokens(x.route, x.called(x.uncounted), x.uncounted)
	x.uncounted = nil
}

// promptTokens are the prompt's, as far as they are counted; 0: not yet.
func (x *exchange) promptTokens() int32 {
	x.counting.Lock()
	defer x.counting.Unlock()
	return x.prompt
}

// called is the model as the client names it.
func (x *exchange) called(p *ops.Peeked) string {
	if x.route.body {
		return p.Model
	}
	return pathModel(x.r)
}
