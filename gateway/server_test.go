package gateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/pipenet"
)

// serving runs the server of a gateway in a bubble; stop tells it to end.
func serving(t *testing.T, lb *lab, drain time.Duration) (dial func() net.Conn, stop context.CancelFunc, ended chan error) {
	return servingTo(t, lb, Ending{Drain: drain})
}

func servingTo(t *testing.T, lb *lab, end Ending) (dial func() net.Conn, stop context.CancelFunc, ended chan error) {
	l := pipenet.Listen()
	ctx, stop := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		ended <- lb.Serve(ctx, lb.NewServer(nil), l, end)
	}()
	t.Cleanup(func() { stop(); <-over }) // else the bubble ends while the server does
	return func() net.Conn {
		conn, err := l.Dial(t.Context(), "tcp", "gateway.test:80")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}, stop, ended
}

// A client that sends the headers of a request byte by byte is cut off, whatever it does.
func TestSlowHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial, stop, ended := serving(t, newLab(t, []*fake{always(ok)}, nil), time.Second)
		conn, began, gaveUp := dial(), time.Now(), make(chan bool)
		go func() {
			defer close(gaveUp)
			for _, b := range []byte("POST " + classic + " HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 100)) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		io.Copy(io.Discard, conn)
		if took := time.Since(began); took != headerTime {
			t.Errorf("cut off after %v", took)
		}
		conn.Close()
		<-gaveUp
		idle, began := dial(), time.Now() // and one that sends nothing
		io.Copy(io.Discard, idle)
		if took := time.Since(began); took > idleTime {
			t.Errorf("idle until %v", took)
		}
		idle.Close()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Headers beyond their bound are not kept.
func TestLongHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(ok)
		dial, _, _ := serving(t, newLab(t, []*fake{a}, nil), time.Second)
		for size, want := range map[int]string{maxHeader - 1000: "HTTP/1.1 200", maxHeader + 5000: "HTTP/1.1 431"} {
			conn := dial()
			go fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nX: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", classic, strings.Repeat("x", size), len(chat), chat)
			answer, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(answer), want) {
				t.Errorf("%d bytes: %.40q", size, answer)
			}
			conn.Close()
		}
		time.Sleep(time.Second) // net/http lingers
	})
}

// Told to stop, a server takes nothing new, lets answers end, and cuts what takes longer than it waits.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		drain, want time.Duration
		whole       bool
	}{{time.Minute, 3 * time.Second, true}, {time.Second, 2 * time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{always(stream(time.Second, contentEvent, finishEvent, doneEvent))}, nil)
			dial, stop, ended := serving(t, lb, c.drain)
			client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil }}}
			defer client.CloseIdleConnections()
			began := time.Now()
			time.AfterFunc(time.Second, stop)
			resp, err := client.Post("http://gateway.test"+classic, "application/json", strings.NewReader(chat))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if whole := strings.Contains(string(text), doneEvent); whole != c.whole || time.Since(began) != c.want {
				t.Errorf("drain %v: after %v: %s", c.drain, time.Since(began), text)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			synctest.Wait()
			lb.idle()
			if told := strings.Contains(lb.log.String(), "longer than listen.drain"); told == c.whole {
				t.Errorf("drain %v: %s", c.drain, lb.log.String())
			}
		})
	}
}

// Before it ends a server says for a while that it will, and takes what comes as before.
func TestNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, nil)
		dial, stop, ended := servingTo(t, lb, Ending{Notice: 5 * time.Second, Drain: time.Second})
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil }}}
		get := func(path string) (status int, text string) {
			resp, err := client.Get("http://gateway.test" + path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(body)
		}
		if status, _ := get("/readyz"); status != 200 {
			t.Errorf("ready: %d", status)
		}
		began := time.Now()
		stop()
		time.Sleep(4 * time.Second)
		if status, text := get("/readyz"); status != 503 || !strings.Contains(text, `"status":"leaving"`) {
			t.Errorf("leaving: %d %s", status, text)
		}
		if status, _ := get("/livez"); status != 200 {
			t.Errorf("it lives: %d", status)
		}
		if resp, err := client.Post("http://gateway.test"+classic, "application/json", strings.NewReader(chat)); err != nil || resp.StatusCode != 200 {
			t.Errorf("it still serves: %v %v", resp, err)
		} else {
			resp.Body.Close()
		}
		if err := <-ended; err != nil || time.Since(began) != 5*time.Second {
			t.Errorf("ended after %v: %v", time.Since(began), err)
		}
	})
}

// What two servers might read as one or as two requests, ours refuses, before a backend hears of it.
func TestSmuggling(t *testing.T) {
	second := "POST " + classic + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
	for name, head := range map[string]string{
		"two lengths":           "Content-Length: 2\r\nContent-Length: 3\r\n",
		"length and chunked":    "Content-Length: 2\r\nTransfer-Encoding: xchunked\r\n",
		"chunked twice":         "Transfer-Encoding: chunked, chunked\r\n",
		"unknown coding":        "Transfer-Encoding: gzip, chunked\r\n",
		"negative length":       "Content-Length: -2\r\n",
		"signed length":         "Content-Length: +2\r\n",
		"blank before colon":    "Content-Length : 2\r\n",
		"folded header":         "X: a\r\n Content-Length: 9\r\nContent-Length: 2\r\n",
		"carriage return alone": "X: a\rContent-Length: 9\r\nContent-Length: 2\r\n",
		"zero byte":             "X: a\x00b\r\nContent-Length: 2\r\n",
		"two hosts":             "Host: b\r\nContent-Length: 2\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := always(ok)
			dial, _, _ := serving(t, newLab(t, []*fake{a}, nil), time.Second)
			conn := dial()
			defer conn.Close()
			go io.WriteString(conn, "POST "+classic+" HTTP/1.1\r\nHost: a\r\n"+head+"\r\n{}"+second)
			conn.SetReadDeadline(time.Now().Add(time.Second))
			answer, _ := io.ReadAll(conn)
			text := string(answer)
			if name == "folded header" { // read as RFC 9112, 5.2 has it: as one value
				if strings.Count(text, "HTTP/1.1 200") != 2 || len(a.requests()) != 2 || a.requests()[0].header.Get("X") != "a Content-Length: 9" {
					t.Errorf("%s: %d requests, %.60q", name, len(a.requests()), text)
				}
				return
			}
			if len(a.requests()) != 0 || !strings.HasPrefix(text, "HTTP/1.1 4") && !strings.HasPrefix(text, "HTTP/1.1 501") {
				t.Errorf("%s: %d requests, %.60q", name, len(a.requests()), text)
			}
		})
	}
}
