package loadgen

import (
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/core"
)

// Bounds on an answer, in bytes.
const (
	maxEvent   = 1 << 20  // of one event; a longer one is not this API
	maxWhole   = 16 << 20 // of one that is not streamed
	maxIgnored = 64 << 10 // of what is read for the connection's sake only
	readBuffer = 4 << 10
)

// read reads an answer and says how the try ended, except whose it was.
func (l *load) read(t *try, resp *http.Response) core.Event {
	ev := l.claims(resp)
	switch {
	case resp.StatusCode != http.StatusOK:
		// As the libraries do: the answer is over when its body is.
		io.CopyN(io.Discard, resp.Body, maxIgnored)
		ev.Outcome, ev.Reason = record.Failed, record.BackendStatus
		if resp.StatusCode == http.StatusTooManyRequests {
			ev.Outcome, ev.Reason = record.Throttled, record.RateLimited
		}
		if own, ok := record.ReasonNamed(resp.Header.Get("x-gateway-reason")); ok {
			ev.Reason = own // an answer that the gateway itself made says why
		}
	case t.Flag:
		chat := ops.All[0]
		s := stream{load: l, framer: ops.NewFramer(maxEvent), classifier: ops.NewClassifier(&chat, nil)}
		s.read(resp.Body)
		s.judge(&ev)
	default:
		l.whole(resp.Body, &ev)
	}
	return ev
}

// whole reads an answer that is not streamed. Its first content is there when
// all of it is.
func (l *load) whole(body io.Reader, ev *core.Event) {
	text, err := io.ReadAll(io.LimitReader(body, maxWhole+1))
	ev.Outcome = record.Failed
	switch {
	case err != nil:
		ev.Reason = record.UpstreamError
	case len(text) > maxWhole || len(text) == 0 || text[0] != '{' || !jsontext.Value(text).IsValid():
		ev.Reason = record.MalformedAnswer
	default:
		ev.Outcome, ev.First = record.Succeeded, l.clock.Now()
		u, _ := ops.Usage(text)
		ev.Completion = int32(min(u.Completion, math.MaxInt32))
	}
}

// stream reads an answer of server-sent events.
type stream struct {
	load       *load
	framer     *ops.Framer
	classifier ops.Classifier
	first      tick.Instant
	completion int  // the usage where there was one, else the events with content
	usage      bool // completion is the server's own count
	finish     bool // a finish_reason has come
	done       bool // [DONE] has come
	failed     bool // the server said in the stream that it failed
	malformed  bool
	err        error // of the transport; nil at a clean end
}

// read reads up to [DONE], or the end of the body.
func (s *stream) read(body io.Reader) {
	buf := make([]byte, readBuffer)
	for !s.done && !s.malformed {
		n, err := body.Read(buf)
		now := s.load.clock.Now()
		for data, rest, ok := s.framer.Next(buf[:n]); ok; data, rest, ok = s.framer.Next(rest) {
			s.event(now, data)
		}
		if s.framer.Err() != nil {
			s.malformed = true
		}
		if err == io.EOF {
			// Some servers leave the last blank line out; half an event is a cut.
			if data, ok := s.framer.End(); ok && ops.ClassifySSE(data).Kind != ops.ChunkMalformed {
				s.event(now, data)
			}
			return
		}
		if err != nil {
			s.err = err
			return
		}
	}
}

func (s *stream) event(now tick.Instant, data []byte) {
	chunk := s.classifier.Classify(data)
	if chunk.HasUsage {
		s.completion, s.usage = chunk.Completion, true
	}
	switch chunk.Kind {
	case ops.ChunkContent:
		if s.first == 0 {
			s.first = now
		}
		if !s.usage {
			s.completion++
		}
	case ops.ChunkDone:
		s.done = true
	case ops.ChunkError:
		s.failed = true
	case ops.ChunkMalformed:
		s.malformed = true
	}
	if chunk.Finish != ops.FinishNone {
		s.finish = true
	}
}

// judge writes how the stream ended. A cut one has status 200: the libraries
// do not ask again for what had begun.
func (s *stream) judge(ev *core.Event) {
	ev.First, ev.Completion = s.first, int32(min(s.completion, math.MaxInt32))
	whole := s.done || s.finish && s.err == nil
	ev.Outcome = record.Failed
	switch {
	case s.malformed:
		ev.Reason = record.MalformedAnswer
	case whole && !s.failed:
		ev.Outcome = record.Succeeded
	case s.first != 0:
		ev.Reason = record.CutFault
	default:
		ev.Reason = record.UpstreamError
	}
}

// claims reads what the headers say.
func (l *load) claims(resp *http.Response) core.Event {
	ev := core.Event{Status: uint16(resp.StatusCode)}
	if n, err := strconv.ParseUint(resp.Header.Get("X-Gateway-Attempts"), 10, 16); err == nil {
		ev.Attempts = uint16(n)
	}
	if ms, ok := milliseconds(resp.Header.Get("X-Gateway-Queue-Wait-Ms"), time.Millisecond); ok {
		ev.QueueWait = tick.ToUnits(ms)
	}
	if resp.StatusCode != http.StatusOK {
		ev.RetryMs, ev.HasRetry = l.retryAfter(resp.Header)
	}
	return ev
}

// retryAfter reads the wait that an answer names as the libraries do:
// retry-after-ms before retry-after, which is in seconds or a date.
func (l *load) retryAfter(h http.Header) (ms uint32, ok bool) {
	wait, ok := milliseconds(h.Get("Retry-After-Ms"), time.Millisecond)
	after := h.Get("Retry-After")
	if !ok {
		wait, ok = milliseconds(after, time.Second)
	}
	if !ok {
		date, err := http.ParseTime(after)
		if err != nil {
			return 0, false
		}
		wait, ok = max(tick.Instant(date.UnixNano()).Sub(l.clock.Now()), 0), true
	}
	// Rounded up: a client that comes back early is refused again.
	return uint32(min((wait+time.Millisecond-1)/time.Millisecond, math.MaxUint32)), ok
}

// milliseconds parses a decimal number of units; ok is false for anything else,
// negative numbers included. It saturates.
func milliseconds(s string, unit time.Duration) (d time.Duration, ok bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(f >= 0) || f > 1e9 {
		return 0, false
	}
	return time.Duration(f * float64(unit)), true
}
