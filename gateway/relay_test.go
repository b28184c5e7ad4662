package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Every event reaches the client in the instant in which its backend sent it;
// what comes before the first content with that, or else the headers too.
func TestStreamIsUnbuffered(t *testing.T) {
	for begins, want := range map[string]string{"content": "2s 2s 2s 3s 4s", "headers": "0s 1s 2s 3s 4s"} {
		testStreamIsUnbuffered(t, begins, want)
	}
}

func testStreamIsUnbuffered(t *testing.T, begins, times string) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(stream(time.Second, roleEvent, contentEvent, finishEvent, doneEvent))}, func(c *Config) { c.Core.Retry.Begins = begins })
		resp, err := lb.request(t.Context(), v1, chat)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintln(time.Since(lb.began), resp.Header.Get("Content-Type"))
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			if in.Text() != "" {
				got += fmt.Sprintln(time.Since(lb.began), in.Text())
			}
		}
		at := strings.Fields(times)
		want := fmt.Sprintf("%s text/event-stream; charset=utf-8\n%s data: %s\n%s data: %s\n%s data: %s\n%s data: %s\n", at[0], at[1], roleEvent, at[2], contentEvent, at[3], finishEvent, at[4], doneEvent)
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

func nonStream(contentLength int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(contentLength))
		io.WriteString(w, body)
	}
}

// How an answer ends is what the core learns and what the client sees: either
// a whole answer, or one that says that it broke off and a broken connection, never
// a shorter answer that looks whole. What fails before it has begun is asked for
// again, and nobody sees it.
func TestEndsOfAnswers(t *testing.T) {
	for _, begins := range []string{"headers", "content"} {
		t.Run(begins, func(t *testing.T) { testEndsOfAnswers(t, begins) })
	}
}

