package loadgen

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"foundrylab/internal/record"
	"foundrylab/loadgen/core"
)

// execute sends a try that is not vegeta's to send.
func (l *load) execute(t *try) {
	req, err := http.NewRequest(http.MethodPost, t.wire.url, bytes.NewReader(t.wire.body(&t.Effect)))
	if err != nil {
		panic("loadgen: a URL that was checked does not parse: " + err.Error())
	}
	req.Header = t.wire.headers(t.Tries)
	l.perform(t, req)
}

// perform is the instrument: it hands req to the transport, reads the answer
// and tells the core how the try ended, once, unless the core has dropped it.
func (l *load) perform(t *try, req *http.Request) (status int, err error) {
	defer t.cancel()
	// A try that its client gave up before it could be sent was late all the
	// same: not counting it would hide just the sends that were latest.
	sent := l.clock.Now()
	if t.dropped.Load() {
		l.late(sent.Sub(t.Intended))
		return 0, context.Canceled
	}
	resp, err := l.transport.RoundTrip(req.WithContext(t.ctx))
	l.late(sent.Sub(t.Intended))
	if err != nil {
		l.end(t, core.Event{Outcome: record.Failed, Reason: record.UpstreamError})
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK && t.Flag && !t.dropped.Load() {
		l.do(core.Event{Kind: core.Begun, Ref: t.Ref})
	}
	l.end(t, l.read(t, resp))
	// What follows the last event is read too, so that the connection can be
	// used again.
	io.CopyN(io.Discard, resp.Body, maxIgnored)
	return resp.StatusCode, nil
}

// late hands over how late a send was.
func (l *load) late(d time.Duration) {
	if l.cfg.Lag == nil {
		return
	}
	l.lag.Lock()
	defer l.lag.Unlock()
	l.cfg.Lag(d)
}

// end reports a try. A cancellation that comes between looking and stepping
// makes the event a stray one: the core ignores it.
func (l *load) end(t *try, ev core.Event) {
	if t.dropped.Load() {
		return
	}
	ev.Kind, ev.Ref = core.TryEnd, t.Ref
	l.do(ev)
}
