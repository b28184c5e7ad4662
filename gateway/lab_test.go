package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"foundrylab/gateway/core"
	"foundrylab/gateway/upstream"
	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/tick"
)

// fake is a backend in plain net/http. answer is called with the number of the
// request, from 0.
type fake struct {
	answer func(n int, w http.ResponseWriter, r *http.Request)

	mu   sync.Mutex
	seen []seen
}

type seen struct {
	path, query, body string
	header            http.Header
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	n := len(f.seen)
	f.seen = append(f.seen, seen{r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Clone()})
	f.mu.Unlock()
	f.answer(n, w, r)
}

func (f *fake) requests() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// always answers every request alike.
func always(h http.HandlerFunc) *fake {
	return &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { h(w, r) }}
}

func ok(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hello.","role":"assistant"}}],"object":"chat.completion","usage":{"completion_tokens":7,"prompt_tokens":20,"total_tokens":27}}`)
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"error":{"code":"%d","message":"says the backend"}}`, code)
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, _ := w.(http.Hijacker).Hijack()
	conn.Close()
}

// Events of a stream.
const (
	filterEvent  = `{"choices":[],"prompt_filter_results":[]}`
	roleEvent    = `{"choices":[{"delta":{"content":"","role":"assistant"},"finish_reason":null,"index":0}]}`
	contentEvent = `{"choices":[{"delta":{"content":"Hi"},"finish_reason":null,"index":0}]}`
	finishEvent  = `{"choices":[{"delta":{},"finish_reason":"stop","index":0}]}`
	usageEvent   = `{"choices":[],"usage":{"completion_tokens":42,"prompt_tokens":20,"total_tokens":62}}`
	errorEvent   = `{"error":{"message":"That model is currently overloaded.","type":"server_error"}}`
	doneEvent    = `[DONE]`
)

// stream answers with events, gap apart. The event "cut" breaks the connection.
func stream(gap time.Duration, events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		for _, e := range events {
			if gap > 0 {
				select {
				case <-time.After(gap):
				case <-r.Context().Done():
					return
				}
			}
			if e == "cut" {
				panic(http.ErrAbortHandler)
			}
			fmt.Fprintf(w, "data: %s\n\n", e)
			w.(http.Flusher).Flush()
		}
	}
}

// lab is a gateway between a client and fakes, over pipes: all of it runs in a
// bubble. What it takes is exact, since nothing but waiting takes time there.
type lab struct {
	*Gateway
	*pool   // the first one
	t       *testing.T
	client  *http.Client
	mu      sync.Mutex
	effects []core.Effect // that Observe saw
	log     bytes.Buffer
	began   time.Time
}

// serveOn runs a handler and returns a transport that reaches it, whatever the
// address.
func serveOn(t *testing.T, h http.Handler) *http.Transport {
	l := serverOf(t, h)
	tr := &http.Transport{DialContext: l.Dial, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func serverOf(t *testing.T, h http.Handler) *pipenet.Listener {
	l := pipenet.Listen()
	server := &http.Server{Handler: h}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l
}

func pipeTo(l *pipenet.Listener) *http.Transport { return &http.Transport{DialContext: l.Dial} }

// newLab puts backends a, b, c, ... each in a priority group of its own; change
// may alter the configuration. A nil backend refuses connections.
func newLab(t *testing.T, fakes []*fake, change func(*Config)) *lab {
	t.Helper()
	lb := &lab{t: t, began: time.Now()}
	cfg := Config{Clock: drive.NewClock(0), Record: true, Logger: zerolog.New(zerolog.SyncWriter(&lb.log)),
		Observe: func(_ tick.Instant, e core.Effect) {
			lb.mu.Lock() // pools tell of theirs each by itself
			defer lb.mu.Unlock()
			lb.effects = append(lb.effects, e)
		}}
	var groups [][]string
	for i, f := range fakes {
		name := string(rune('a' + i))
		b := Backend{Name: name, URL: "http://" + name + ".test", Key: "key-of-" + name, Deployment: "dep-" + name}
		l := pipenet.Listen()
		l.Close()
		if f != nil {
			l = serverOf(t, f)
		}
		own := upstream.New(upstream.Options{Dial: l.Dial})
		t.Cleanup(own.CloseIdleConnections)
		b.Transport = own
		cfg.Backends = append(cfg.Backends, b)
		groups = append(groups, []string{name})
	}
	cfg.Core = Policy(groups...)
	if change != nil {
		change(&cfg)
	}
	gw, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gw.Close)
	lb.Gateway, lb.pool = gw, gw.present.Load().pools[0].pool
	lb.client = &http.Client{Transport: serveOn(t, gw)}
	return lb
}

const (
	classic = "/openai/deployments/gpt-4.1/chat/completions?api-version=2024-10-21"
	v1      = "/openai/v1/chat/completions"
	chat    = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Say hello."}]}`
)

type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
	at     time.Duration
}

func (lb *lab) request(ctx context.Context, path, body string, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test"+path, strings.NewReader(body))
	if err != nil {
		lb.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return lb.client.Do(req)
}

func (lb *lab) post(path, body string, header ...string) reply {
	lb.t.Helper()
	resp, err := lb.request(lb.t.Context(), path, body, header...)
	if err != nil {
		lb.t.Fatal(err)
	}
	got := answerOf(resp)
	got.at = time.Since(lb.began)
	return got
}

// answerOf reads an answer to its end.
func answerOf(resp *http.Response) reply {
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(b), err: err}
}

// responds returns what the core said about each request that is over.
func (lb *lab) responds() []core.Effect {
	var list []core.Effect
	lb.driver.Locked(func(tick.Instant) {
		for _, e := range lb.effects {
			if e.Kind == core.Respond {
				list = append(list, e)
			}
		}
	})
	return list
}

// idle fails unless the core has forgotten everything in flight, and was told
// nothing twice.
func (lb *lab) idle() {
	lb.t.Helper()
	for _, s := range lb.Tape().Steps {
		for _, e := range s.Effects {
			if e.Kind == core.Stray {
				lb.t.Errorf("stray: %+v", s.Event)
			}
		}
	}
	lb.driver.Locked(func(tick.Instant) {
		if n := lb.core.Active(); n != 0 {
			lb.t.Errorf("%d requests are still in the core", n)
		}
	})
}

func (r reply) code() string {
	var e struct{ Error errorBody }
	json.Unmarshal([]byte(r.body), &e)
	return e.Error.Code
}

func marked(key uint64) string {
	text := ops.AppendMarker(nil, ops.Marker{Key: key, Output: 5, Prompt: 33, Chars: 61})
	return fmt.Sprintf(`{"messages":[{"role":"user","content":"%s"}],"max_tokens":16}`, text)
}
