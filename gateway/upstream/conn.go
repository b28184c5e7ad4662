package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"
)

// conn is a connection to a backend. It belongs to one exchange at a time, or to a pool.
type conn struct {
	t         *Transport
	to        address
	net       net.Conn
	in        *bufio.Reader // of net, through Read
	probe     func() bool   // false: closed, or there is something to read; nil: the connection cannot tell
	interrupt func()        // ends every read and write; for context.AfterFunc
	secured   *tls.ConnectionState
	born      time.Time
	since     time.Time // idle since
	reused    bool      // has carried an exchange before

	left    int64       // bytes that may still be read
	got     bool        // something of the present answer has come
	timed   bool        // a deadline is set
	stop    func() bool // ends the watch over the context; false: it has struck
	writing chan error  // of a large body that is sent while its answer is read: its end
}

// Read reads from the network within the bound on a head.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrHeadSize
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.net.Read(p)
	c.left -= int64(n)
	c.got = c.got || n > 0
	return n, err
}

// expired reports whether a connection is too old for another exchange.
func (c *conn) expired(life time.Duration) bool { return time.Since(c.born) >= life }

// alive reports whether an idle connection can carry another exchange. A backend that sent something unasked is not
// trusted with one: the next request would take it for its answer.
func (c *conn) alive() bool { return c.probe == nil || c.probe() }

// quiet is a connection of Options.Dial that says itself whether it is open and has nothing to read.
type quiet interface{ Quiet() bool }

// past is a deadline that is over.
var past = time.Unix(1, 0)

// dial opens a connection, and carries out the handshake where the scheme is https.
func (t *Transport) dial(ctx context.Context, to address) (*conn, error) {
	host, addr := hostPort(to)
	dialling, cancel := context.WithTimeout(ctx, t.opt.DialTimeout)
	defer cancel()
	raw, err := t.opt.Dial(dialling, "tcp", addr)
	if err != nil {
		return nil, connectError(ctx, err)
	}
	c := &conn{t: t, to: to, net: raw, probe: prober(raw), born: time.Now()}
	if to.scheme == "https" {
		config := t.opt.TLS
		if config.ServerName == "" {
			config = config.Clone()
			config.ServerName = host
		}
		secure := tls.Client(raw, config)
		shaking, cancel := context.WithTimeout(ctx, t.opt.TLSTimeout)
		defer cancel()
		if err := secure.HandshakeContext(shaking); err != nil {
			raw.Close()
			return nil, connectError(ctx, err)
		}
		state := secure.ConnectionState()
		c.net, c.secured = secure, &state
	}
	c.in = bufio.NewReaderSize(c, 4<<10)
	c.interrupt = func() { c.net.SetDeadline(past) }
	return c, nil
}

// connectError keeps a client that left apart from a backend that is not there.
func connectError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &ConnectError{err}
}

// hostPort returns an address's host, and what to dial.
func hostPort(to address) (host, addr string) {
	host, _, err := net.SplitHostPort(to.host)
	if err == nil {
		return host, to.host
	}
	host = to.host
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	port := "80"
	if to.scheme == "https" {
		port = "443"
	}
	return host, net.JoinHostPort(host, port)
}

// exchange sends a message and reads the head of its answer. The connection is given back, or closed, at the end of the
// answer's body; at once where there is none, or something went wrong.
func (c *conn) exchange(req *http.Request, m *message, meanwhile func()) (*http.Response, error) {
	ctx := req.Context()
	c.stop = context.AfterFunc(ctx, c.interrupt)
	c.left, c.got, c.writing = c.t.opt.MaxHead, false, nil
	if c.t.opt.HeadTimeout > 0 {
		c.deadline(ctx, time.Now().Add(c.t.opt.HeadTimeout))
	}
	written, err := c.send(req, m)
	if err == nil && meanwhile != nil {
		meanwhile()
	}
	if err == nil || written > 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
		if err != nil { // the backend may have answered before it closed; that is there by now
			c.deadline(ctx, time.Now().Add(answerBeforeClose))
		}
		var resp *http.Response
		sent := err
		if resp, err = c.head(req); err == nil {
			return c.answer(ctx, req, resp, sent == nil), nil
		}
		if sent != nil {
			err = sent
		}
	}
	err = problem(req, c.why(ctx, err))
	if !c.got && ctx.Err() == nil {
		err = &unanswered{err, written == 0}
	}
	c.close()
	return nil, err
}

