package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// backend is the other end of every connection that dial opens.
type backend struct {
	serve func(n int, c net.Conn, in *bufio.Reader) // of the nth connection, from 0; it is closed at the end

	mu    sync.Mutex
	conns int
	open  int
	most  int // open at once
}

func (b *backend) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	b.mu.Lock()
	n := b.conns
	b.conns++
	b.open++
	b.most = max(b.most, b.open)
	b.mu.Unlock()
	go func() {
		b.serve(n, far, bufio.NewReader(far))
		far.Close()
	}()
	return &counted{Conn: near, b: b}, nil
}

// counted is the near end of a connection, open until its owner closes it.
type counted struct {
	net.Conn
	b    *backend
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.b.mu.Lock()
		c.b.open--
		c.b.mu.Unlock()
	})
	return c.Conn.Close()
}

func (b *backend) count() (conns, open int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.conns, b.open
}

// request takes one request in; false: there is none.
func request(in *bufio.Reader) bool {
	req, err := http.ReadRequest(in)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

// answering answers every request with the same bytes, and keeps the connection.
func answering(raw string) *backend {
	return &backend{serve: func(_ int, c net.Conn, in *bufio.Reader) {
		for request(in) {
			if _, err := io.WriteString(c, raw); err != nil {
				return
			}
		}
	}}
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// outcome is what a caller sees of an exchange.
type outcome struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
	failed  bool // no answer
	cut     bool // half an answer
}

// exchangeOver sends one request and takes all of the answer.
func exchangeOver(rt http.RoundTripper, ctx context.Context, method string, body io.Reader) (outcome, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://backend.test/path?query", body)
	if err != nil {
		return outcome{}, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return outcome{failed: true}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return outcome{status: resp.StatusCode, header: resp.Header, trailer: resp.Trailer, body: string(got), cut: err != nil}, err
}

func post(t *testing.T, rt http.RoundTripper) (outcome, error) {
	return exchangeOver(rt, t.Context(), http.MethodPost, strings.NewReader("prompt"))
}

// good fails unless a POST is answered well.
func good(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	if got, err := post(t, rt); err != nil || got.body != "ok" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Half of a body is an error, before anything is sent.
func TestBodyOfAnotherLength(t *testing.T) {
	b := answering(fine)
	tr := New(Options{Dial: b.dial})
	for _, c := range []struct {
		name   string
		length int64
		want   error
	}{{"shorter than said", 9, io.ErrUnexpectedEOF}, {"not known", -1, ErrLength}, {"nothing said", 0, ErrLength}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://a/", io.NopCloser(bytes.NewReader([]byte("prompt"))))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = c.length
		if _, err := tr.RoundTrip(req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if conns, _ := b.count(); conns != 0 {
		t.Errorf("%d connections", conns)
	}
}
