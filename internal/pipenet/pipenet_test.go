package pipenet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// An HTTP server that takes an hour answers in no time, and the hour is exact.
func TestHTTPInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(time.Hour)
			w.Write(append(body, '!'))
		})}
		go server.Serve(l)
		transport := &http.Transport{DialContext: l.Dial}
		client := &http.Client{Transport: transport}
		began := time.Now()
		resp, err := client.Post("http://any.host/", "", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || string(got) != "!" || time.Since(began) != time.Hour {
			t.Fatalf("%q, %v after %v", got, err, time.Since(began))
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Get("http://any.host/"); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("dialling a closed listener: %v", err)
		}
	})
}

func TestDialEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := l.Dial(ctx, "tcp", "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("nobody accepts: %v", err)
		}
		for range 2 {
			if l.Close() != nil {
				t.Fatal("closing twice is no mistake")
			}
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("accept after close: %v", err)
		}
	})
}

// A write to an attended end returns at once, and what was written comes whole and in order before the end.
func TestAttended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		a := Attend(near).(*attended)
		if !a.Quiet() {
			t.Error("nothing was written yet")
		}
		io.WriteString(far, "one ")
		io.WriteString(far, "two")
		synctest.Wait()
		if a.Quiet() {
			t.Error("something was written")
		}
		far.Close()
		if got, err := io.ReadAll(a); string(got) != "one two" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if synctest.Wait(); a.Quiet() {
			t.Error("the other end is closed")
		}
		a.Close()
	})
}