func testEndsOfAnswers(t *testing.T, begins string) {
	whole, cut := true, false
	long := `{"usage":{"prompt_tokens":1,"completion_tokens":2},"pad":"` + strings.Repeat("x", maxMetered) + `"}`
	for _, c := range []struct {
		name       string
		answer     http.HandlerFunc
		client     bool
		outcome    record.Outcome
		reason     record.Reason
		completion int32
	}{
		{"stream", stream(0, filterEvent, roleEvent, contentEvent, contentEvent, finishEvent, doneEvent), whole, record.Succeeded, record.NoReason, 2},
		{"stream with usage", stream(0, roleEvent, contentEvent, finishEvent, usageEvent, doneEvent), whole, record.Succeeded, record.NoReason, 42},
		{"usage before the end", stream(0, contentEvent, usageEvent, contentEvent, finishEvent, doneEvent), whole, record.Succeeded, record.NoReason, 42},
		{"finish, no [DONE]", stream(0, roleEvent, contentEvent, finishEvent), whole, record.Succeeded, record.NoReason, 1},
		{"[DONE], no finish", stream(0, contentEvent, doneEvent), whole, record.Succeeded, record.NoReason, 1},
		{"[DONE] without its blank line", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "TEXT/event-stream")
			io.WriteString(w, "data: "+contentEvent+"\r\n\r\ndata: [DONE]")
		}, whole, record.Succeeded, record.NoReason, 1},
		{"cut after content", stream(0, roleEvent, contentEvent, "cut"), cut, record.Failed, record.CutFault, 1},
		{"cut before content", stream(0, filterEvent, roleEvent, "cut"), cut, record.Failed, record.UpstreamError, 0},
		{"cut before anything", stream(0, "cut"), cut, record.Failed, record.UpstreamError, 0},
		{"cut after [DONE]", stream(0, contentEvent, doneEvent, "cut"), cut, record.Failed, record.CutFault, 1},
		{"clean end after content", stream(0, roleEvent, contentEvent), cut, record.Failed, record.CutFault, 1},
		{"clean end before content", stream(0, roleEvent), cut, record.Failed, record.UpstreamError, 0},
		{"empty stream", stream(0), cut, record.Failed, record.UpstreamError, 0},
		{"error in the stream", stream(0, roleEvent, contentEvent, errorEvent), whole, record.Failed, record.CutFault, 1},
		{"error in the stream, then [DONE]", stream(0, errorEvent, doneEvent), whole, record.Failed, record.UpstreamError, 0},
		{"error in the stream, then cut", stream(0, errorEvent, "cut"), cut, record.Failed, record.UpstreamError, 0},
		{"an event that is no JSON", stream(0, roleEvent, contentEvent, "{", contentEvent, doneEvent), cut, record.Failed, record.MalformedAnswer, 1},
		{"an event that is no JSON before content", stream(0, roleEvent, "{"), cut, record.Failed, record.MalformedAnswer, 0},
		{"an event too long to read", stream(0, `{"x":"`+strings.Repeat("x", maxEvent)+`"}`), whole, record.Succeeded, record.NoReason, 0},

		{"body", ok, whole, record.Succeeded, record.NoReason, 7},
		{"body without usage", nonStream(2, `{}`), whole, record.Succeeded, record.NoReason, 0},
		{"body too long to keep", nonStream(len(long), long), whole, record.Succeeded, record.NoReason, 2},
		{"body shorter than announced", nonStream(9, `{}`), cut, record.Failed, record.UpstreamError, 0},
		{"half a JSON object", nonStream(9, `{"usage":`), whole, record.Failed, record.MalformedAnswer, 0},
		{"body that never began", nonStream(9, ``), cut, record.Failed, record.UpstreamError, 0},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, whole, record.Succeeded, record.NoReason, 0},
		{"compressed unasked", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			stream(0, "?")(w, r)
		}, whole, record.Succeeded, record.NoReason, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := always(c.answer), always(ok)
				lb := newLab(t, []*fake{a, b}, func(cfg *Config) { cfg.Core.Breaker.Failures, cfg.Core.Retry.Begins = 1, begins })
				if begins == "content" && c.outcome == record.Failed && c.completion == 0 {
					expectAnother(t, lb, b)
					return
				}
				direct := pass(t, &http.Client{Transport: lb.present.Load().pools[0].backends[0].Transport}, "http://a.test/")
				got := pass(t, lb.client, "http://gateway.test"+classic)
				came, end, broke := strings.Cut(got.body, string(brokenOff(routes()[0].op, 0)))
				if told := c.client == cut && !strings.HasPrefix(c.name, "body") && c.name != "cut after [DONE]" && c.name != "error in the stream, then cut"; broke != told || end != "" {
					t.Errorf("told that it broke off %v: %s", broke, got.body)
				}
				got.body = came
				if c.client == whole && got.body != direct.body || !strings.HasPrefix(direct.body, got.body) {
					t.Errorf("the body is\n%s\nwant\n%s", got.body, direct.body)
				}
				if c.client == whole && got.err != nil || c.client == cut && !errors.Is(got.err, io.ErrUnexpectedEOF) {
					t.Errorf("reading ended with %v", got.err)
				}
				synctest.Wait() // of an announced length the client has all before the gateway knows
				r := lb.responds()
				if len(r) != 1 || r[0].Outcome != c.outcome || r[0].Reason != c.reason || r[0].Completion != c.completion || r[0].Attempts != 1 {
					t.Errorf("the core responded %+v", r)
				}
				if len(b.requests()) != 0 {
					t.Error("an answer that had begun was asked for again")
				}
				state := record.Closed
				lb.driver.Locked(func(tick.Instant) { state, _ = lb.core.Backend(0) })
				if (state == record.Open) != (c.outcome == record.Failed) {
					t.Errorf("the backend is %v", state)
				}
				lb.idle()
			})
		})
	}
}

