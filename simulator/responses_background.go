package simulator

import (
	"context"
	"net/http"
	"sync"
	"time"

	"foundrylab/internal/pace"
	"foundrylab/internal/tick"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// run is a response that is made whether or not somebody waits for it. Safe for concurrent use.
type run struct {
	cancel context.CancelFunc

	mu        sync.Mutex
	plan      deployment.Effect // of the moment
	end       deployment.Effect // once ended
	ended     bool
	cancelled bool          // by a caller, before it ended
	changed   chan struct{} // closed when something of the above changes
}

// inBackground answers at once, or with the stream of what is being made.
func (c *call) inBackground(ev deployment.Event) {
	ev.Stream = true // however it will be read
	ctx, cancel := context.WithCancel(c.srv.life)
	f := c.launch(ev, ctx.Done())
	if f.ended {
		cancel()
		f.land()
		c.end = &f.end
		c.refuse(&f.end)
		return
	}
	r := &run{cancel: cancel, plan: f.plan, changed: make(chan struct{})}
	answer := c.writer(f).(*content.Response)
	k := c.memo
	k.run, k.form.Completed = r, func() int64 {
		plan, _ := r.look()
		return int64(plan.EndsAt()) / int64(time.Second)
	}
	now := c.srv.clock.Now()
	c.backend.memory.put(now, now, k)
	go r.fly(f)
	if c.peeked.Stream {
		c.follow(k, 0)
		return
	}
	c.answer(content.Answer{Status: http.StatusOK, Body: answer.AppendObject(nil, content.ResponseQueued)})
}

// fly sees a flight to its end.
func (r *run) fly(f *flight) {
	defer r.cancel()
	defer f.land()
	for !f.ended {
		if f.wait(f.done()) {
			f.finish()
		}
		r.mu.Lock()
		r.plan, r.end, r.ended = f.plan, f.end, f.ended
		close(r.changed)
		r.changed = make(chan struct{})
		r.mu.Unlock()
	}
}

// look returns the plan of the moment, and what is closed when there is another or the end has come.
func (r *run) look() (plan deployment.Effect, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan, r.changed
}

// over returns the end, if it has come, and whether a caller brought it about.
func (r *run) over() (end deployment.Effect, cancelled, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end, r.cancelled && r.end.Kind == deployment.Cut, r.ended
}

// complete reports whether the answer is there.
func (r *run) complete() bool {
	end, _, ended := r.over()
	return ended && end.Kind == deployment.Finish
}

// stop cancels what has not ended, and waits for the end.
func (r *run) stop() {
	r.mu.Lock()
	r.cancelled = r.cancelled || !r.ended
	r.mu.Unlock()
	r.cancel()
	for {
		_, changed := r.look()
		if _, _, ended := r.over(); ended {
			return
		}
		<-changed
	}
}

// state is what the response is at now.
func (k *remembered) state(now tick.Instant) string {
	if k.run == nil {
		return k.response(0).State()
	}
	end, cancelled, ended := k.run.over()
	plan, _ := k.run.look()
	switch {
	case cancelled:
		return content.ResponseCancelled
	case ended && end.Kind == deployment.Finish:
		return k.response(0).State()
	case ended:
		return content.ResponseFailed
	case now < plan.At.After(plan.HeadIn()):
		return content.ResponseQueued
	}
	return content.ResponseInProgress
}

// follow streams a response as it is made, without its first events.
func (c *call) follow(k *remembered, skip int) {
	c.backend = k.backend
	plan, changed := k.run.look()
	s := &stream{c: c, answer: k.response(skip), plan: &plan, out: http.NewResponseController(c.w)}
	sleep := pace.NewSleeper()
	defer c.srv.alarm.Stop(sleep)
	for {
		if _, _, ended := k.run.over(); ended {
			break
		}
		now := c.srv.clock.Now()
		s.out.SetWriteDeadline(time.Now().Add(c.srv.clock.Until(plan.EndsAt()) + writeGrace))
		if !s.advance(min(now, plan.EndsAt()-1), s.limit()) {
			return
		}
		if due := s.next(); due > now { // else the end is about to be told
			c.srv.alarm.Set(sleep, due)
		}
		select {
		case <-sleep.C:
		case <-changed:
			plan, changed = k.run.look()
		case <-c.r.Context().Done():
			return
		}
	}
	s.conclude(k)
}

// conclude writes the rest of a response that has ended. One that was cancelled has no more events.
func (s *stream) conclude(k *remembered) {
	end, cancelled, _ := k.run.over()
	if !s.begun {
		s.begun = true
		s.head()
		s.buf = s.answer.AppendHead(s.room())
	}
	switch {
	case end.Kind == deployment.Finish:
		s.fill(s.plan.EndsAt(), s.plan.Tokens)
		s.buf = s.answer.AppendClose(s.room())
	case !cancelled:
		s.fill(end.At, end.Tokens)
		s.buf = s.answer.AppendError(s.room(), content.InternalServerError())
	}
	s.flush()
}
