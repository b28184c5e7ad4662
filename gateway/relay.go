package gateway

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"foundrylab/gateway/core"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
)

// relayBuffer is the size of the buffer an answer passes through, in bytes: an
// event of a stream is a few hundred.
const relayBuffer = 16 << 10

// relay passes the answer of the live attempt through, unbuffered: of a stream
// every read is written and flushed at once.
func (x *exchange) relay(e core.Effect) {
	x.committed, x.cut = true, true
	resp := x.response
	x.body, x.template, resp.Request = nil, nil, nil // a stream may be long, and is not asked for again
	m := newMeter(x.route.op, resp.Header)
	h := x.w.Header()
	passHeader(h, resp.Header)
	x.g.sign(h, e)
	x.w.WriteHeader(resp.StatusCode)
	upstream, client := x.pass(resp.Body, m)
	// The client of an answer that cannot be understood may leave at that, or not: either way the answer was the end.
	if client != nil || !m.malformed && x.gone() {
		x.leave()
		return
	}
	m.end(upstream == nil)
	ev := core.Event{Status: uint16(resp.StatusCode), Outcome: record.Succeeded, Completion: int32(m.completion)}
	if !m.whole || upstream != nil {
		ev.Outcome, ev.Reason = record.Failed, record.UpstreamError
		switch {
		case m.malformed:
			ev.Reason = record.MalformedAnswer
		case m.content:
			ev.Reason = record.CutFault
		}
	}
	// A stream whose backend said itself that it failed has told the client so.
	// So has one that is not streamed, and whole but for its content.
	x.cut = ev.Outcome != record.Succeeded && (upstream != nil || !m.failed && m.framer != nil)
	if x.cut { // what the client has by now must not depend on how much a buffer holds
		_ = http.NewResponseController(x.w).Flush()
	}
	x.end(ev)
}

// pass copies body to the client and shows it to the meter. It returns what
// went wrong at the backend's and at the client's end; io.EOF is nothing wrong.
func (x *exchange) pass(body io.Reader, m *meter) (upstream, client error) {
	flush := func() error { return nil }
	if m.framer != nil {
		rc := http.NewResponseController(x.w)
		flush = func() error {
			if err := rc.Flush(); !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			return nil // a wrapper that hides flushing buffers; nothing is lost
		}
		if err := flush(); err != nil { // the headers, which may come long before the first token
			return nil, err
		}
	}
	buf := x.g.buffers.Get().(*[relayBuffer]byte)
	defer func() { x.g.buffers.Put(buf) }()
	waiter, waits := body.(interface{ Wait() })
	for {
		if waits && m.framer != nil { // a stream is waiting most of its time, and needs no buffer for that
			x.g.buffers.Put(buf)
			waiter.Wait()
			buf = x.g.buffers.Get().(*[relayBuffer]byte)
		}
		n, err := body.Read(buf[:])
		if n > 0 {
			if _, err := x.w.Write(buf[:n]); err != nil {
				return nil, err
			}
			if err := flush(); err != nil {
				return nil, err
			}
			if m.see(buf[:n]); m.malformed {
				return nil, nil // no client reads on
			}
		}
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
	}
}

// Bounds on what a meter keeps of one answer, in bytes. Of a longer answer the
// gateway does not know the tokens, and takes its end for what the transport
// says.
const (
	maxEvent   = 1 << 20
	maxMetered = 1 << 20
)

// meter reads an answer on its way: its completion tokens, and whether it came
// to its end.
type meter struct {
	op     *ops.Operation // nil: the answer cannot be read
	framer *ops.Framer    // of an event stream; else nil
	kept   []byte         // of any other answer
	json   bool           // which says that it is JSON

	completion int  // tokens: the usage where there is one, else the events with content
	usage      bool // completion is the backend's own count
	content    bool // content of a stream has passed
	whole      bool // the answer is complete as far as it can be known
	failed     bool // the backend said in the stream that it failed
	malformed  bool // an event, or the answer, was no JSON
}

// newMeter returns the meter of an answer. One that is compressed, although
// nobody asked for that, cannot be read.
func newMeter(op *ops.Operation, h http.Header) *meter {
	if h.Get("Content-Encoding") != "" {
		return &meter{whole: true}
	}
	m := &meter{op: op, json: hasType(h, "application/json")}
	if isEventStream(h) {
		m.framer = ops.NewFramer(maxEvent)
	}
	return m
}

func isEventStream(h http.Header) bool { return hasType(h, "text/event-stream") }

func hasType(h http.Header, want string) bool {
	t := h.Get("Content-Type")
	return len(t) >= len(want) && strings.EqualFold(t[:len(want)], want)
}

func (m *meter) see(p []byte) {
	switch {
	case m.op == nil:
	case m.framer == nil:
		if m.kept = append(m.kept, p...); len(m.kept) > maxMetered {
			m.op, m.kept, m.whole = nil, nil, true
		}
	default:
		for data, rest, ok := m.framer.Next(p); ok; data, rest, ok = m.framer.Next(rest) {
			m.event(data)
		}
	}
}

func (m *meter) event(data []byte) {
	chunk := m.op.Classify(data)
	if chunk.HasUsage {
		m.completion, m.usage = chunk.Completion, true
	}
	switch chunk.Kind {
	case ops.ChunkContent:
		m.content = true
		if !m.usage {
			m.completion++
		}
	case ops.ChunkError:
		m.failed = true
	case ops.ChunkMalformed:
		m.malformed = true
	case ops.ChunkDone:
		m.whole = true
	}
	if chunk.Finish != ops.FinishNone {
		m.whole = true
	}
}

// end is called when the answer is over: at its end as the transport says, or
// because the connection broke. Nobody makes anything of half a JSON object.
func (m *meter) end(atEnd bool) {
	switch {
	case m.op == nil:
	case m.framer == nil && m.json && atEnd && !jsontext.Value(m.kept).IsValid():
		m.malformed = true
	case m.framer == nil:
		if m.whole = true; atEnd {
			_, m.completion, _ = m.op.Usage(m.kept)
		}
	default:
		if data, ok := m.framer.End(); ok { // some servers leave the last blank line out
			m.event(data)
		}
		m.whole = (m.whole || m.framer.Err() != nil) && !m.failed && !m.malformed
	}
}

// sign puts the gateway's claims on an answer.
func (g *Gateway) sign(h http.Header, e core.Effect) {
	if e.Backend != core.NoBackend {
		h.Set("X-Gateway-Backend", g.present.Load().backends[e.Backend].Name)
	}
	h.Set("X-Gateway-Attempts", strconv.Itoa(int(e.Attempts)))
	wait := int64(e.QueueWait.Span() / time.Microsecond)
	h.Set("X-Gateway-Queue-Wait-Ms", strconv.FormatInt(wait/1000, 10)+"."+strconv.FormatInt(wait%1000/100, 10))
}
