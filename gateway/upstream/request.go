package upstream

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxInline is the largest body that is written together with its head before the answer is read, in bytes. Every
// socket takes as much without anybody reading at the other end.
const maxInline = 32 << 10

// message is a request as it goes over the wire.
type message struct {
	buffer     *[]byte       // of the transport's pool
	bytes      []byte        // head, and a small body
	rest       io.ReadCloser // a large body; nil: none
	length     int64         // of rest
	begun      bool          // rest is being sent, and closed at its end
	repeatable bool          // may be sent twice
}

// ours lists the headers of a request that this package writes itself, or that are about a connection it does not
// offer; canonical names.
var ours = []string{"Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// message returns a request's bytes; an error where they could be taken for anything but this one request.
func (t *Transport) message(req *http.Request) (*message, error) {
	length, err := bodyLength(req)
	if err != nil {
		return nil, err
	}
	m := &message{buffer: t.buffers.Get().(*[]byte), repeatable: repeatable(req)}
	b, err := appendHead((*m.buffer)[:0], req, length)
	if err == nil && length > 0 && length <= maxInline {
		b, err = appendBody(b, req.Body, int(length))
	}
	m.bytes = b
	if err != nil {
		m.release(t)
		return nil, err
	}
	if length > maxInline {
		m.rest, m.length, m.repeatable = req.Body, length, false
	} else {
		closeBody(req)
	}
	return m, nil
}

// release gives a message's buffer back, and closes what will not be sent.
func (m *message) release(t *Transport) {
	if m.rest != nil && !m.begun {
		m.rest.Close()
	}
	if cap(m.bytes) <= maxInline+8<<10 {
		*m.buffer = m.bytes[:0]
		t.buffers.Put(m.buffer)
	}
}

// repeatable reports what net/http does: a request that changes nothing, or says itself that it may come twice.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	return key
}

// bodyLength returns the length of a request's body. As in net/http, 0 with a body means that it is not known; one that
// is empty is let pass.
func bodyLength(req *http.Request) (int64, error) {
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return 0, nil
	case req.ContentLength > 0:
		return req.ContentLength, nil
	case req.ContentLength == 0:
		if n, err := req.Body.Read(make([]byte, 1)); n == 0 && err == io.EOF {
			return 0, nil
		}
	}
	return 0, fmt.Errorf("upstream: %w", ErrLength)
}

func appendBody(b []byte, from io.Reader, n int) ([]byte, error) {
	have := len(b)
	if cap(b)-have < n {
		b = append(make([]byte, 0, have+n), b...)
	}
	b = b[:have+n]
	if _, err := io.ReadFull(from, b[have:]); err != nil {
		return b, fmt.Errorf("upstream: reading the request's body: %w", err)
	}
	return b, nil
}

// appendHead writes request line and headers. A User-Agent that is empty is left out, and none is added.
func appendHead(b []byte, req *http.Request, length int64) ([]byte, error) {
	method, host := req.Method, req.Host
	if method == "" {
		method = http.MethodGet
	}
	if host == "" {
		host = req.URL.Host
	}
	host = withoutZone(host)
	target := req.URL.RequestURI()
	switch {
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return b, fmt.Errorf("upstream: scheme %q is neither http nor https", req.URL.Scheme)
	case !all(method, isToken):
		return b, fmt.Errorf("upstream: method %q is none", method)
	case !all(host, isHost):
		return b, fmt.Errorf("upstream: host %q is none", host)
	case !all(target, isTarget):
		return b, errors.New("upstream: the path or query holds a space or a control character")
	}
	b = append(append(append(b, method...), ' '), target...)
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	if length > 0 || method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), length, 10), "\r\n"...)
	}
	if req.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	for name, values := range req.Header {
		if own(name) || name == "User-Agent" && len(values) == 1 && values[0] == "" {
			continue
		}
		if !all(name, isToken) {
			return b, fmt.Errorf("upstream: header name %q is none", name)
		}
		for _, value := range values {
			if value != "" && !all(value, isValue) {
				return b, fmt.Errorf("upstream: the value of header %s holds a control character", name)
			}
			b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...), nil
}

// own reports whether a header is of those that this package writes itself, however it is spelled.
func own(name string) bool {
	for _, o := range ours {
		if len(o) == len(name) && strings.EqualFold(o, name) {
			return true
		}
	}
	return false
}

// withoutZone leaves the zone of an IPv6 address out, which means nothing to another machine (RFC 6874).
func withoutZone(host string) string {
	from, to := strings.IndexByte(host, '%'), strings.IndexByte(host, ']')
	if host == "" || host[0] != '[' || from < 0 || to < from {
		return host
	}
	return host[:from] + host[to:]
}

// all reports whether s has something, and all of it is good.
func all(s string, good func(byte) bool) bool {
	for i := range len(s) {
		if !good(s[i]) {
			return false
		}
	}
	return s != ""
}

// The characters of RFC 9110, 5.6.2 and 5.5, and of RFC 3986, 3.2.
func isToken(c byte) bool {
	return isAlnum(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
func isAlnum(c byte) bool  { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHost(c byte) bool   { return isAlnum(c) || strings.IndexByte("-._~!$&'()*+,;=:[]", c) >= 0 }
func isTarget(c byte) bool { return c > ' ' && c != 0x7f }
func isValue(c byte) bool  { return c >= ' ' && c != 0x7f || c == '\t' }
