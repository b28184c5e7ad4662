package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// within gives a lab's attempts so long.
func within(head, idle time.Duration, begins string) func(*Config) {
	return func(c *Config) {
		c.Core.Timeouts.Head, c.Core.Timeouts.Idle, c.Core.Retry.Begins = unit.Duration(head), unit.Duration(idle), begins
	}
}

// hung is a backend that does something and then nothing any more, until it is let go.
type hung struct {
	*fake
	mu    sync.Mutex
	letGo []time.Duration // when, from the beginning of the test
}

func hangs(first http.HandlerFunc) *hung {
	began := time.Now()
	h := new(hung)
	h.fake = always(func(w http.ResponseWriter, r *http.Request) {
		if first != nil {
			first(w, r)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		h.mu.Lock()
		h.letGo = append(h.letGo, time.Since(began))
		h.mu.Unlock()
		panic(http.ErrAbortHandler)
	})
	return h
}

func partOf(code int, kind string, length int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		if length > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(length))
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// half is the time by which timeouts come later than they say, and what else happens does not.
const half = tick.Grid / 2

// noBeginnings are how far backends may come and not have begun their answers.
func noBeginnings() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"before the head":               nil,
		"after the head":                partOf(200, "application/json", 0, ""),
		"after the head of a stream":    stream(0),
		"in a stream, before content":   stream(500*time.Millisecond, filterEvent, roleEvent),
		"in the middle of an answer":    partOf(200, "application/json", 90, `{"usage":`),
		"in the middle of an error":     partOf(500, "application/json", 90, `{"error":`),
		"between a stream's own pieces": stream(900*time.Millisecond, roleEvent, roleEvent, roleEvent, roleEvent, roleEvent),
	}
}

// A backend that does not begin its answer in time, however far it has come with it, is let go of when the time is over, and
// the next one answers; nobody sees more of it than the wait.
func TestHangingAttemptsAreTriedElsewhere(t *testing.T) {
	const head = 2 * time.Second
	for name, first := range noBeginnings() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := hangs(first)
				lb := newLab(t, []*fake{a.fake, always(ok)}, within(head, 0, "content"))
				got := lb.post(v1, chat)
				synctest.Wait()
				if got.status != 200 || got.header.Get("X-Gateway-Backend") != "b" || got.header.Get("X-Gateway-Attempts") != "2" || got.at != head+half {
					t.Errorf("%d by %s after %v: %s", got.status, got.header.Get("X-Gateway-Backend"), got.at, got.body)
				}
				if len(a.letGo) != 1 || a.letGo[0] != head+half {
					t.Errorf("the backend was let go of after %v", a.letGo)
				}
				lb.idle()
			})
		})
	}
}

// An attempt that is given up after its head is accounted by that: the prompt was read, or nothing is billed for an error.
func TestHangingAttemptsAreAccounted(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  http.HandlerFunc
		status uint16
		bills  bool // the prompt
		exact  bool
	}{
		{"before the head", nil, 0, false, false},
		{"after the head", partOf(200, "application/json", 0, ""), 200, true, false},
		{"in a stream, before content", stream(0, filterEvent, roleEvent), 200, true, false},
		{"in the middle of an error", partOf(500, "application/json", 90, `{"error":`), 500, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []Spent
				lb := newLab(t, []*fake{hangs(c.first).fake, always(ok)}, func(cfg *Config) {
					within(time.Second, 0, "content")(cfg)
					cfg.Account = func(s Spent) { told = append(told, s) }
				})
				if got := lb.post(v1, chat); got.status != 200 {
					t.Fatalf("%d %s", got.status, got.body)
				}
				synctest.Wait()
				if len(told) != 2 || told[0].Reason != record.AttemptTimeout || told[0].Status != c.status || told[0].Bill.Prompt > 0 != c.bills || told[0].Bill.Exact != c.exact {
					t.Errorf("%+v", told)
				}
			})
		})
	}
}

// Where no backend begins in time the gateway says so, as nobody else does.
func TestNobodyBeginsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := hangs(nil), hangs(stream(0, roleEvent))
		lb := newLab(t, []*fake{a.fake, b.fake}, within(time.Second, time.Second, "content"))
		got := lb.post(v1, chat)
		synctest.Wait()
		if got.status != 504 || got.code() != "BackendTimeout" || got.header.Get("X-Gateway-Reason") != "attempt-timeout" || got.at != 2*(time.Second+half) {
			t.Errorf("%d %s after %v: %s", got.status, got.header, got.at, got.body)
		}
		if len(a.letGo) != 1 || len(b.letGo) != 1 {
			t.Errorf("let go of: %v, %v", a.letGo, b.letGo)
		}
		if log := lb.log.String(); !strings.Contains(log, `"attempts":2,"status":504,"reason":"attempt-timeout"`) {
			t.Errorf("log: %s", log)
		}
		lb.idle()
	})
}

// A stream that pauses for too long breaks off, and its client is told; what it had is counted.
func TestIdleStreamsBreakOff(t *testing.T) {
	const idle = 3 * time.Second
	for _, c := range []struct {
		name, begins string
		first        http.HandlerFunc
		at           time.Duration
		tokens       int32
	}{
		{"after content", "content", stream(time.Second, roleEvent, contentEvent, contentEvent), 3*time.Second + idle, 2},
		{"with the first content", "content", stream(time.Second, roleEvent, contentEvent), 2*time.Second + idle, 1},
		{"before content", "headers", stream(time.Second, filterEvent, roleEvent), 2*time.Second + idle, 0},
		{"after the headers", "headers", stream(0), idle, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := hangs(c.first)
				lb := newLab(t, []*fake{a.fake, always(ok)}, within(0, idle, c.begins))
				got := lb.post(v1, chat)
				synctest.Wait()
				if got.status != 200 || got.err == nil || !strings.HasSuffix(got.body, `"type":"server_error","param":null,"code":null}}`+"\n\n") || got.at != c.at+half {
					t.Errorf("%d %v after %v, want %v: %s", got.status, got.err, got.at, c.at, got.body)
				}
				if e := lb.responds(); len(e) != 1 || e[0].Reason != record.AttemptTimeout || e[0].Completion != c.tokens || e[0].Outcome != record.Failed {
					t.Errorf("%+v", e)
				}
				if len(a.letGo) != 1 || a.letGo[0] != c.at+half {
					t.Errorf("the backend was let go of after %v", a.letGo)
				}
				lb.idle()
			})
		})
	}
}

