package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Over sockets: an idle connection is looked at before it is used, so that one which the backend closed, or on which it
// spoke unasked, meets no request.
func TestStaleConnections(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(net.Conn) // the first answer
		conns int32
	}{
		{"kept", func(net.Conn) {}, 1},
		{"closed", func(c net.Conn) { c.Close() }, 2},
		{"half closed", func(c net.Conn) { c.(*net.TCPConn).CloseWrite() }, 2},
		{"spoke unasked", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled") }, 2},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		said := make(chan struct{})
		var conns atomic.Int32
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conns.Add(1) // before anything is answered on it
				go func() {
					in := bufio.NewReader(conn)
					for n := 0; request(in); n++ {
						io.WriteString(conn, fine)
						if n == 0 {
							c.after(conn)
							said <- struct{}{}
						}
					}
				}()
			}
		}()
		tr := New(Options{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		}})
		good(t, tr)
		<-said // on the loopback, what was sent is there
		if c.conns == 2 {
			go func() { <-said }()
		}
		good(t, tr)
		tr.CloseIdleConnections()
		if l.Close(); conns.Load() != c.conns {
			t.Errorf("%s: %d connections, want %d", c.name, conns.Load(), c.conns)
		}
	}
}

// What may be sent twice, and what may not: a backend closes the connection with its second request in the way of the
// case, and the caller sees an error or does not. No pipe can be looked at, so the request always meets the end.
func TestResend(t *testing.T) {
	read := func(in *bufio.Reader, _ net.Conn) { request(in) }
	for _, c := range []struct {
		name, method string
		header       http.Header
		end          func(in *bufio.Reader, c net.Conn)
		resent       bool
	}{
		{"closed before", "POST", nil, func(*bufio.Reader, net.Conn) {}, true},
		{"closed before", "GET", nil, func(*bufio.Reader, net.Conn) {}, true},
		{"closed when it had come", "POST", nil, read, false},
		{"closed when it had come", "GET", nil, read, true},
		{"closed when it had come, and may come twice", "POST", http.Header{"Idempotency-Key": {"1"}}, read, true},
		{"closed within the answer", "GET", nil, func(in *bufio.Reader, c net.Conn) { request(in); io.WriteString(c, "H") }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &backend{serve: func(n int, conn net.Conn, in *bufio.Reader) {
				request(in)
				io.WriteString(conn, fine)
				if n == 0 {
					c.end(in, conn)
				} else {
					request(in)
				}
			}}
			tr := New(Options{Dial: b.dial})
			good(t, tr)
			synctest.Wait()
			req, _ := http.NewRequestWithContext(t.Context(), c.method, "http://backend.test/", nil)
			if c.header != nil {
				req.Header = c.header
			}
			resp, err := tr.RoundTrip(req)
			if conns, _ := b.count(); (err == nil) != c.resent || conns == 2 != c.resent {
				t.Errorf("%s %s: %v, %d connections", c.method, c.name, err, conns)
			}
			if err == nil {
				io.Copy(io.Discard, resp.Body)
			}
			tr.CloseIdleConnections()
		})
	}
}

// A connection that is new and closes is an error, whatever the method: a backend that hangs up on everything would be
// asked for ever.
func TestNoResendOnFreshConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(_ int, _ net.Conn, in *bufio.Reader) { request(in) }}
		if _, err := exchangeOver(New(Options{Dial: b.dial}), t.Context(), http.MethodGet, nil); err == nil {
			t.Error("no error")
		}
		if conns, _ := b.count(); conns != 1 {
			t.Errorf("%d connections", conns)
		}
	})
}

// The bound on connections holds; who waits is served in order; who leaves the line takes nothing along.
func TestMaxConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(_ int, c net.Conn, in *bufio.Reader) {
			for request(in) {
				<-time.After(time.Second)
				io.WriteString(c, fine)
			}
		}}
		tr := New(Options{Dial: b.dial, MaxConns: 2})
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%5 == 4 { // leaves the line after 100 ms
					time.AfterFunc(100*time.Millisecond, cancel)
				}
				if _, err := exchangeOver(tr, ctx, http.MethodPost, nil); err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
			})
			synctest.Wait()
			<-time.After(time.Millisecond)
		}
		wg.Wait()
		if want := []int{0, 1, 2, 3, 5, 6, 7, 8}; !slices.Equal(order, want) || b.most != 2 {
			t.Errorf("served %v, %d connections at once", order, b.most)
		}
		tr.CloseIdleConnections()
		if synctest.Wait(); len(tr.pools) != 0 {
			t.Errorf("%d pools are left", len(tr.pools))
		}
	})
}

