package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/gateway/upstream"
	"foundrylab/internal/otlp"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Bounds on an error answer, which is read whole before the next attempt: a
// backend that fails slowly must not hold up the failover.
const (
	maxErrorBody  = 64 << 10 // bytes; the rest is left out
	errorBodyTime = 5 * time.Second
)

// attempt is one sending of an exchange's request to a backend. It belongs to the
// exchange's goroutine, but for one that is made beside another: that belongs to its
// own until that is done.
type attempt struct {
	x        *exchange
	ref      record.Ref
	at       uint16         // its backend
	nth      uint16         // its number, from 1
	open     bool           // it is not accounted for yet
	written  bool           // the request went to the backend, as far as one can tell
	asked    bool           // the gateway asked for the usage in the client's place
	plain    bool           // it must not, since it was refused
	sent     tick.Instant   // when it was
	response *http.Response // nil: it was not answered, or is over
	meter    *meter         // of response
	held     held           // of response
	kept     answer         // where it failed
	shown    string         // the gateway's credential, as it showed it
	span     *otlp.Span     // while it is under way; nil: nobody wants one
	waiting  waiting
	beside   *beside // nil: it was not made beside another one
}

// send carries out an attempt as far as the beginning of its answer.
func (x *exchange) send(e core.Effect) {
	a := &x.first
	ctx := x.r.Context()
	if e.Bounded {
		ctx = a.waiting.begin(ctx, x.g.cfg.Clock.Now())
	}
	if x.aborted(e.Ref) { // from here on an Abort is heard while the backend is waited for
		return
	}
	a.of(x, e)
	a.carry(ctx)
}

// of makes an attempt that of a Send.
func (a *attempt) of(x *exchange, e core.Effect) {
	a.x, a.ref, a.at, a.nth, a.sent = x, e.Ref, e.Backend, e.Attempts, e.At
	a.open, a.written, a.meter, a.kept = true, false, nil, answer{}
	a.span = x.trace.begin(&x.settings().backends[e.Backend], e)
}

// carry carries an attempt as far as the beginning of its answer, and tells the core
// of that or how it failed.
func (a *attempt) carry(ctx context.Context) {
	b := &a.x.settings().backends[a.at]
	var err error
	a.response, err = a.ask(ctx, b)
	if err == nil && a.asked && mayRefuseUsage(a.response.StatusCode) {
		a.response, err = a.unasked(ctx, b)
	}
	switch {
	case a.dropped(): // its Abort drops what has come
	case err != nil:
		why := record.UpstreamError
		if Unconnected(err) {
			why = record.ConnectError
		}
		a.end(core.Event{Outcome: record.Failed, Reason: why})
	case a.response.StatusCode/100 == 2:
		a.begin()
	default:
		a.failed(a.response)
	}
}

// onItsOwn reports whether the attempt has a goroutine of its own.
func (a *attempt) onItsOwn() bool { return a.beside != nil && a.x.passed != a }

// dropped reports whether what comes of the attempt no longer matters: the client
// left, or the core has given the attempt up.
func (a *attempt) dropped() bool {
	if a.onItsOwn() {
		return a.beside.givenUp.Load() || a.x.r.Context().Err() != nil
	}
	return a.x.gone() || a.x.aborted(a.ref)
}

// end gives the core the result of the attempt.
func (a *attempt) end(ev core.Event) {
	ev.Kind, ev.Ref, ev.Marks = core.End, a.ref, a.x.route.marks()
	a.drop()
	if a.onItsOwn() { // the exchange's goroutine accounts for it
		a.beside.told, a.beside.at = ev, a.x.g.cfg.Clock.Now()
	} else {
		a.over(ev.Status, ev.Outcome, ev.Reason)
	}
	a.x.pool.driver.Do(ev)
}

// over accounts for an attempt that has ended so, and ends its span.
func (a *attempt) over(status uint16, outcome record.Outcome, why record.Reason) {
	a.spent(status, why)
	a.x.trace.end(a, status, outcome, why)
}

// abort ends an attempt that the core has given up.
func (a *attempt) abort(e core.Effect) {
	a.wait()
	a.over(e.Status, record.Failed, e.Reason)
	a.drop()
}

// drop lets go of the answer: where it was not read to the end, the connection to
// the backend closes.
func (a *attempt) drop() {
	if a.response != nil {
		a.response.Body.Close()
		a.response = nil
	}
	a.waiting.end()
}

