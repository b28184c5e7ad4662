package simulator

import (
	"net/http"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// writeGrace is how long a client that does not read may hold a stream beyond its planned end.
const writeGrace = 30 * time.Second

// stream writes server-sent events as planned: the headers and the verdict on the prompt, then each token at its
// instant. What is due at once is written at once, so a writer that is late catches up in one write.
type stream struct {
	c      *call
	answer content.Writer
	plan   *deployment.Effect
	out    *http.ResponseController
	sheet  *sheet // nil: nothing has gathered
	buf    []byte // what has, in the sheet
	begun  bool   // headers and filter event are out
	opened bool   // so are the events that open the choices
	sent   int32
}

// stream answers in pieces. The last of them waits for the deployment's word that the answer is complete, so that
// client and ledger never disagree on it.
func (c *call) stream(f *flight) {
	s := &stream{c: c, answer: c.writer(f), plan: &f.plan, out: http.NewResponseController(c.w)}
	c.forget()
	end := tick.Instant(0)
	for !f.ended {
		if f.done() != end { // the plan is new
			end = f.done()
			// where there are deadlines; net/http lifts it with the end of the answer
			s.out.SetWriteDeadline(time.Now().Add(c.srv.clock.Until(end) + writeGrace))
		}
		due := s.next()
		if f.wait(due) && due == f.done() {
			f.finish()
		}
		now := c.srv.clock.Now()
		if !f.ended && !s.begun && s.next() <= now {
			now = f.settle() // headers are not written before the deployment has said so: a fault may just have begun
		}
		// and neither is the end itself
		if !f.ended && !s.advance(min(now, f.done()-1), s.limit()) {
			f.leave()
		}
	}
	switch {
	case f.end.Kind == deployment.Finish:
		s.fill(f.done(), f.plan.Tokens)
		c.remember()
		s.buf = s.answer.AppendClose(s.room())
		s.flush()
	case f.end.Status == 0: // cut before anything was due
		c.reset()
	default:
		s.fill(f.end.At, f.end.Tokens)
		s.breakOff(f.end.Reason)
	}
}

// forget gives back what was read to plan the answer: an open stream waits long, and there are thousands. What is to be
// remembered of a response is needed until its end.
func (c *call) forget() {
	if c.memo != nil {
		if !c.peeked.Response.Unstored {
			return
		}
		c.peeked.Response.Items = nil // what the answer repeats of the request has it still
	}
	c.memo, c.peeked, c.text = nil, nil, nil
}

// breakOff ends a stream that is not complete. A connection that closes says so; the response that a fault has ended in
// another way is whole as HTTP.
func (s *stream) breakOff(why record.Reason) {
	switch why {
	case record.TruncateFault:
	case record.StreamErrorFault:
		s.buf = s.answer.AppendError(s.room(), content.Overloaded(http.StatusServiceUnavailable, s.c.guid(0)))
	case record.MalformedFault:
		s.buf = s.answer.AppendBroken(s.room())
	default:
		s.flush()
		panic(http.ErrAbortHandler)
	}
	s.flush()
}

// next returns when something more is due.
func (s *stream) next() tick.Instant {
	switch {
	case !s.begun:
		return s.plan.At.After(s.plan.HeadIn())
	case !s.opened:
		return s.plan.At.After(s.plan.FirstIn())
	case s.sent < s.limit():
		return min(s.plan.TokenAt(s.sent+1), s.plan.EndsAt())
	}
	return s.plan.EndsAt()
}

// limit returns how many tokens will be sent at most. A writer that is late must not pass the point where the answer
// breaks off.
func (s *stream) limit() int32 {
	if s.plan.BreaksOff() {
		return int32(s.plan.After)
	}
	return s.plan.Tokens
}

// advance writes what is due at now, up to a number of tokens, and reports whether the client still takes it.
func (s *stream) advance(now tick.Instant, limit int32) bool {
	s.fill(now, limit)
	return s.flush()
}

func (s *stream) fill(now tick.Instant, limit int32) {
	if !s.begun && now >= s.plan.At.After(s.plan.HeadIn()) {
		s.begun = true
		s.head()
		s.buf = s.answer.AppendHead(s.room())
	}
	if !s.opened && now >= s.plan.At.After(s.plan.FirstIn()) {
		s.opened = true
		s.buf = s.answer.AppendOpen(s.room())
	}
	for s.opened && s.sent < limit && now >= s.plan.TokenAt(s.sent+1) {
		s.buf = s.answer.AppendTokens(s.room(), int(s.sent), int(s.sent)+1)
		s.sent++
	}
}

func (s *stream) head() {
	h := s.c.w.Header()
	s.c.common(h)
	s.c.backend.place(h)
	s.c.backend.limits.Load().set(s.c, s.plan)
	h["Content-Type"] = eventStream
	h["Cache-Control"] = noStore
	h["X-Accel-Buffering"] = noBuffering
	s.c.status = http.StatusOK
	s.c.w.WriteHeader(http.StatusOK)
}

// room returns what has gathered, to add to. A stream that waits has no memory of its own for it.
func (s *stream) room() []byte {
	if s.sheet == nil {
		s.sheet = newSheet()
		s.buf = s.sheet.text
	}
	return s.buf
}

// flush sends what has gathered.
func (s *stream) flush() bool {
	if len(s.buf) == 0 {
		return true
	}
	_, err := s.c.w.Write(s.buf)
	s.sheet.text = s.buf
	s.sheet.free()
	s.sheet, s.buf = nil, nil
	return err == nil && s.out.Flush() == nil
}
