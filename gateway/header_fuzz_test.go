package gateway

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// mirror is a backend that keeps what it was asked, and repeats all headers in its answer.
type mirror struct{ asked http.Header }

func (m *mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	m.asked = r.Header.Clone()
	return &http.Response{StatusCode: 200, Header: r.Header.Clone(), Body: io.NopCloser(strings.NewReader(`{}`)), Request: r}, nil
}

// FuzzHeaders: whatever headers a client sends, as far as net/http takes them: its credentials do not reach a backend and the
// backend's do not reach it, what is about one connection stays on that one, and nothing breaks a line.
func FuzzHeaders(f *testing.F) {
	m := &mirror{}
	cfg := Config{Core: Policy([]string{"a"}), Backends: []Backend{{Name: "a", URL: "http://a.test", Key: "the-backend's-key", Transport: m}},
		Clients: []Client{{Name: "team", Key: "the-client's-key"}}}
	g, err := New(cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(g.Close)
	for _, seed := range []string{"", "Connection: api-key, close, x-a\r\nX-A: 1", "Connection: X-Gateway-Reason\r\nTE: trailers", "Authorization: Bearer x\r\nCookie: a=b", "X-Azure-FDID: 1\r\nX-Azure-FDID: 2",
		"Transfer-Encoding: identity", "Content-Length: 0", "Expect: 100-continue", "Upgrade: h2c\r\nHTTP2-Settings: AAA", "X-Gateway-Backend: evil\r\nRetry-After: 9", "Host: b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, headers string) {
		head := "POST " + classic + " HTTP/1.1\r\nHost: a\r\nX-Api-Key: the-client's-key\r\n" + headers + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(chat))
		r.ContentLength = int64(len(chat))
		r.Header.Del("Api-Key") // another credential would decide
		r.Header.Del("Retry-After")
		m.asked = nil
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if m.asked == nil && (r.URL.Path == strings.Split(classic, "?")[0] && r.Header.Get("X-Api-Key") == "the-client's-key") {
			t.Fatalf("%q: %d %s", headers, w.Code, w.Body)
		}
		if m.asked == nil {
			return
		}
		for _, name := range slices.Concat(private, hopByHop) {
			if got := m.asked[name]; got != nil && name != "Api-Key" {
				t.Errorf("%q: the backend got %s: %q", headers, name, got)
			}
		}
		if got := m.asked["Api-Key"]; len(got) != 1 || got[0] != "the-backend's-key" {
			t.Errorf("%q: the backend got the key %q", headers, got)
		}
		for name, values := range w.Header() {
			for _, v := range values {
				if strings.Contains(v, "backend's-key") || strings.ContainsAny(name+v, "\r\n") {
					t.Errorf("%q: the client got %q: %q", headers, name, v)
				}
			}
		}
		if got := w.Header()["X-Gateway-Reason"]; got != nil {
			t.Errorf("%q: a backend's answer has the gateway's reason %q", headers, got)
		}
		if got := w.Header()["X-Gateway-Backend"]; len(got) != 1 || got[0] != "a" {
			t.Errorf("%q: the client is told of the backend %q", headers, got)
		}
	})
}