// A place in the line is worth something too when connections break or cannot be opened: nobody waits for ever.
func TestPlacesOfBrokenConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(n int, c net.Conn, in *bufio.Reader) {
			request(in)
			<-time.After(time.Second)
			if n%2 == 0 {
				io.WriteString(c, fine)
			}
		}}
		dials := 0
		tr := New(Options{MaxConns: 1, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials%3 == 0 {
				return nil, errors.New("refused")
			}
			return b.dial(ctx, network, addr)
		}})
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() { post(t, tr) })
		}
		wg.Wait()
		tr.CloseIdleConnections()
		if synctest.Wait(); len(tr.pools) != 0 || b.most != 1 {
			t.Errorf("%d pools are left, %d connections at once", len(tr.pools), b.most)
		}
	})
}

// Idle connections: so many, so long, and none beyond its age; what is closed is closed at the backend too.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{serve: func(_ int, c net.Conn, in *bufio.Reader) {
			for request(in) {
				<-time.After(time.Second)
				io.WriteString(c, fine)
			}
		}}
		tr := New(Options{Dial: b.dial, MaxIdle: 3, IdleTimeout: time.Minute, MaxLifetime: 4 * time.Minute})
		at := func(d time.Duration, wantConns, wantOpen int) {
			t.Helper()
			synctest.Wait()
			if conns, open := b.count(); conns != wantConns || open != wantOpen {
				t.Errorf("after %v: %d connections were opened and %d are open, want %d and %d", d, conns, open, wantConns, wantOpen)
			}
		}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { good(t, tr) })
		}
		wg.Wait()
		at(0, 5, 3)
		for range 5 { // one of them is used on, for 5 minutes
			<-time.After(50 * time.Second)
			good(t, tr)
		}
		at(5*time.Minute, 6, 1)
		<-time.After(75 * time.Second)
		at(6*time.Minute, 6, 0)
		if len(tr.pools) != 0 || tr.armed {
			t.Errorf("%d pools are left, armed %v", len(tr.pools), tr.armed)
		}
	})
}

// Connections that wait for use cost no goroutine, and those that are over are gone.
func TestFlat(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.Write(text)
	})}
	go server.Serve(l)
	defer server.Close()
	dialled := 0
	tr := New(Options{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dialled++
		return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
	}})
	defer tr.CloseIdleConnections()
	once := func(i int) {
		size := 1
		if i%50 == 0 {
			size = maxInline + i
		}
		text := strings.Repeat(fmt.Sprint(i%10), size)
		if got, err := exchangeOver(tr, t.Context(), http.MethodPost, strings.NewReader(text)); got.body != text || err != nil {
			t.Fatalf("%d bytes, %v", len(got.body), err)
		}
	}
	once(1)
	before := runtime.NumGoroutine()
	for i := range 2000 {
		once(i)
	}
	if after := runtime.NumGoroutine(); after > before+1 || dialled > 45 { // a large body's goroutine may be about to end
		t.Errorf("%d goroutines, then %d; %d connections", before, after, dialled)
	}
}

// canned is a connection to a backend that always says the same.
type canned struct {
	net.Conn
	answer  []byte
	pending []byte
}

func (c *canned) Write(p []byte) (int, error) { c.pending = c.answer; return len(p), nil }

func (c *canned) Read(p []byte) (int, error) {
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

func (c *canned) Close() error { return nil }

func (c *canned) SetDeadline(time.Time) error { return nil }

// An exchange allocates what net/http's reader of answers does, and little more.
func TestAllocations(t *testing.T) {
	conn := &canned{answer: []byte(fine)}
	tr := New(Options{Dial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://a/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	parse := testing.AllocsPerRun(100, func() {
		resp, _ := http.ReadResponse(bufio.NewReaderSize(strings.NewReader(fine), 16), req)
		resp.Body.Read(buf)
	})
	whole := testing.AllocsPerRun(100, func() {
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
	})
	if whole > parse+8 {
		t.Errorf("%v allocations, reading the answer is %v of them", whole, parse)
	}
	t.Logf("%v allocations, reading the answer is %v of them", whole, parse)
}

// Who leaves the line at the moment when it is its turn hands its turn on, whether that is a connection or the place of one.
func TestLeavingAtOnesTurn(t *testing.T) {
	to := address{"http", "a"}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 200 {
		near, far := net.Pipe()
		defer far.Close()
		tr := New(Options{MaxConns: 1})
		if c, wait := tr.grasp(to, false); c != nil || wait != nil {
			t.Fatal("there is a place")
		}
		_, place := tr.grasp(to, false)
		if i%2 == 0 {
			tr.closedOne(to)
		} else {
			tr.put(&conn{t: tr, to: to, net: near})
		}
		c, err := tr.await(gone, to, place)
		switch {
		case err == nil && c == nil: // it took its turn: that is right too
			tr.closedOne(to)
		case err == nil:
			tr.put(c)
		}
		tr.CloseIdleConnections()
		if len(tr.pools) != 0 {
			t.Fatalf("a place is lost: %+v", tr.pools[to])
		}
	}
}
