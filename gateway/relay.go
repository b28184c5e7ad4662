package gateway

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/record"
)

// relayBuffer is the size of the buffer an answer passes through, in bytes: an
// event of a stream is a few hundred.
const relayBuffer = 16 << 10

// relay passes the answer of an attempt through, unbuffered: of a stream
// every event is written and flushed at once.
func (x *exchange) relay(e core.Effect) {
	a := x.attemptOf(e.Ref)
	x.committed, x.cut, x.passed = true, true, a
	resp, m := a.response, a.meter
	if m.framer != nil {
		x.settings().tallies[x.visitor.place()].begin(a.at, e.At.Sub(a.sent))
	}
	x.body, x.template, resp.Request = nil, nil, nil // a stream may be long, and is not asked for again
	h := x.w.Header()
	passHeader(h, resp.Header)
	if m.hides {
		h.Del("Content-Length") // it is about what the client does not see too
	}
	x.sign(h, e)
	x.w = x.tagged(&x.settings().backends[e.Backend], resp.Header)
	x.w.WriteHeader(resp.StatusCode)
	upstream, client := a.pass(x.w, resp.Body, m)
	// The client of an answer that cannot be understood may leave at that, or not: either way the answer was the end.
	if client != nil || !m.malformed && x.gone() {
		x.leave()
		return
	}
	x.trace.usage(m)
	ev := core.Event{Status: uint16(resp.StatusCode)}
	m.tell(&ev)
	ev.Outcome, ev.Reason = m.verdict(upstream)
	// A stream whose backend said itself that it failed has told the client so.
	// So has one that is not streamed, and whole but for its content.
	x.cut = ev.Outcome != record.Succeeded && (upstream != nil || !m.failed && m.framer != nil)
	if x.cut { // what the client has by now must not depend on how much a buffer holds
		if m.framer != nil && !m.failed && !m.whole {
			x.w.Write(brokenOff(x.route.op, m.events))
		}
		_ = http.NewResponseController(x.w).Flush()
	}
	if !x.aborted(e.Ref) { // else the core gave it up, and knows
		a.end(ev)
	}
}

// pass copies an answer to the client, as far as the meter passes it on: what was
// held back first. It returns what went wrong at the backend's and at the
// client's end.
func (a *attempt) pass(w http.ResponseWriter, body io.Reader, m *meter) (upstream, client error) {
	flush := func() error { return nil }
	if isEventStream(a.response.Header) {
		rc := http.NewResponseController(w)
		flush = func() error {
			if err := rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			return nil // a wrapper that hides flushing buffers; nothing is lost
		}
	}
	write := func(p []byte) error {
		if _, err := w.Write(p); err != nil {
			return err
		}
		return flush()
	}
	// Nothing held means the headers, which may come long before the first token.
	client = write(a.held.bytes)
	if a.held.bytes = nil; client != nil || a.held.ended {
		return nil, client
	}
	upstream = a.read(body, func(p []byte) bool {
		if out := m.take(p); len(out) > 0 {
			client = write(out)
		}
		return client == nil && !m.malformed // then no client reads on
	})
	if client == nil {
		if rest := m.end(upstream == io.EOF); len(rest) > 0 {
			client = write(rest)
		}
	}
	if upstream == io.EOF {
		upstream = nil
	}
	return upstream, client
}

// sign puts the gateway's claims on an answer.
func (x *exchange) sign(h http.Header, e core.Effect) {
	in := x.settings()
	if in.Name != "" {
		h.Set("X-Gateway-Pool", in.Name)
	}
	if e.Backend != core.NoBackend {
		h.Set("X-Gateway-Backend", in.backends[e.Backend].Name)
	}
	h.Set("X-Gateway-Attempts", strconv.Itoa(int(e.Attempts)))
	wait := int64(e.QueueWait.Span() / time.Microsecond)
	h.Set("X-Gateway-Queue-Wait-Ms", strconv.FormatInt(wait/1000, 10)+"."+strconv.FormatInt(wait%1000/100, 10))
}

// tell says in an event what the answer used, as far as it is known.
func (m *meter) tell(ev *core.Event) {
	ev.Completion = tokens32(m.used.Completion)
	if m.usage {
		ev.PromptTokens, ev.PromptEstimate = tokens32(m.used.Prompt), tokens32(max(m.used.Prompt-m.used.Cached, 1))
	}
}

// tokens32 is a count of a backend's own, which may say anything.
func tokens32(n int) int32 { return int32(min(n, math.MaxInt32)) }
