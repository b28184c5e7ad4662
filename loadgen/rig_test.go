package loadgen

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/pace"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/arrival"
	"foundrylab/loadgen/body"
	"foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
)

const epoch = tick.Instant(1_800_000_000_000_000_000)

// hit is one request as the server saw it.
type hit struct {
	at     tick.Instant
	key    uint64
	output int
	try    string
	header http.Header
	path   string
	body   []byte
}

// seen is one observed effect.
type seen struct {
	at tick.Instant
	core.Effect
}

// rig is a run in a bubble, against a server that answers as told.
type rig struct {
	tenants  []*tenant.Config
	duration time.Duration
	drain    time.Duration
	// answer serves the n-th sending (from 0) of a request.
	answer  func(w http.ResponseWriter, r *http.Request, h hit, n int)
	stop    time.Duration // cancel the run then; 0: never
	wrap    func(http.RoundTripper) http.RoundTripper
	linger  time.Duration // after the run, for goroutines that are meant to outlive it
	target  string
	clients *http.Transport

	dials atomic.Int32
	clock *drive.Clock
	mu    sync.Mutex
	hits  []hit
	seen  []seen
	lags  []time.Duration
	tape  drive.Tape[core.Event, core.Effect]
	ended tick.Instant
	err   error
}

func (r *rig) core() *core.Core {
	var sources []core.Source
	for _, c := range r.tenants {
		sources = append(sources, core.Source{Tenant: tenant.Compile(c, 7, tenant.Sizing{MinPrompt: body.MinPromptTokens,
			Estimate: func(n, _ int32) int32 { user, _ := body.PromptChars(int(n), 0); return int32(user/4 + 1) }})})
	}
	if r.drain == 0 {
		r.drain = time.Minute
	}
	return core.New(core.Options{Seed: 7, Start: epoch, Duration: r.duration, Drain: r.drain, Sources: sources})
}

func (r *rig) run(t *testing.T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r.clock = drive.NewClock(epoch)
		listener := pipenet.Listen()
		server := &http.Server{Handler: http.HandlerFunc(r.serve)}
		go server.Serve(listener)
		r.clients = &http.Transport{MaxIdleConnsPerHost: 1000, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			r.dials.Add(1)
			return listener.Dial(ctx, network, addr)
		}}
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		if r.stop > 0 {
			time.AfterFunc(r.stop, func() { cancel(errStopped) })
		}
		r.err = Run(ctx, r.config())
		r.ended = r.clock.Now()
		time.Sleep(r.linger)
		r.clients.CloseIdleConnections()
		server.Close()
		// A goroutine that is still there makes the bubble panic.
	})
	if r.stop == 0 && r.err != nil {
		t.Fatal(r.err)
	}
	if i, got := drive.Replay[core.Event, core.Effect](&r.tape, r.core()); i >= 0 {
		t.Fatalf("replayed through a fresh core, step %d gives %+v, not %+v", i, got, r.tape.Steps[i].Effects)
	}
}

var errStopped = fmt.Errorf("stopped by the test")

func (r *rig) config() Config {
	cfg := Config{Core: r.core(), Clock: r.clock, Target: Target{URL: r.target, Deployment: "gpt", Key: "secret"},
		SleepUntil: pace.Timer, Transport: r.clients, Tape: &r.tape,
		Observe: func(now tick.Instant, e core.Effect) { r.seen = append(r.seen, seen{now, e}) },
		Lag:     func(d time.Duration) { r.lags = append(r.lags, d) },
	}
	if cfg.Target.URL == "" {
		cfg.Target.URL = "http://fake"
	}
	if r.wrap != nil {
		cfg.Transport = r.wrap(r.clients)
	}
	for _, c := range r.tenants {
		cfg.Tenants = append(cfg.Tenants, Tenant{Name: c.Name, Client: c.Client, OpenLoop: c.Arrivals != nil})
	}
	return cfg
}

