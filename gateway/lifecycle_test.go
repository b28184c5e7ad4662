package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
)

// A client that leaves takes its attempt along in the same instant, whether
// the answer has begun or not; the core hears of it once.
func TestClientLeaves(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		{"before the headers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"within a stream", stream(time.Second, contentEvent, contentEvent, contentEvent, contentEvent, contentEvent, contentEvent, contentEvent)},
		{"within an error", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, left := time.Now(), time.Duration(-1)
				a := always(func(w http.ResponseWriter, r *http.Request) {
					c.answer(w, r)
					left = time.Since(began)
				})
				lb := newLab(t, []*fake{a, always(ok)}, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
				defer cancel()
				resp, err := lb.request(ctx, classic, chat)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("%v", err)
				}
				synctest.Wait()
				if left != 3500*time.Millisecond {
					t.Errorf("the backend saw the end after %v", left)
				}
				if r := lb.responds(); len(r) != 1 || r[0].Reason != record.ClientGone || r[0].Attempts != 1 {
					t.Errorf("the core responded %+v", r)
				}
				lb.idle()
			})
		})
	}
}

// What goes wrong inside a request ends it in the core too.
func TestPanicEndsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok)}, func(c *Config) {
			c.Backends[0].Transport = panicky{}
		})
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			lb.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", classic, strings.NewReader(chat)))
		}()
		if r := lb.responds(); len(r) != 1 || r[0].Reason != record.ClientGone {
			t.Errorf("the core responded %+v", r)
		}
		lb.idle()
	})
}

type panicky struct{}

func (panicky) RoundTrip(*http.Request) (*http.Response, error) { panic("transport") }

// An attempt that the core takes back before it was begun is not begun.
func TestAbortedBeforeItWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(ok)
		lb := newLab(t, []*fake{a}, nil)
		r := httptest.NewRequest("POST", classic, strings.NewReader(chat))
		x := &exchange{g: lb.Gateway, pool: lb.pool, route: routes()[0], w: httptest.NewRecorder(), r: r, visitor: visitor{tenant: record.NoTenant}}
		x.box = lb.driver.Open()
		lb.driver.Do(core.Event{Kind: core.Request, Ref: x.box.Ref})
		x.leave()
		var kinds []core.EffectKind
		for len(kinds) == 0 || kinds[len(kinds)-1] != core.Respond {
			e := x.next()
			kinds = append(kinds, e.Kind)
			if e.Kind == core.Send {
				x.send(e)
			}
		}
		if fmt.Sprint(kinds) != fmt.Sprint([]core.EffectKind{core.Send, core.Abort, core.Respond}) || len(a.requests()) != 0 || x.first.response != nil {
			t.Errorf("effects %v, %d requests sent", kinds, len(a.requests()))
		}
	})
}

// However a request ends, its place is free for the next.
func TestPlacesAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := []http.HandlerFunc{ok, status(400), stream(0, contentEvent, "cut"), reset, ok}
		a := &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) { ends[n](w, r) }}
		lb := newLab(t, []*fake{a}, func(c *Config) { c.Core.MaxInFlight = 1 })
		for i, want := range []int{200, 400, 200, 502, 200} {
			if got := lb.post(classic, chat); got.status != want {
				t.Errorf("request %d: %+v", i, got)
			}
			synctest.Wait()
		}
		lb.idle()
	})
}

// A server that is stopped cancels its requests although their clients are
// still there: these must not take what they have for an answer.
func TestStoppedServerBreaksConnections(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"before the headers", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"within a stream", stream(time.Second, contentEvent, contentEvent, contentEvent, doneEvent)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lb := newLab(t, []*fake{always(c.answer)}, nil)
				l := pipenet.Listen()
				ctx, stop := context.WithCancel(t.Context())
				server := &http.Server{Handler: lb, BaseContext: func(net.Listener) context.Context { return ctx }}
				go server.Serve(l)
				defer server.Close()
				time.AfterFunc(1500*time.Millisecond, stop)
				resp, err := (&http.Client{Transport: pipeTo(l)}).Post("http://gateway.test"+classic, "", strings.NewReader(chat))
				if err == nil {
					_, err = io.ReadAll(resp.Body)
				}
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the client saw %v %v", resp, err)
				}
				lb.idle()
			})
		})
	}
}