// Pieces that come just in time keep an answer going, and its beginning has nothing to do with its pauses.
func TestSlowStreamsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := always(stream(time.Second, roleEvent, contentEvent, contentEvent, roleEvent, roleEvent, finishEvent, doneEvent))
		lb := newLab(t, []*fake{a}, within(2*time.Second, time.Second, "content"))
		if got := lb.post(v1, chat); got.status != 200 || got.err != nil || !strings.HasSuffix(got.body, "data: [DONE]\n\n") || got.at != 7*time.Second {
			t.Errorf("%d %v after %v: %s", got.status, got.err, got.at, got.body)
		}
		lb.idle()
	})
}

// The time that a client takes to read is not its backend's.
func TestSlowClientsAreNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := append(strings.Split(strings.Repeat(contentEvent+"\n", 200), "\n")[:200], finishEvent, doneEvent)
		lb := newLab(t, []*fake{always(stream(10*time.Millisecond, events...))}, within(time.Second, time.Second, "content"))
		resp, err := lb.request(t.Context(), v1, chat)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, buf := "", make([]byte, 8<<10)
		for err == nil {
			var n int
			time.Sleep(5 * time.Second)
			n, err = resp.Body.Read(buf)
			body += string(buf[:n])
		}
		if err != io.EOF || strings.Count(body, `"Hi"`) != 200 || !strings.HasSuffix(body, "data: [DONE]\n\n") {
			t.Errorf("%v after %d tokens", err, strings.Count(body, `"Hi"`))
		}
		if e := lb.responds(); len(e) != 1 || e[0].Outcome != record.Succeeded {
			t.Errorf("%+v", e)
		}
	})
}

// Nor is the time in which it takes nothing at all.
func TestClientsThatReadLaterAreNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(stream(300*time.Millisecond, roleEvent, contentEvent, contentEvent, finishEvent, doneEvent))}, within(time.Second, time.Second, "content"))
		conn, err := serverOf(t, lb.Gateway).Dial(t.Context(), "tcp", "gateway.test")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", v1, len(chat), chat)
		time.Sleep(time.Minute)
		if got, err := io.ReadAll(conn); err != nil || !strings.Contains(string(got), "data: [DONE]\n\n") {
			t.Errorf("%v: %s", err, got)
		}
	})
}

// deaf is a transport that does not hear that nobody wants its answer any more.
type deaf struct{ after time.Duration }

func (d deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(d.after)
	return nil, fmt.Errorf("after %v", d.after)
}

// However long a transport does not hear, the core does not run ahead of it: the next attempt has its time from when it begins.
func TestDeafTransports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(ok), always(ok), always(ok)}, func(c *Config) {
			within(10*time.Millisecond, 0, "content")(c)
			c.Core.Retry.Attempts = 16
			for i := range c.Backends[:2] {
				c.Backends[i].Transport = deaf{time.Minute}
			}
		})
		if got := lb.post(v1, chat); got.status != 200 || got.at != 2*time.Minute || got.header.Get("X-Gateway-Attempts") != "3" {
			t.Errorf("%d after %v and %s attempts", got.status, got.at, got.header.Get("X-Gateway-Attempts"))
		}
		lb.idle()
	})
}

// An attempt that was given up has a span that says so, and ended then.
func TestSpansOfTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer, change := traced("")
		lb := newLab(t, []*fake{hangs(nil).fake, hangs(stream(time.Second, contentEvent)).fake}, func(c *Config) {
			change(c)
			within(2*time.Second, 3*time.Second, "content")(c)
		})
		lb.post(v1, chat)
		synctest.Wait()
		got := told(tracer.Take())
		for _, want := range []string{
			`0 below 2: 0s to 2.00005s "chat dep-a" failed=true`, "foundrylab.backend=a foundrylab.reason=attempt-timeout error.type=attempt-timeout\n",
			`1 below 2: 2.00005s to 6.0001s "chat dep-b" failed=true`, "http.response.status_code=200 foundrylab.reason=attempt-timeout error.type=attempt-timeout\n",
			`2 below -: 0s to 6.0001s "POST /openai/v1/chat/completions" failed=true`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	})
}

// A timeout needs no goroutine: with a thousand attempts that wait, there are as many as without.
func TestTimeoutsAddNoGoroutine(t *testing.T) {
	const n = 1000
	waiting := func(timeout time.Duration) (most int) {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{hangs(nil).fake}, within(timeout, timeout, "content"))
			ctx, leave := context.WithCancel(t.Context())
			for range n {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test"+v1, strings.NewReader(chat))
				if err != nil {
					panic(err)
				}
				go lb.client.Do(req) // it ends with its context
			}
			time.Sleep(time.Second)
			synctest.Wait()
			most = runtime.NumGoroutine()
			leave()
		})
		return most
	}
	if without, with := waiting(0), waiting(time.Hour); with > without+n/10 {
		t.Errorf("%d goroutines without timeouts, %d with", without, with)
	}
}
