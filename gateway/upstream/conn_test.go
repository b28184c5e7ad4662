package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stages are where an exchange may stand still: what the backend does, and what the caller set.
var stages = []struct {
	name  string
	url   string
	body  int
	opt   Options // whose one timeout is 3 s
	serve func(n int, c net.Conn, in *bufio.Reader)
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
}{
	{"connecting", "http://a/", 1, Options{DialTimeout: 3 * time.Second}, nil, func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}},
	{"handshake", "https://a/", 1, Options{TLSTimeout: 3 * time.Second}, silent, nil},
	{"writing the head", "http://a/", 1, Options{HeadTimeout: 3 * time.Second}, deaf, nil},
	{"writing a large body", "http://a/", 1 << 20, Options{HeadTimeout: 3 * time.Second}, func(_ int, c net.Conn, in *bufio.Reader) {
		http.ReadRequest(in)
		<-time.After(time.Minute)
	}, nil},
	{"the head of the answer", "http://a/", 1, Options{HeadTimeout: 3 * time.Second}, silent, nil},
	{"within the head", "http://a/", 1, Options{HeadTimeout: 3 * time.Second}, saying("HTTP/1.1 200 OK\r\nA:"), nil},
	{"informed, then nothing", "http://a/", 1, Options{HeadTimeout: 3 * time.Second}, saying("HTTP/1.1 100 Continue\r\n\r\n"), nil},
	{"the body", "http://a/", 1, Options{BodyTimeout: 3 * time.Second}, saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), nil},
	{"within the body", "http://a/", 1, Options{BodyTimeout: 3 * time.Second}, saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\no"), nil},
}

// silent takes everything in and says nothing.
func silent(_ int, _ net.Conn, in *bufio.Reader) { io.Copy(io.Discard, in) }

// deaf takes nothing in, for a minute.
func deaf(int, net.Conn, *bufio.Reader) { <-time.After(time.Minute) }

// saying answers so much, and then nothing until the other end is closed.
func saying(what string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, in *bufio.Reader) {
		if request(in) {
			io.WriteString(c, what)
		}
		io.Copy(io.Discard, in)
	}
}

// standStill carries out a stage's exchange, and returns how long it took.
func standStill(t *testing.T, i int, opt Options, ctx context.Context) (time.Duration, error) {
	t.Helper()
	stage := stages[i]
	b := &backend{serve: stage.serve}
	if opt.Dial = stage.dial; opt.Dial == nil {
		opt.Dial = b.dial
	}
	tr := New(opt)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, stage.url, strings.NewReader(strings.Repeat("x", stage.body)))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	resp, err := tr.RoundTrip(req)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		if _, again := resp.Body.Read(make([]byte, 1)); !errors.Is(again, err) {
			t.Errorf("%s: %v, then %v", stage.name, err, again)
		}
	}
	took := time.Since(began)
	<-time.After(2 * time.Minute) // whoever is deaf hears again
	if _, open := b.count(); len(tr.pools) != 0 || open != 0 {
		t.Errorf("%s: the transport still has %d pools, and the backend %d connections", stage.name, len(tr.pools), open)
	}
	return took, err
}

// A context that ends is felt at once wherever the exchange stands, and leaves neither a connection nor, as the bubble
// shows, a goroutine behind.
func TestCancelled(t *testing.T) {
	for i := range stages {
		t.Run(stages[i].name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cause := errors.New("the client left")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(1500*time.Millisecond, func() { cancel(cause) })
				took, err := standStill(t, i, Options{}, ctx)
				if !errors.Is(err, cause) || took != 1500*time.Millisecond {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

// Each stage has a time of its own.
func TestTimeouts(t *testing.T) {
	for i := range stages {
		t.Run(stages[i].name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, err := standStill(t, i, stages[i].opt, t.Context())
				var unconnected *ConnectError
				if errors.As(err, &unconnected) != (i < 2) || i >= 2 && !errors.Is(err, ErrTimeout) || took != 3*time.Second {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

// An answer that keeps coming is not cut by the time between two reads, nor by the time for its head.
func TestSlowIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(_ int, c net.Conn, in *bufio.Reader) {
			request(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
			for range 10 {
				<-time.After(2900 * time.Millisecond)
				io.WriteString(c, ".")
			}
			request(in)
		}}
		for _, opt := range []Options{{HeadTimeout: 3 * time.Second, Dial: b.dial}, {BodyTimeout: 3 * time.Second, Dial: b.dial}} {
			tr := New(opt)
			if got, err := post(t, tr); err != nil || len(got.body) != 10 {
				t.Errorf("%+v, %v", got, err)
			}
			tr.CloseIdleConnections()
		}
	})
}

// A backend that answers before it has read a large body is heard, and its connection is not used again.
func TestEarlyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		b := &backend{serve: func(n int, c net.Conn, in *bufio.Reader) {
			const answer = "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 2\r\n\r\nno"
			if n == 0 {
				http.ReadRequest(in)
				io.WriteString(c, answer)
				<-over // it reads no more
				return
			}
			request(in)
			synctest.Wait() // who sends the body knows that it is gone
			io.WriteString(c, answer)
			request(in)
		}}
		tr := New(Options{Dial: b.dial})
		large := strings.Repeat("x", maxInline+1)
		for want := 1; want <= 2; want++ {
			got, err := exchangeOver(tr, t.Context(), http.MethodPost, strings.NewReader(large))
			if conns, _ := b.count(); got.status != 413 || got.body != "no" || err != nil || conns != want {
				t.Errorf("%+v, %v, %d connections", got, err, conns)
			}
			synctest.Wait()
		}
		if p := tr.pools[address{"http", "backend.test"}]; p == nil || len(p.idle) != 1 { // the second was read to its end
			t.Errorf("%+v", p)
		}
		close(over)
		tr.CloseIdleConnections()
	})
}

// A large body that is shorter than it was said to be is the caller's fault, and said to be.
func TestLargeBodyTooShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: silent}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://a/", strings.NewReader("short"))
		req.ContentLength = maxInline + 1
		if _, err := New(Options{Dial: b.dial}).RoundTrip(req); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v", err)
		}
	})
}

