package gateway

import (
	"bytes"
	"net/http"
	"strings"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
)

// Bounds on what a meter keeps of one answer, in bytes. Of a longer event the
// gateway does not know the tokens, and of a longer answer it takes the end for
// what the transport says.
const (
	maxEvent   = 1 << 20
	maxTail    = 2 * maxEvent // of a stream: what came since the last event, comments included
	maxMetered = 1 << 20
)

// meter reads an answer on its way: its completion tokens, and whether it came
// to its end. It passes whole events of a stream on, so that no client gets half
// of one.
type meter struct {
	op     *ops.Operation // nil: the answer cannot be read, or no longer
	framer *ops.Framer    // of an event stream; else nil

	classifier ops.Classifier // of its events
	kept       []byte         // of any other answer
	long       *long          // of one that is longer
	tail       []byte         // of a stream: the event that is not whole yet
	out        []byte         // memory of take
	json       bool           // which says that it is JSON
	hides      bool           // the client did not ask for the usage, and is not shown it

	dropped bool // the last byte was the CR that ends an event which is not shown

	used      ops.Used // as the backend counted; without usage the completion is the events with content
	events    int      // of the stream
	usage     bool     // used is the backend's own count
	content   bool     // content of a stream has come
	whole     bool     // the answer is complete as far as it can be known
	failed    bool     // the backend said in the stream that it failed
	malformed bool     // an event, or the answer, was no JSON
}

// newMeter returns the meter of an answer. One that is compressed, although
// nobody asked for that, cannot be read.
func newMeter(op *ops.Operation, h http.Header, like *ops.Outline) *meter {
	if h.Get("Content-Encoding") != "" {
		return &meter{whole: true}
	}
	m := &meter{op: op, json: hasType(h, "application/json")}
	if isEventStream(h) {
		m.framer, m.classifier = ops.NewFramer(maxEvent), ops.NewClassifier(op, like)
	}
	return m
}

func isEventStream(h http.Header) bool { return hasType(h, "text/event-stream") }

func hasType(h http.Header, want string) bool {
	t := h.Get("Content-Type")
	return len(t) >= len(want) && strings.EqualFold(t[:len(want)], want)
}

// take reads p, the next bytes of the answer, and returns what may be passed on
// of it and what came before: good until the next call, and as long as p is not
// changed. What is hidden is taken out of p where it stands.
func (m *meter) take(p []byte) []byte {
	switch {
	case m.long != nil:
		m.long.Take(p)
		return p
	case m.op == nil:
		return p
	case m.framer == nil:
		if m.kept = append(m.kept, p...); len(m.kept) > maxMetered {
			m.lengthen(m.kept)
		}
		return p
	}
	from := 0
	if m.dropped && p[0] == '\n' { // of a CRLF
		p = p[1:]
	}
	m.dropped = false
	shown, own := p[:0], len(m.tail) > 0 // nothing of p is overtaken by what is left of it
	if own {
		shown = m.out[:0]
	}
	for rest := p; len(rest) > 0; {
		data, left, ok := m.framer.Next(rest)
		if !ok {
			break
		}
		rest = left
		begun := from
		if from = len(p) - len(rest); from < len(p) && p[from-1] == '\r' && p[from] == '\n' {
			from++
		}
		if m.event(data); m.hides {
			shown = m.hide(shown, p[begun:from], data)
		}
	}
	done := from
	if m.framer.Err() != nil || len(m.tail)+len(p)-done > maxTail { // too long for anybody to wait for its end
		m.op, m.whole, from = nil, true, len(p)
	} else if from < len(p) && endsBlank(p) && m.framer.Idle() { // a comment, such as those that keep a connection open
		from = len(p)
	}
	if m.hides {
		if shown = m.rest(shown, p, done, from); own {
			m.out = shown
		}
		return shown
	}
	return m.upTo(p, from)
}

// long is an answer that is too long to be kept.
type long struct {
	ops.LongUsage
	op *ops.Operation
}

// lengthen makes an answer that is not streamed, which began so, one that is
// too long to be kept.
func (m *meter) lengthen(began []byte) {
	m.long = &long{op: m.op}
	m.long.Take(began)
	m.op, m.kept, m.whole = nil, nil, true
}

// upTo returns what was kept and p as far as from, and keeps the rest.
func (m *meter) upTo(p []byte, from int) []byte {
	if len(m.tail) == 0 || from == 0 {
		m.tail = append(m.tail, p[from:]...)
		return p[:from]
	}
	m.out = append(append(m.out[:0], m.tail...), p[:from]...)
	m.tail = append(m.tail[:0], p[from:]...)
	return m.out
}

func endsBlank(p []byte) bool {
	return bytes.HasSuffix(p, []byte("\n\n")) || bytes.HasSuffix(p, []byte("\r\n\r\n"))
}

func (m *meter) event(data []byte) {
	chunk := m.classifier.Classify(data)
	m.events++
	if m.op.Peek != nil { // else nothing of a model is asked, and a response shown again was counted when it was made
		m.count(&chunk)
	}
	switch chunk.Kind {
	case ops.ChunkContent:
		m.content = true
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

// count takes in what a chunk says of tokens.
func (m *meter) count(chunk *ops.Chunk) {
	if chunk.Prompt > 0 {
		m.used.Prompt, m.used.Cached = chunk.Prompt, chunk.Cached
	}
	if chunk.HasUsage {
		m.used.Completion, m.usage = chunk.Completion, true
	} else if chunk.Kind == ops.ChunkContent && !m.usage {
		m.used.Completion++
	}
}

// end is called when the answer is over, at its end as the transport says or
// because the connection broke, and returns what is left to be passed on. Nobody
// makes anything of half a JSON object.
func (m *meter) end(atEnd bool) (rest []byte) {
	switch {
	case m.long != nil:
		if atEnd {
			m.used, m.usage = m.long.Of(m.long.op)
		}
	case m.op == nil:
		rest, m.tail = m.tail, nil
	case m.framer == nil && m.json && atEnd && !ops.Complete(m.kept):
		m.malformed = true
	case m.framer == nil:
		if m.whole = true; atEnd || ops.Complete(m.kept) { // all of it may be there, and more announced
			m.used, m.usage = m.op.Usage(m.kept)
		}
	default:
		data, ok := m.framer.End()
		if ok && atEnd { // some servers leave the last blank line out
			m.event(data)
		}
		if rest = m.tail; !atEnd {
			rest = nil
		} else if m.hides && ok {
			rest = m.hide(nil, nil, data)
		}
		m.whole = m.whole && !m.failed && !m.malformed
	}
	return rest
}

// verdict is how an answer ended whose connection ended with that error, or well.
func (m *meter) verdict(upstream error) (record.Outcome, record.Reason) {
	switch {
	case m.malformed:
		return record.Failed, record.MalformedAnswer
	case m.whole && !m.failed && upstream == nil:
		return record.Succeeded, record.NoReason
	case m.content:
		return record.Failed, record.CutFault
	}
	return record.Failed, record.UpstreamError
}