func (r *rig) serve(w http.ResponseWriter, req *http.Request) {
	text, _ := io.ReadAll(req.Body)
	var k ops.Peeker
	p, err := k.Peek(text)
	m, ok := p.Marker()
	if err != nil || !ok {
		http.Error(w, "not a generated request", http.StatusBadRequest)
		return
	}
	h := hit{at: r.clock.Now(), key: m.Key, output: m.Output, try: req.Header.Get("X-Stainless-Retry-Count"),
		header: req.Header, path: req.URL.RequestURI(), body: text}
	n := 0
	r.mu.Lock()
	for i := range r.hits {
		if r.hits[i].key == h.key {
			n++
		}
	}
	r.hits = append(r.hits, h)
	r.mu.Unlock()
	r.answer(w, req, h, n)
}

// of returns the observed effects of a kind.
func (r *rig) of(kind core.EffectKind) []seen {
	return slices.DeleteFunc(slices.Clone(r.seen), func(s seen) bool { return s.Kind != kind })
}

// exact checks the heart of the matter: every try was at the server at the very
// instant that it was meant for, nothing was sent that was not meant, and every
// request is done once.
func (r *rig) exact(t *testing.T) {
	t.Helper()
	type send struct {
		key uint64
		at  tick.Instant
	}
	var meant, sent []send
	for _, s := range r.of(core.TryDone) {
		meant = append(meant, send{s.Key, s.Intended})
	}
	done := map[uint64]int{}
	for _, s := range r.of(core.RequestDone) {
		done[s.Key]++
	}
	for _, h := range r.hits {
		sent = append(sent, send{h.key, h.at})
		if done[h.key] != 1 {
			t.Errorf("request %x is done %d times", h.key, done[h.key])
		}
	}
	order := func(a, b send) int { return int(a.at - b.at) }
	slices.SortFunc(meant, order)
	slices.SortFunc(sent, order)
	if !slices.Equal(meant, sent) {
		t.Errorf("meant %d sends, saw %d; first difference at %d", len(meant), len(sent), firstDifference(meant, sent))
	}
	for _, lag := range r.lags {
		if lag != 0 {
			t.Errorf("a lag of %v in a bubble", lag)
		}
	}
}

func firstDifference[T comparable](a, b []T) int {
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// open returns a tenant with arrivals at a rate, closed one with users.
func open(name string, rate string, poisson bool) *tenant.Config {
	var r unit.Rate
	if err := r.UnmarshalText([]byte(rate)); err != nil {
		panic(err)
	}
	c := &tenant.Config{Name: name, Weight: 1, Stream: true, Client: "openai-python", Arrivals: &arrival.Config{Constant: &arrival.Constant{Rate: r}}}
	if poisson {
		c.Arrivals = &arrival.Config{Poisson: &arrival.Poisson{Rate: r}}
	}
	return c
}

func closed(name string, users int, think time.Duration) *tenant.Config {
	pause := unit.Duration(think)
	return &tenant.Config{Name: name, Weight: 1, Stream: true, Client: "openai-python", Users: users, Think: &tenant.Think{Constant: &pause}}
}

// say writes events and flushes them.
func say(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range events {
		io.WriteString(w, "data: "+e+"\n\n")
	}
	w.(http.Flusher).Flush()
}

const (
	filterEvent  = `{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}`
	roleEvent    = `{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`
	contentEvent = `{"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}`
	finishEvent  = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usageEvent   = `{"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":17,"total_tokens":57}}`
	doneEvent    = `[DONE]`
	wholeAnswer  = `{"choices":[{"index":0,"message":{"role":"assistant","content":"word"},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49}}`
)

// talk answers as a healthy server does: nothing counts as content before ttft.
func talk(ttft, rest time.Duration) func(http.ResponseWriter, *http.Request, hit, int) {
	return func(w http.ResponseWriter, q *http.Request, _ hit, _ int) {
		say(w, filterEvent)
		nap(q, ttft/2)
		say(w, roleEvent)
		nap(q, ttft-ttft/2)
		say(w, contentEvent)
		nap(q, rest)
		say(w, contentEvent, finishEvent, usageEvent, doneEvent)
	}
}

// nap sleeps until the client leaves.
func nap(q *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-q.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

func succeeded(t *testing.T, s seen) {
	t.Helper()
	if s.Outcome != record.Succeeded {
		t.Errorf("%v: outcome %v, reason %v, status %d", s.at, s.Outcome, s.Reason, s.Status)
	}
}