// Over TLS a backend is believed that the given authorities vouch for, and no other.
func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	var dials atomic.Int64
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig
	tr := New(Options{Dial: dial, TLS: &tls.Config{RootCAs: trusting.RootCAs}})
	defer tr.CloseIdleConnections()
	for range 3 {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); string(got) != "ok" || err != nil || resp.TLS == nil {
			t.Errorf("%q, %v, %v", got, err, resp.TLS)
		}
	}
	if dials.Load() != 1 {
		t.Errorf("%d connections for three requests", dials.Load())
	}
	var unknown *tls.CertificateVerificationError
	var unconnected *ConnectError
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if _, err := New(Options{}).RoundTrip(req); !errors.As(err, &unknown) || !errors.As(err, &unconnected) {
		t.Errorf("a backend that nobody vouches for: %v", err)
	}
}

// Wait returns when there is something to read, or nothing more will come, and Read then says what it is.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			end  string
			err  error
		}{{"whole", "1\r\nb\r\n0\r\n\r\n", nil}, {"cut", "", io.ErrUnexpectedEOF}, {"silent", "wait", ErrTimeout}} {
			b := &backend{serve: func(_ int, c2 net.Conn, in *bufio.Reader) {
				request(in)
				io.WriteString(c2, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				<-time.After(time.Second)
				io.WriteString(c2, "1\r\na\r\n")
				<-time.After(time.Second)
				if c.end == "wait" {
					io.Copy(io.Discard, in)
					return
				}
				io.WriteString(c2, c.end)
			}}
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://a/", nil)
			resp, err := New(Options{Dial: b.dial, BodyTimeout: 3 * time.Second}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			var got []byte
			for buf := make([]byte, 10); err == nil; {
				resp.Body.(*body).Wait()
				at := time.Since(began)
				var n int
				if n, err = resp.Body.Read(buf); time.Since(began) != at {
					t.Errorf("%s: there was nothing to read yet", c.name)
				}
				got = append(got, buf[:n]...)
			}
			if c.err == nil && (err != io.EOF || string(got) != "ab") || c.err != nil && (!errors.Is(err, c.err) || string(got) != "a") {
				t.Errorf("%s: %q, %v", c.name, got, err)
			}
			resp.Body.(*body).Wait() // says nothing about what is over
			resp.Body.Close()
		}
	})
}

// A deadline that is set after the context has ended does not make that be forgotten.
func TestDeadlineAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := &conn{net: near, interrupt: func() { near.SetDeadline(past) }}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		c.deadline(ctx, began.Add(time.Hour))
		if _, err := near.Read(make([]byte, 1)); err == nil || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A connection whose context ended while the last of its answer was already there is not used again: its deadline is over.
func TestEndedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := answering(fine)
		tr := New(Options{Dial: b.dial})
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://backend.test/", nil)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if got, err := io.ReadAll(resp.Body); string(got) != "ok" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, open := b.count(); open != 0 || len(tr.pools) != 0 {
			t.Errorf("%d connections are open", open)
		}
		tr.CloseIdleConnections()
	})
}

// The deadlines of one exchange are gone with it.
func TestDeadlinesEndWithTheExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(n int, c net.Conn, in *bufio.Reader) {
			for request(in) {
				<-time.After(2 * time.Second)
				io.WriteString(c, fine)
			}
		}}
		for i, opt := range []Options{{HeadTimeout: 3 * time.Second}, {BodyTimeout: 3 * time.Second}} {
			opt.Dial = b.dial
			tr := New(opt)
			for range 3 {
				good(t, tr)
				<-time.After(10 * time.Second)
			}
			if conns, _ := b.count(); conns != i+1 {
				t.Errorf("%d connections", conns)
			}
			tr.CloseIdleConnections()
		}
	})
}
