package upstream

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
)

// answers is what backends may say: how each is taken, and whether its connection is used again.
var answers = []struct {
	name, method, raw string
	want              outcome
	err               error // nil: any, where there is one
	again             bool
}{
	{"length", "POST", fine, outcome{status: 200, body: "ok"}, nil, true},
	{"no body by length", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", outcome{status: 200}, nil, true},
	{"no body by status", "POST", "HTTP/1.1 204 No Content\r\n\r\n", outcome{status: 204}, nil, true},
	{"not modified", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", outcome{status: 304}, nil, true},
	{"no body by method", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", outcome{status: 200}, nil, true},
	{"chunks", "POST", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n", outcome{status: 200, body: "ok"}, nil, true},
	{"trailers", "POST", "HTTP/1.1 200 OK\r\nTrailer: A\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n", outcome{status: 200, body: "ok", trailer: http.Header{"A": {"b"}}}, nil, true},
	{"until the end", "POST", "HTTP/1.1 200 OK\r\n\r\nok<close>", outcome{status: 200, body: "ok"}, nil, false},
	{"HTTP/1.0", "POST", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", outcome{status: 200, body: "ok"}, nil, false},
	{"announced end", "POST", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", outcome{status: 200, body: "ok"}, nil, false},
	{"informed before", "POST", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + fine, outcome{status: 200, body: "ok"}, nil, true},
	{"more than the answer", "POST", fine + "HTTP/1.1 200 OK\r\n", outcome{status: 200, body: "ok"}, nil, false},
	{"length and chunks", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", outcome{status: 200, body: "ok"}, nil, true},

	{"cut in the length", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok<close>", outcome{status: 200, body: "ok", cut: true}, io.ErrUnexpectedEOF, false},
	{"cut in the chunks", "POST", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n<close>", outcome{status: 200, body: "ok", cut: true}, io.ErrUnexpectedEOF, false},
	{"no chunks", "POST", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok\r\n", outcome{status: 200, cut: true}, nil, false},
	{"two lengths", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok<close>", outcome{failed: true}, nil, false},
	{"a length below zero", "POST", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok<close>", outcome{failed: true}, nil, false},
	{"cut in the head", "POST", "HTTP/1.1 200 OK\r\nConte<close>", outcome{failed: true}, nil, false},
	{"nothing", "POST", "<close>", outcome{failed: true}, io.ErrUnexpectedEOF, false},
	{"no HTTP", "POST", "SSH-2.0-OpenSSH\r\n<close>", outcome{failed: true}, nil, false},
	{"protocols switched", "POST", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", outcome{failed: true}, ErrSwitching, false},
	{"largest head", "POST", head(1000, fine), outcome{status: 200, body: "ok"}, nil, true},
	{"larger head", "POST", head(1001, fine), outcome{failed: true}, ErrHeadSize, false},
	{"informed for ever", "POST", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 41) + fine, outcome{failed: true}, ErrHeadSize, false},
}

// head makes an answer's head n bytes long.
func head(n int, raw string) string {
	at := strings.Index(raw, "\r\n\r\n") + 2
	return raw[:at] + "A: " + strings.Repeat("a", n-at-len("A: \r\n\r\n")) + "\r\n" + raw[at:]
}

func TestAnswers(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, ends := strings.CutSuffix(c.raw, "<close>")
				b := &backend{serve: func(n int, c net.Conn, in *bufio.Reader) {
					if request(in) {
						io.WriteString(c, first)
					}
					for !ends && request(in) {
						io.WriteString(c, fine)
					}
				}}
				tr := New(Options{Dial: b.dial, MaxHead: 1000})
				got, err := exchangeOver(tr, t.Context(), c.method, nil)
				header := got.header
				if got.header = nil; !reflect.DeepEqual(got, c.want) || (err != nil) != (c.want.failed || c.want.cut) {
					t.Errorf("got %+v, %v", got, err)
				}
				if header.Get("Transfer-Encoding") != "" {
					t.Error("how the answer was sent is passed on")
				}
				if c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("%v is not %v", err, c.err)
				}
				exchangeOver(tr, t.Context(), http.MethodGet, nil)
				if conns, _ := b.count(); conns == 1 != c.again {
					t.Errorf("%d connections for two requests", conns)
				}
				tr.CloseIdleConnections()
			})
		})
	}
}

// FuzzAnswer gives the same bytes to this package and to net/http's Transport: both must see the same answer, since what
// one takes for the end of it and the other does not can be made into an answer to somebody else.
func FuzzAnswer(f *testing.F) {
	for _, c := range answers {
		f.Add(c.method, []byte(strings.TrimSuffix(c.raw, "<close>")))
	}
	for _, raw := range []string{
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nA: b\x00c\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokk\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 1000 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
	} {
		f.Add(http.MethodPost, []byte(raw))
	}
	f.Fuzz(func(t *testing.T, method string, raw []byte) {
		if method != http.MethodGet && method != http.MethodHead {
			method = http.MethodPost
		}
		once := func() *backend {
			return &backend{serve: func(_ int, c net.Conn, in *bufio.Reader) {
				if request(in) {
					c.Write(raw)
				}
			}}
		}
		ours, theirs := New(Options{Dial: once().dial}), &http.Transport{DialContext: once().dial, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10}
		defer ours.CloseIdleConnections()
		defer theirs.CloseIdleConnections()
		got, errOurs := exchangeOver(ours, t.Context(), method, nil)
		want, errTheirs := exchangeOver(theirs, t.Context(), method, nil)
		if errors.Is(errOurs, ErrSwitching) { // which net/http hands to its caller
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s %q:\n got %+v, %v\nwant %+v, %v", method, raw, got, errOurs, want, errTheirs)
		}
	})
}
