package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/ops"
)

func TestAskUsage(t *testing.T) {
	for _, c := range []struct{ body, asks string }{
		{`{"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`},
		{` { } `, ` {"stream_options":{"include_usage":true} } `},
		{`{"stream_options":null,"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`},
		{`{"a":1,"stream_options" : {} ,"stream":true}`, `{"a":1,"stream_options" : {"include_usage":true} ,"stream":true}`},
		{`{"stream_options":{"include_obfuscation":false}}`, `{"stream_options":{"include_usage":true,"include_obfuscation":false}}`},
		{`{"stream_options":{"include_usage":false,"a":[1, 2]}}`, `{"stream_options":{"include_usage":true,"a":[1, 2]}}`},
		{`{"stream_options":{"include_usage":null,"include_usage":false}}`, `{"stream_options":{"include_usage":true,"include_usage":true}}`},
		{`{"stream_options":{"include_usage":true},"stream_options":{}}`, `{"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}}`},
		{`{"tools":[{"stream_options":{}}]}`, `{"stream_options":{"include_usage":true},"tools":[{"stream_options":{}}]}`},
		{`{"a":"\"stream_options\""}`, `{"stream_options":{"include_usage":true},"a":"\"stream_options\""}`},
		{`{"stream\u005foptions":{"a":1},"b":"stream_options"}`, `{"stream\u005foptions":{"include_usage":true,"a":1},"b":"stream_options"}`},
	} {
		if got := string(askUsage([]byte(c.body))); got != c.asks {
			t.Errorf("%s\ngot  %s\nwant %s", c.body, got, c.asks)
		}
	}
}