// ask sends the request to a backend, with a token where that takes one.
func (a *attempt) ask(ctx context.Context, b *backend) (*http.Response, error) {
	x := a.x
	req := a.request(ctx, b)
	a.shown = b.Key
	if b.Credential != nil {
		token, err := b.Credential.Token(ctx)
		if err != nil {
			if ctx.Err() == nil {
				x.g.cfg.Logger.Warn().Str("backend", b.Name).Str("why", fmt.Sprintf("%.300s", err)).Msg("there is no token for the backend")
			}
			return nil, &upstream.ConnectError{Err: err} // nothing was sent
		}
		a.shown = token
		req.Header["Authorization"] = []string{"Bearer " + token}
	}
	if t, ok := b.Transport.(*upstream.Transport); ok {
		return t.RoundTripAnd(req, func() {
			a.written = true
			x.countPrompt()
		})
	}
	a.written = true
	x.countPrompt()
	return b.Transport.RoundTrip(req)
}

// Unconnected reports whether an attempt failed before it had a connection: its name did not resolve, nobody listened,
// or the TLS handshake failed. Nothing of the request was sent then.
func Unconnected(err error) bool {
	var (
		op      *net.OpError
		unknown *net.DNSError
		own     *upstream.ConnectError
		plain   tls.RecordHeaderError
		cert    *tls.CertificateVerificationError
	)
	if errors.As(err, &own) {
		return true
	}
	if errors.As(err, &op) && (op.Op == "dial" || op.Op == "remote error" || op.Op == "local error") { // the latter two are TLS alerts
		return true
	}
	return errors.As(err, &unknown) || errors.As(err, &plain) || errors.As(err, &cert)
}

// request returns the request to a backend: the client's, with the backend's
// deployment and key. Trace headers such as x-ms-client-request-id go along.
func (a *attempt) request(ctx context.Context, b *backend) *http.Request {
	x := a.x
	target := *b.targets[x.routeID]
	target.RawQuery = publicQuery(x.r.URL.RawQuery)
	if x.route.named {
		target.Path, target.RawQuery = x.bound.target(target.Path, target.RawQuery)
		target.RawPath = strings.Replace(target.RawPath, "{id}", x.bound.of, 1)
	}
	body := x.body
	if x.route.body {
		body = joinWithModel(x.template, b.Deployment)
	}
	if a.asked = x.silent && !a.plain && x.g.cfg.Clock.Now() >= tick.Instant(b.mute.Load()); a.asked {
		body = askUsage(body)
	}
	req := x.r.WithContext(ctx)
	req.URL, req.Host, req.RequestURI = &target, target.Host, ""
	req.Header = upstreamHeader(x.r.Header, b.Key)
	x.trace.inject(req.Header, a.span)
	req.TransferEncoding, req.Trailer, req.Close, req.TLS = nil, nil, false, nil
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	// Lets a transport take another connection where an idle one turns out to
	// be closed before a byte was written: no attempt was made then.
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return req
}

// callLimit stands in the answer to a request that was refused for the requests per minute; others name the tokens, or nothing.
var callLimit = []byte("call rate limit")

// deploymentNotFound is the code of the answer of a resource that does not have the deployment.
var deploymentNotFound = []byte(`"DeploymentNotFound"`)

// failed takes an error answer in and tells the core what it says.
func (a *attempt) failed(resp *http.Response) {
	enough := time.AfterFunc(errorBodyTime, func() { resp.Body.Close() })
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // of a cut body, what there is
	enough.Stop()
	if a.dropped() {
		return
	}
	a.kept = answer{resp.StatusCode, resp.Header, a.x.bound.told(body)}
	a.kept.hide(a.shown)
	ev := core.Event{Status: uint16(resp.StatusCode), Outcome: record.Failed, Reason: record.BackendStatus}
	if resp.StatusCode == http.StatusNotFound && bytes.Contains(body, deploymentNotFound) {
		ev.Reason = record.DeploymentMissing
	}
	if resp.StatusCode == http.StatusBadRequest && bytes.Contains(body, previousNotFound) {
		ev.Reason = record.PreviousMissing
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		ev.Outcome, ev.Reason = record.Throttled, record.RateLimited
		if bytes.Contains(body, callLimit) {
			ev.Limit = budget.Requests
		}
		ev.Free = freeOf(resp.Header)
	}
	ev.RetryMs, ev.HasRetry = retryAfter(resp.Header)
	a.end(ev)
}