// expectAnother fails unless the client gets the other backend's answer, and nothing of the first one's.
func expectAnother(t *testing.T, lb *lab, other *fake) {
	got := pass(t, lb.client, "http://gateway.test"+classic)
	if got.status != 200 || got.err != nil || !strings.Contains(got.body, `"Hello."`) || strings.Contains(got.body, "data:") {
		t.Errorf("the client got %+v", got)
	}
	synctest.Wait()
	if r := lb.responds(); len(r) != 1 || r[0].Outcome != record.Succeeded || r[0].Attempts != 2 || r[0].Completion != 7 || len(other.requests()) != 1 {
		t.Errorf("the core responded %+v", r)
	}
	lb.driver.Locked(func(tick.Instant) {
		if state, _ := lb.core.Backend(0); state != record.Open {
			t.Errorf("the backend is %v", state)
		}
	})
	lb.idle()
}

func pass(t *testing.T, client *http.Client, url string) reply {
	t.Helper()
	resp, err := client.Post(url, "application/json", strings.NewReader(chat))
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return reply{err: io.ErrUnexpectedEOF} // not even headers
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, body: string(body), err: err}
}

// An event that arrives in pieces is the same event, however it is cut; it is
// passed on whole, and all bytes as they came.
func TestMeterAtAnyReadBoundary(t *testing.T) {
	for _, end := range []string{"\n", "\r\n"} {
		text := ": hello" + end + end
		var wholes []int // lengths after which nothing is half an event
		for _, e := range []string{filterEvent, roleEvent, contentEvent, contentEvent, finishEvent, usageEvent, doneEvent} {
			wholes = append(wholes, len(text))
			text += "event: x" + end + "data: " + e + end + end
		}
		wholes = append(wholes, len(text))
		h := http.Header{"Content-Type": {"text/event-stream"}}
		for size := 1; size <= len(text); size++ {
			m := newMeter(routes()[0].op, h, nil)
			var passed []byte
			for i := 0; i < len(text); i += size {
				passed = append(passed, m.take([]byte(text[i:min(i+size, len(text))]))...)
				if n := len(passed); n > 0 && !slices.Contains(wholes, n) && !slices.Contains(wholes, n+1) { // the end of a CRLF may follow
					t.Fatalf("in pieces of %d: %d bytes are passed on, which end within an event", size, n)
				}
			}
			passed = append(passed, m.end(true)...)
			if !m.whole || m.used.Completion != 42 || m.used.Prompt != 20 || !m.content || m.events != 7 || string(passed) != text {
				t.Fatalf("in pieces of %d: %+v\n%q", size, m, passed)
			}
		}
	}
}

// FuzzTake: whatever a backend sends, in whatever pieces, its client gets those bytes.
func FuzzTake(f *testing.F) {
	f.Add([]byte("data: {}\n\ndata: [DONE]"), uint8(3))
	f.Add([]byte("\r\n\r: x\n\r\n\rdata:\r\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		m := newMeter(routes()[0].op, http.Header{"Content-Type": {"text/event-stream"}}, nil)
		var passed []byte
		for rest := text; len(rest) > 0; {
			n := min(int(size)%7+1, len(rest))
			passed = append(passed, m.take(bytes.Clone(rest[:n]))...)
			rest = rest[n:]
		}
		if passed = append(passed, m.end(true)...); string(passed) != string(text) {
			t.Errorf("%q became %q", text, passed)
		}
	})
}

// A client that stops reading is noticed by its gone connection, not buffered for.
func TestClientGoneIsNoFaultOfTheBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lb := newLab(t, []*fake{always(stream(time.Second, contentEvent, contentEvent, contentEvent, doneEvent))}, func(c *Config) {
			c.Core.Breaker.Failures = 1
		})
		resp, err := lb.request(t.Context(), classic, chat)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if r := lb.responds(); len(r) != 1 || r[0].Status != 499 || r[0].Reason != record.ClientGone {
			t.Errorf("the core responded %+v", r)
		}
		for _, s := range lb.Tape().Steps {
			for _, e := range s.Effects {
				if e.Kind == core.Transition {
					t.Errorf("%+v", e)
				}
			}
		}
		lb.idle()
	})
}