// answerBeforeClose is how long an answer is waited for after a request could not be written to its end.
const answerBeforeClose = 250 * time.Millisecond

// send writes a message: head and small body in one go, a large body while its answer is already waited for, since a
// backend may answer before it has read everything, and then read no more. It returns how much was written for certain.
func (c *conn) send(req *http.Request, m *message) (int, error) {
	n, err := c.net.Write(m.bytes)
	if err != nil || m.rest == nil {
		return n, err
	}
	m.begun = true
	done := make(chan error, 1)
	c.writing = done
	go func() {
		defer req.Body.Close()
		n, err := io.Copy(c.net, io.LimitReader(m.rest, m.length))
		short := err == nil && n < m.length
		if short { // the caller's fault: nobody can make anything of what was sent
			err = io.ErrUnexpectedEOF
		}
		done <- err
		if short { // who waits for the answer finds out why
			c.interrupt()
		}
	}()
	return n, nil
}

// head reads the head of the final answer.
func (c *conn) head(req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.in, req)
		switch {
		case err != nil && c.left <= 0: // half a line is malformed, but that is not what was wrong
			return nil, ErrHeadSize
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, ErrSwitching
		case resp.StatusCode/100 != 1:
			c.left = math.MaxInt64
			return resp, nil
		}
	}
}

// answer prepares an answer for its caller.
func (c *conn) answer(ctx context.Context, req *http.Request, resp *http.Response, sent bool) *http.Response {
	resp.TLS = c.secured
	// net/http's body is never closed, since that would read on.
	b := &body{inner: resp.Body, c: c, ctx: ctx, reuse: sent && !resp.Close && !req.Close}
	if resp.Body == http.NoBody {
		b.end(true)
		return resp
	}
	if c.timed && c.t.opt.BodyTimeout == 0 {
		c.deadline(ctx, time.Time{})
	}
	if len(resp.TransferEncoding) > 0 {
		b.parts = &chunks{in: c.in, other: resp.Body}
		b.inner = b.parts
	}
	resp.Body = b
	return resp
}

// deadline sets a deadline of reads and writes, none where t is zero. A context that ended meanwhile has the last word.
func (c *conn) deadline(ctx context.Context, t time.Time) {
	c.timed = !t.IsZero()
	c.net.SetDeadline(t)
	if ctx.Err() != nil {
		c.interrupt()
	}
}

// why makes of an error of the connection what was the cause of it.
func (c *conn) why(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.writing != nil {
		select {
		case sending := <-c.writing:
			c.writing <- sending // for done
			if errors.Is(sending, io.ErrUnexpectedEOF) {
				return sending
			}
		default:
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrTimeout
	}
	return err
}

// done ends an exchange whose answer was read to its end.
func (c *conn) done(reuse bool) {
	if !c.stop() { // the context has ended: a deadline in the past is set, or will be
		reuse = false
	}
	if c.writing != nil {
		select {
		case err := <-c.writing:
			reuse = reuse && err == nil
		default:
			reuse = false
		}
	}
	if !reuse || c.in.Buffered() > 0 {
		c.t.discard(c)
		return
	}
	if c.timed {
		c.timed = false
		c.net.SetDeadline(time.Time{})
	}
	c.t.put(c)
}

// close ends an exchange that went wrong.
func (c *conn) close() {
	c.stop()
	c.t.discard(c)
}
