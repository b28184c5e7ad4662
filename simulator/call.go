package simulator

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// call is one HTTP request on its way through the checks; it belongs to one goroutine.
type call struct {
	srv      *Server
	w        http.ResponseWriter
	r        *http.Request
	route    *route
	serial   uint64
	began    tick.Instant
	family   string      // of the route, where the deployment is in the body
	version  string      // api-version
	backend  *backend    // once its deployment is known
	digest   uint64      // of the body
	raw      []byte      // the body, while an extension may want it; else nil
	peeked   *ops.Peeked // once the body is read, and until a stream begins
	op       *operation
	model    *catalog.Model
	counter  tokens.Counter   // nil where the prompt's size was given
	prompt   int32            // tokens
	request  uint64           // its key
	text     *blocks          // of a prompt that must be compared to tell what others share of it
	script   *content.Script  // what is said; nil: made-up words
	finish   ops.FinishReason // of the script; none: as it is natural
	prose    bool             // the script is made-up words, of which the deployment says how many are said
	stopper  string           // the stop sequence that ends it
	verdicts verdicts
	exact    bool        // its refusal is sent as it is, in any family
	wish     string      // the fault that the deployment name asks for
	launched *flight     // what is left to see to its end
	blocked  bool        // by the content filter, before anything is said
	flight   *flight     // once the answer is planned
	memo     *remembered // a response that is to be remembered

	values headerValues       // of this response alone
	status int                // sent; 0: nothing was
	reason record.Reason      // for the log, of what never reached a deployment
	end    *deployment.Effect // how it ended at its deployment, or nil
}

// classicVersion takes any well-formed date, preview or not: YYYY-MM-DD[-preview].
func (c *call) classicVersion() bool {
	c.version = c.r.URL.Query().Get("api-version")
	date := strings.TrimSuffix(c.version, "-preview")
	if len(date) != len("2024-10-21") {
		return false
	}
	for i := range len(date) {
		dash := i == 4 || i == 7
		if dash != (date[i] == '-') || !dash && (date[i] < '0' || date[i] > '9') {
			return false
		}
	}
	return true
}

// responsesVersion: the Responses API is in classic versions from 2025-03-01-preview on.
func (c *call) responsesVersion() bool { return c.classicVersion() && c.version >= "2025-03-01" }

// v1Version: the parameter may be absent, v1 or preview.
func (c *call) v1Version() bool {
	if c.r.URL.RawQuery == "" {
		return true
	}
	v := c.r.URL.Query().Get("api-version")
	return v == "" || v == "v1" || v == "preview"
}

// enter goes to a deployment, nil for an unknown one, or answers why not.
func (c *call) enter(b *backend) bool {
	switch {
	case b == nil:
		c.answer(content.DeploymentNotFound())
	case !c.opens(b):
		c.answer(c.keyRefused())
	default:
		c.backend = b
		return true
	}
	return false
}

// bodyAhead is how much memory a body gets for its word alone, before it has come; bodyTimeout how long it may take.
const (
	bodyAhead   = 64 << 10
	bodyTimeout = time.Minute
)

// readBody reads and peeks at the body, or answers why not.
func (c *call) readBody(peek peeker) bool {
	d := desks.Get().(*desk)
	defer d.clear()
	if n := c.r.ContentLength; n > 0 {
		d.body.Grow(int(min(n, bodyAhead)) + bytes.MinRead)
	}
	conn := http.NewResponseController(c.w)
	conn.SetReadDeadline(time.Now().Add(bodyTimeout)) // where there are deadlines
	body := c.r.Body
	if n := c.r.ContentLength; n <= 0 || n > c.srv.maxBody { // else net/http reads no more than that
		body = http.MaxBytesReader(c.w, body, c.srv.maxBody)
	}
	_, err := d.body.ReadFrom(body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.answer(bodyTooLarge)
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.answer(bodyTooSlow)
		return false
	case err != nil: // the client left while it sent
		c.reason = record.ClientGone
		panic(http.ErrAbortHandler)
	}
	conn.SetReadDeadline(time.Time{})
	c.digest = rng.Digest(d.body.Bytes())
	if c.srv.extension != nil {
		c.raw = bytes.Clone(d.body.Bytes())
	}
	d.peeker.Lenient = c.srv.lenient
	c.peeked = new(ops.Peeked)
	*c.peeked, err = peek(&d.peeker, d.body.Bytes())
	var invalid *ops.InvalidRequest
	if errors.As(err, &invalid) {
		c.answer(content.InvalidRequest(invalid))
		return false
	}
	return true
}

// desk is what reading a request takes. What is read of it is copied.
type desk struct {
	body   bytes.Buffer
	peeker ops.Peeker
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// largestDesk is the largest body whose room is kept for other requests, in bytes.
const largestDesk = 64 << 10

func (d *desk) clear() {
	if d.body.Cap() > largestDesk {
		return
	}
	d.body.Reset()
	desks.Put(d)
}

// sheet is room for a text that is written and sent.
type sheet struct{ text []byte }

var sheets = sync.Pool{New: func() any { return new(sheet) }}

func newSheet() *sheet { return sheets.Get().(*sheet) }

// free gives the room to others, unless it is large.
func (p *sheet) free() {
	if cap(p.text) <= largestDesk {
		p.text = p.text[:0]
		sheets.Put(p)
	}
}

// answer sends a whole JSON response.
func (c *call) answer(a content.Answer) {
	if c.family == "anthropic" {
		c.w.Header()["Request-Id"] = []string{c.anthropicID()}
		if a.Status >= 400 && a.Status != http.StatusUnauthorized && !c.exact && !azureOnly(a) {
			a = content.Anthropic(a, c.anthropicID())
		}
	}
	c.head(a)
	c.w.WriteHeader(a.Status)
	c.w.Write(a.Body) // a failure means that the client is gone: nothing is left to do
}

// head prepares the headers of a whole JSON response.
func (c *call) head(a content.Answer) {
	h := c.w.Header()
	c.common(h)
	if c.backend != nil {
		c.backend.place(h)
	}
	h["Content-Type"] = applicationJSON
	h["Content-Length"] = c.values.number(int64(len(a.Body)))
	c.status = a.Status
}

// reset closes the connection without an answer, by TCP reset where there is TCP.
func (c *call) reset() {
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = t.NetConn()
	}
	if t, ok := raw.(interface{ SetLinger(sec int) error }); ok {
		t.SetLinger(0)
	}
	raw.Close()
}

// report writes the request's line in the log.
func (c *call) report() {
	line := c.srv.log.Info()
	if line == nil {
		return
	}
	line = line.Str("route", c.route.name).Int("status", c.status)
	if c.backend != nil {
		line = line.Str("deployment", c.backend.cfg.Name)
	}
	reason := c.reason
	if c.end != nil {
		reason = c.end.Reason
		line = line.Stringer("outcome", c.end.Outcome).Int32("prompt_tokens", c.end.Prompt).
			Int32("completion_tokens", c.end.Completion).Int32("charged", c.end.Charged)
	}
	line.Stringer("reason", reason).Int64("duration_us", c.srv.clock.Now().Sub(c.began).Microseconds()).Msg("request")
}
