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
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Bounds on an error answer, which is read whole before the next attempt: a
// backend that fails slowly must not hold up the failover.
const (
	maxErrorBody  = 64 << 10 // bytes; the rest is left out
	errorBodyTime = 5 * time.Second
)

// send carries out an attempt as far as the headers of its answer.
func (x *exchange) send(e core.Effect) {
	ctx := x.r.Context()
	if e.Bounded {
		ctx = x.waiting.begin(ctx, x.g.cfg.Clock.Now())
	}
	if x.aborted(e.Ref) { // from here on an Abort is heard while the backend is waited for
		return
	}
	x.live = e.Ref
	x.open, x.at, x.nth, x.sent, x.meter, x.kept = true, e.Backend, e.Attempts, e.At, nil, answer{}
	b := &x.settings().backends[e.Backend]
	x.trace.begin(b)
	var err error
	x.response, err = x.ask(ctx, b)
	if err == nil && x.asked && mayRefuseUsage(x.response.StatusCode) {
		x.response, err = x.unasked(ctx, b)
	}
	switch {
	case x.dropped(): // its Abort drops what has come
	case err != nil:
		why := record.UpstreamError
		if Unconnected(err) {
			why = record.ConnectError
		}
		x.end(core.Event{Outcome: record.Failed, Reason: why})
	case x.response.StatusCode/100 == 2:
		x.begin(e)
	default:
		x.failed(x.response)
	}
}

// ask sends the request to a backend, with a token where that takes one.
func (x *exchange) ask(ctx context.Context, b *backend) (*http.Response, error) {
	req := x.request(ctx, b)
	x.shown = b.Key
	if b.Credential != nil {
		token, err := b.Credential.Token(ctx)
		if err != nil {
			if ctx.Err() == nil {
				x.g.cfg.Logger.Warn().Str("backend", b.Name).Str("why", fmt.Sprintf("%.300s", err)).Msg("there is no token for the backend")
			}
			return nil, &upstream.ConnectError{Err: err} // nothing was sent
		}
		x.shown = token
		req.Header["Authorization"] = []string{"Bearer " + token}
	}
	if t, ok := b.Transport.(*upstream.Transport); ok {
		return t.RoundTripAnd(req, x.countPrompt)
	}
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
func (x *exchange) request(ctx context.Context, b *backend) *http.Request {
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
	if x.asked = x.silent && !x.plain && x.g.cfg.Clock.Now() >= tick.Instant(b.mute.Load()); x.asked {
		body = askUsage(body)
	}
	req := x.r.WithContext(ctx)
	req.URL, req.Host, req.RequestURI = &target, target.Host, ""
	req.Header = upstreamHeader(x.r.Header, b.Key)
	x.trace.inject(req.Header)
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
func (x *exchange) failed(resp *http.Response) {
	enough := time.AfterFunc(errorBodyTime, func() { resp.Body.Close() })
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // of a cut body, what there is
	enough.Stop()
	if x.dropped() {
		return
	}
	x.kept = answer{resp.StatusCode, resp.Header, x.bound.told(body)}
	x.kept.hide(x.shown)
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
	x.end(ev)
}
