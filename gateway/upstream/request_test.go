package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wire returns a request as it is sent.
func wire(t *testing.T, req *http.Request) (string, error) {
	t.Helper()
	tr := New(Options{})
	m, err := tr.message(req)
	if err != nil {
		return "", err
	}
	return string(m.bytes), nil
}

func TestRequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		want   string // without what every one has
	}{
		{"as it is", func(*http.Request) {}, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\n\r\nhi"},
		{"no body", func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n"},
		{"no body to GET", func(r *http.Request) { r.Method, r.Body, r.ContentLength = "", nil, 0 }, "GET /a%2Fb?c=d HTTP/1.1\r\nHost: h:1\r\n\r\n"},
		{"last of its connection", func(r *http.Request) { r.Close = true }, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"},
		{"own host", func(r *http.Request) { r.Host = "[fe80::1%eth0]:80" }, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: [fe80::1]:80\r\nContent-Length: 2\r\n\r\nhi"},
		{"headers", func(r *http.Request) { r.Header = http.Header{"A": {"b", ""}, "User-Agent": {""}} }, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\nA: b\r\nA: \r\n\r\nhi"},
		{"what is not the caller's to say", func(r *http.Request) {
			r.Header = http.Header{"Transfer-Encoding": {"chunked"}, "Content-Length": {"0"}, "content-length": {"7"}, "Connection": {"close"}, "Upgrade": {"x"}, "Expect": {"100-continue"}, "Host": {"other"}, "Trailer": {"T"}, "Te": {"gzip"}, "Keep-Alive": {"1"}, "Proxy-Connection": {"x"}}
		}, "POST /a%2Fb?c=d HTTP/1.1\r\nHost: h:1\r\nContent-Length: 2\r\n\r\nhi"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h:1/a%2Fb?c=d", strings.NewReader("hi"))
		if err != nil {
			t.Fatal(err)
		}
		c.change(req)
		if got, err := wire(t, req); got != c.want || err != nil {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// FuzzRequest: whatever stands in a request, it is refused or arrives as one request with that body.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "h", "/p", "q=1", "Name", "value", []byte("body"))
	f.Add("GET /x HTTP/1.1\r\nA:", "h\r\nB: c", "/ HTTP/1.1\r\n", "a b", "N\r\nM", "v\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1", []byte(nil))
	f.Add("PUT", "h", "//x/../y", "\x00", "Content-Length", "5", []byte("0\r\n\r\n"))
	f.Add("PUT", "h", "*", "\n", "transfer-encoding", "chunked", []byte("0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, method, host, path, query, name, value string, body []byte) {
		req := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: host, Path: path, RawQuery: query},
			Header: http.Header{name: {value}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
		sent, err := wire(t, req)
		if err != nil || len(body) > maxInline {
			return
		}
		in := bufio.NewReader(strings.NewReader(sent))
		got, err := http.ReadRequest(in)
		if err != nil {
			if strings.Contains(err.Error(), "invalid URI") || strings.Contains(err.Error(), "parse") || strings.Contains(err.Error(), "malformed Host") {
				return // a whole request, which the backend refuses
			}
			t.Fatalf("%q: %v", sent, err)
		}
		have, err := io.ReadAll(got.Body)
		if err != nil || !bytes.Equal(have, body) || in.Buffered() > 0 {
			t.Errorf("%q: body %q, %v, %d bytes more", sent, have, err, in.Buffered())
		}
		for name := range got.Header {
			if want := http.CanonicalHeaderKey(name); want != "Content-Length" && !reflect.DeepEqual(got.Header[name], []string{strings.Trim(value, " \t")}) {
				t.Errorf("%q: header %s appeared", sent, name)
			}
		}
	})
}

// What is done meanwhile is done when the request is written, once for each time that it is.
func TestRoundTripAnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(n int, conn net.Conn, in *bufio.Reader) {
			request(in)
			time.Sleep(time.Second)
			io.WriteString(conn, fine)
			if n == 0 {
				request(in) // and closes
			}
		}}
		tr := New(Options{Dial: b.dial})
		defer tr.CloseIdleConnections()
		ask := func(method string) (at []time.Duration) {
			began := time.Now()
			req, _ := http.NewRequestWithContext(t.Context(), method, "http://a/", nil)
			resp, err := tr.RoundTripAnd(req, func() { at = append(at, time.Since(began)) })
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			return at
		}
		if at := ask("POST"); !slices.Equal(at, []time.Duration{0}) {
			t.Errorf("fresh: %v", at)
		}
		if at := ask("GET"); !slices.Equal(at, []time.Duration{0, 0}) {
			t.Errorf("over a connection that the backend closed: %v", at)
		}
		nobody := New(Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody") }})
		req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://a/", nil)
		if _, err := nobody.RoundTripAnd(req, func() { t.Error("nothing was sent") }); err == nil {
			t.Error("answered by nobody")
		}
	})
}