// FuzzAskUsage: who reads what is sent finds the usage asked for, and everything else as the client wrote it.
func FuzzAskUsage(f *testing.F) {
	for _, s := range []string{chat, `{"stream_options":{"include_usage":false},"stream":true}`, `{"stream_options":null}`, `{"a":{"stream_options":{}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var before, after map[string]any
		if json.Unmarshal(body, &before) != nil || before == nil || bytes.ContainsRune(body, '\\') {
			askUsage(body) // must not panic
			return
		}
		asks := askUsage(body)
		if err := json.Unmarshal(asks, &after); err != nil {
			t.Fatalf("%q: %q: %v", body, asks, err)
		}
		options, _ := after["stream_options"].(map[string]any)
		if options["include_usage"] != true {
			t.Fatalf("%q: %q", body, asks)
		}
		had, _ := before["stream_options"].(map[string]any)
		delete(options, "include_usage")
		delete(had, "include_usage")
		if len(options) != len(had) || len(had) > 0 && !reflect.DeepEqual(options, had) {
			t.Fatalf("%q: %q", body, asks)
		}
		delete(before, "stream_options")
		delete(after, "stream_options")
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q: %q", body, asks)
		}
	})
}

// Of the events of a backend that was asked for the usage, those of one that was not.
var usageEvents = []string{
	`{"choices":[],"prompt_filter_results":[],"usage":null}`,
	`{"choices":[{"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}],"usage":null}`,
	`{"choices":[{"delta":{"content":"Hi, \"usage\":null"},"finish_reason":null,"index":0}],"usage":null}`,
	`{"choices":[{"delta":{},"finish_reason":"stop","index":0}],"usage":null}`,
	usageEvent, doneEvent,
}

// However a stream is cut into reads, the client sees what it would see had nobody asked, and the gateway knows the usage.
func TestHiddenUsage(t *testing.T) {
	for _, sep := range []string{"\n\n", "\r\n\r\n", "\r\r"} {
		text, want := ": hello"+sep, ": hello"+sep
		for _, e := range usageEvents {
			text += "data: " + e + sep
			if e != usageEvent {
				want += "data: " + strings.Replace(e, `,"usage":null}`, "}", 1) + sep
			}
		}
		for _, end := range []string{"", "data: [DONE]"} { // some servers leave the last blank line out
			for size := 1; size <= len(text); size++ {
				m := newMeter(&ops.All[0], http.Header{"Content-Type": {"text/event-stream"}}, nil)
				m.hides = true
				var got []byte
				for rest := []byte(text + end); len(rest) > 0; {
					n := min(size, len(rest))
					got = append(got, m.take(bytes.Clone(rest[:n]))...)
					rest = rest[n:]
				}
				got = append(got, m.end(true)...)
				if string(got) != want+end || !m.usage || m.used != (ops.Used{Prompt: 20, Completion: 42}) || !m.whole {
					t.Fatalf("%q by %d: %+v\ngot  %q\nwant %q", sep, size, m, got, want+end)
				}
			}
		}
	}
}

// What never becomes an event is not kept for ever: comments that no blank line ends are passed on too.
func TestCommentsWithoutEndAreBounded(t *testing.T) {
	for _, hides := range []bool{false, true} {
		m := newMeter(&ops.All[0], http.Header{"Content-Type": {"text/event-stream"}}, nil)
		m.hides = hides
		passed, most, sent := 0, 0, 0
		for piece := []byte(strings.Repeat(": still here\n", 1000)); sent < 4*maxTail; sent += len(piece) {
			passed += len(m.take(piece))
			most = max(most, len(m.tail))
		}
		passed += len(m.end(true))
		if most > maxTail || passed != sent {
			t.Errorf("hides %v: %d bytes are kept, %d of %d are passed on", hides, most, passed, sent)
		}
	}
}

// A usage event that a connection breaks off at is not shown either.
func TestHiddenUsageAtTheEnd(t *testing.T) {
	m := newMeter(&ops.All[0], http.Header{"Content-Type": {"text/event-stream"}}, nil)
	m.hides = true
	got := string(m.take([]byte("data: "+finishEvent+"\n\ndata: "+usageEvent))) + string(m.end(true))
	if got != "data: "+finishEvent+"\n\n" || !m.usage {
		t.Errorf("%q %+v", got, m)
	}
}

// Clients see the usage of a stream if they ask for it; the gateway always does where the backend can tell.
func TestUsageIsAskedFor(t *testing.T) {
	const streamed, asks = `{"stream":true,"messages":[]}`, `{"stream":true,"stream_options":{"include_usage":true},"messages":[]}`
	for _, c := range []struct {
		name, path, body string
		leave            bool
		asked, shown     bool
	}{
		{"the gateway asks", v1, streamed, false, true, false},
		{"the client asks", v1, asks, false, true, true},
		{"classic", classic, streamed, false, true, false},
		{"before there was an option", strings.Replace(classic, "2024-10-21", "2024-06-01", 1), streamed, false, false, false},
		{"told not to", v1, streamed, true, false, false},
		{"not streamed", v1, chat, false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := always(func(w http.ResponseWriter, r *http.Request) { stream(0, usageEvents...)(w, r) })
				lb := newLab(t, []*fake{backend}, func(cfg *Config) { cfg.LeaveUsage = c.leave })
				r := lb.post(c.path, c.body)
				var sent struct {
					Options struct {
						Usage bool `json:"include_usage"`
					} `json:"stream_options"`
				}
				if err := json.Unmarshal([]byte(backend.requests()[0].body), &sent); err != nil || sent.Options.Usage != c.asked {
					t.Errorf("the backend got %s", backend.requests()[0].body)
				}
				hidden := c.asked && !c.shown
				if strings.Contains(r.body, `{"completion_tokens":42`) == hidden || strings.Contains(r.body, `,"usage":null}`) == hidden {
					t.Errorf("the client sees %s", r.body)
				}
				lb.idle()
			})
		})
	}
}

// Responses always tell, and know no such option.
func TestUsageOfResponsesIsNotAskedFor(t *testing.T) {
	for _, rt := range routes() {
		r := httptest.NewRequest(http.MethodPost, classic, nil)
		if want := rt.op.Name == "ChatCompletions_Create" || rt.op.Name == "Completions_Create"; tellsUsage(rt, r) != want {
			t.Errorf("%s: %v", rt.name, !want)
		}
	}
}

// A backend that does not know the option gets the request as the client wrote it, and is left alone with it for a while.
func TestUsageIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &fake{}
		backend.answer = func(n int, w http.ResponseWriter, r *http.Request) {
			if strings.Contains(backend.requests()[n].body, "stream_options") {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":{"code":null,"message":"Unknown parameter: 'stream_options'.","param":"stream_options","type":"invalid_request_error"}}`)
				return
			}
			stream(0, roleEvent, contentEvent, finishEvent, doneEvent)(w, r)
		}
		var cfg Config
		lb := newLab(t, []*fake{backend}, func(c *Config) { cfg = *c })
		ask := func() (attempts int) {
			before := len(backend.requests())
			if r := lb.post(v1, `{"stream":true,"messages":[]}`); r.status != 200 || !strings.HasSuffix(r.body, "[DONE]\n\n") {
				t.Errorf("%+v", r)
			}
			return len(backend.requests()) - before
		}
		if n := ask(); n != 2 {
			t.Errorf("%d requests", n)
		}
		if n := ask(); n != 1 {
			t.Errorf("a minute has not passed: %d requests", n)
		}
		time.Sleep(muteFor)
		if n := ask(); n != 2 {
			t.Errorf("a minute has passed: %d requests", n)
		}
		if err := lb.Reconfigure(cfg); err != nil {
			t.Fatal(err)
		}
		if n := ask(); n != 1 {
			t.Errorf("a minute has not passed since, with the configuration read again: %d requests", n)
		}
		cfg.Backends = []Backend{cfg.Backends[0]}
		if cfg.Backends[0].Deployment = "another"; lb.Reconfigure(cfg) != nil || ask() != 2 {
			t.Error("another deployment is taken for the one that refused")
		}
		lb.idle()
	})
}

// What a client says itself in these options it is told of, and nobody else is accounted for by less for it.
func TestOptionsOfClientsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &fake{}
		backend.answer = func(n int, w http.ResponseWriter, r *http.Request) {
			if strings.Contains(backend.requests()[n].body, "nonsense") {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":{"message":"Unknown parameter: 'stream_options.nonsense'.","param":"stream_options.nonsense"}}`)
				return
			}
			stream(0, usageEvents...)(w, r)
		}
		lb := newLab(t, []*fake{backend}, nil)
		if r := lb.post(v1, `{"stream":true,"messages":[],"stream_options":{"nonsense":1}}`); r.status != 400 || !strings.Contains(r.body, "nonsense") {
			t.Errorf("%+v", r)
		}
		lb.post(v1, `{"stream":true,"messages":[]}`)
		if seen := backend.requests(); len(seen) != 3 || !strings.Contains(seen[2].body, `"include_usage":true`) {
			t.Errorf("%+v", seen)
		}
		lb.idle()
	})
}

// Any other mistake of a client is answered as ever.
func TestBadRequestsStayAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := always(status(400))
		lb := newLab(t, []*fake{backend}, nil)
		if r := lb.post(v1, `{"stream":true,"messages":[]}`); r.status != 400 || !strings.Contains(r.body, "says the backend") || len(backend.requests()) != 1 {
			t.Errorf("%+v after %d requests", r, len(backend.requests()))
		}
		lb.idle()
	})
}
