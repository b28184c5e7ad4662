package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
)

func TestOpenLoopSendsAtTheArrivals(t *testing.T) {
	r := &rig{tenants: []*tenant.Config{open("p", "50/s", true), open("c", "20/s", false)}, duration: 10 * time.Second,
		answer: talk(250*time.Millisecond, time.Second)}
	r.run(t)
	r.exact(t)
	// The instants themselves, from the arrival process and nothing else.
	var want, got []tick.Instant
	for _, c := range r.tenants {
		p := c.Arrivals.Start(rng.New(7, rng.Arrival, rng.Entity(c.Name)), nil)
		for a, _ := p.Next(); a.At < r.duration; a, _ = p.Next() {
			want = append(want, epoch.Add(a.At).Floor())
		}
	}
	phases := map[int64]int{}
	for _, h := range r.hits {
		got = append(got, h.at.Floor())
		phases[int64(h.at)%int64(tick.Grid)]++
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%d sends, %d arrivals; first difference at %d", len(got), len(want), firstDifference(got, want))
	}
	if len(r.lags) != len(want) || len(phases) < len(want)/2 {
		t.Errorf("%d lags and %d phases for %d sends", len(r.lags), len(phases), len(want))
	}
	for _, s := range r.of(core.RequestDone) {
		succeeded(t, s)
		if s.TTFT != 2500 || s.at != s.Intended.Add(1250*time.Millisecond) || s.OutputTokens != 17 {
			t.Fatalf("TTFT %v, took %v, %d tokens", s.TTFT.Span(), s.at.Sub(s.Intended), s.OutputTokens)
		}
	}
}

func TestClosedLoopThinksAfterTheAnswer(t *testing.T) {
	c := closed("u", 3, 2*time.Second)
	c.Stream = false
	r := &rig{tenants: []*tenant.Config{c}, duration: 20 * time.Second, answer: func(w http.ResponseWriter, _ *http.Request, _ hit, _ int) {
		time.Sleep(700 * time.Millisecond)
		io.WriteString(w, wholeAnswer)
	}}
	r.run(t)
	r.exact(t)
	turns := map[uint64][]tick.Instant{}
	for _, h := range r.hits {
		user := h.key >> 20 & 0xfff
		turns[user] = append(turns[user], h.at)
	}
	if len(turns) != 3 || len(r.lags) != len(r.hits) {
		t.Fatalf("%d users, %d lags of %d sends", len(turns), len(r.lags), len(r.hits))
	}
	for user, at := range turns {
		if len(at) < 7 {
			t.Fatalf("user %d asked %d times", user, len(at))
		}
		for i := 1; i < len(at); i++ {
			// Rounded to the grid: it begins a cell after the answer, in the turn's own phase.
			if gap := at[i].Sub(at[i-1]) - 2700*time.Millisecond; gap < 0 || gap > 2*tick.Grid {
				t.Errorf("user %d asks %v after answer and thought", user, gap)
			}
		}
	}
	for _, s := range r.of(core.RequestDone) {
		succeeded(t, s)
		if s.OutputTokens != 9 || s.TTFT != 0 || s.at.Sub(s.Intended) != 700*time.Millisecond {
			t.Fatalf("%+v", s)
		}
	}
}

// Of two waits the one in milliseconds counts; it counts from the answer's last
// byte; the number of the try is told.
func TestRetriesWaitAsTold(t *testing.T) {
	for _, c := range []struct {
		client  string
		headers map[string]string
		status  int
		tries   int
		wait    time.Duration
	}{
		{"openai-python", map[string]string{"Retry-After-Ms": "1200", "Retry-After": "30"}, 429, 2, 1200 * time.Millisecond},
		{"openai-python", map[string]string{"Retry-After": "2.5"}, 503, 2, 2500 * time.Millisecond},
		{"openai-go", map[string]string{"Retry-After": "60"}, 429, 2, 8 * time.Second},
		{"openai-python", map[string]string{"Retry-After": "121"}, 429, 1, 0},
		{"openai-python", nil, 400, 1, 0},
		{"none", map[string]string{"Retry-After-Ms": "10"}, 429, 1, 0},
	} {
		t.Run(fmt.Sprint(c.client, c.status, c.headers), func(t *testing.T) {
			o := open("p", "1/s", false)
			o.Client = c.client
			r := &rig{tenants: []*tenant.Config{o}, duration: 3500 * time.Millisecond}
			r.answer = func(w http.ResponseWriter, q *http.Request, h hit, n int) {
				if n == 0 {
					for k, v := range c.headers {
						w.Header().Set(k, v)
					}
					w.WriteHeader(c.status)
					w.(http.Flusher).Flush()
					nap(q, 300*time.Millisecond)
					io.WriteString(w, `{"error":{"code":"x"}}`)
					return
				}
				talk(time.Millisecond, 0)(w, q, h, n)
			}
			r.run(t)
			r.exact(t)
			done := r.of(core.RequestDone)
			if len(r.hits) != 3*c.tries || len(done) != 3 || len(r.lags) != 3*c.tries {
				t.Fatalf("%d sends, %d requests, %d lags", len(r.hits), len(done), len(r.lags))
			}
			for _, s := range done {
				if (s.Outcome == record.Succeeded) != (c.tries == 2) || int(s.Tries) != c.tries {
					t.Errorf("%+v", s)
				}
			}
			last := map[uint64]hit{}
			for _, h := range r.hits {
				before, again := last[h.key]
				last[h.key] = h
				if want := map[bool]string{false: "0", true: "1"}[again]; c.client != "none" && h.try != want || c.client == "none" && h.try != "" {
					t.Errorf("says it is try %q", h.try)
				}
				if again && h.at.Sub(before.at) != c.wait+300*time.Millisecond {
					t.Errorf("came back after %v, not %v", h.at.Sub(before.at), c.wait)
				}
			}
		})
	}
}

func TestOutcomes(t *testing.T) {
	abort := func() { panic(http.ErrAbortHandler) }
	type write = func(w http.ResponseWriter)
	for _, c := range []struct {
		name   string
		whole  bool // not streamed
		answer write
		status uint16
		want   record.Outcome
		why    record.Reason
		tokens int32
		begun  bool // a TTFT was measured
	}{
		{"all of it", false, func(w http.ResponseWriter) { say(w, roleEvent, contentEvent, finishEvent, usageEvent, doneEvent) }, 200, record.Succeeded, 0, 17, true},
		{"no usage", false, func(w http.ResponseWriter) { say(w, contentEvent, contentEvent, finishEvent, doneEvent) }, 200, record.Succeeded, 0, 2, true},
		{"usage before the end", false, func(w http.ResponseWriter) { say(w, contentEvent, usageEvent, contentEvent, finishEvent, doneEvent) }, 200, record.Succeeded, 0, 17, true},
		{"no [DONE]", false, func(w http.ResponseWriter) { say(w, contentEvent, finishEvent) }, 200, record.Succeeded, 0, 1, true},
		{"a bare [DONE]", false, func(w http.ResponseWriter) { say(w, contentEvent); io.WriteString(w, "data: [DONE]") }, 200, record.Succeeded, 0, 1, true},
		{"cut after content", false, func(w http.ResponseWriter) { say(w, roleEvent, contentEvent); abort() }, 200, record.Failed, record.CutFault, 1, true},
		{"cut after finish", false, func(w http.ResponseWriter) { say(w, contentEvent, finishEvent); abort() }, 200, record.Failed, record.CutFault, 1, true},
		{"cut before content", false, func(w http.ResponseWriter) { say(w, filterEvent, roleEvent); abort() }, 200, record.Failed, record.UpstreamError, 0, false},
		{"ends without finish", false, func(w http.ResponseWriter) { say(w, contentEvent, contentEvent) }, 200, record.Failed, record.CutFault, 2, true},
		{"ends within an event", false, func(w http.ResponseWriter) { say(w, contentEvent); io.WriteString(w, `data: {"cho`) }, 200, record.Failed, record.CutFault, 1, true},
		{"an error in the stream", false, func(w http.ResponseWriter) { say(w, `{"error":{"message":"x"}}`, doneEvent) }, 200, record.Failed, record.UpstreamError, 0, false},
		{"no JSON", false, func(w http.ResponseWriter) { say(w, "hello", doneEvent) }, 200, record.Failed, record.MalformedAnswer, 0, false},
		{"an endless event", false, func(w http.ResponseWriter) { say(w, strings.Repeat("x", maxEvent+1)) }, 200, record.Failed, record.MalformedAnswer, 0, false},
		{"empty", false, func(w http.ResponseWriter) { w.WriteHeader(200) }, 200, record.Failed, record.UpstreamError, 0, false},
		{"whole", true, func(w http.ResponseWriter) { io.WriteString(w, wholeAnswer) }, 200, record.Succeeded, 0, 9, false},
		{"whole, cut", true, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "500")
			io.WriteString(w, wholeAnswer[:40])
			w.(http.Flusher).Flush()
			abort()
		}, 200, record.Failed, record.UpstreamError, 0, false},
		{"whole, broken", true, func(w http.ResponseWriter) { io.WriteString(w, wholeAnswer[:40]) }, 200, record.Failed, record.MalformedAnswer, 0, false},
		{"throttled", false, func(w http.ResponseWriter) { w.WriteHeader(429) }, 429, record.Throttled, record.RateLimited, 0, false},
		{"refused", true, func(w http.ResponseWriter) { w.WriteHeader(401) }, 401, record.Failed, record.BackendStatus, 0, false},
		{"down", false, func(w http.ResponseWriter) { w.WriteHeader(502) }, 502, record.Failed, record.BackendStatus, 0, false},
		{"refused by the gateway", false, func(w http.ResponseWriter) { w.Header().Set("X-Gateway-Reason", "no-backend"); w.WriteHeader(503) }, 503, record.Failed, record.NoBackend, 0, false},
		{"nobody's reason", false, func(w http.ResponseWriter) { w.Header().Set("X-Gateway-Reason", "moon"); w.WriteHeader(429) }, 429, record.Throttled, record.RateLimited, 0, false},
		{"sent elsewhere", false, func(w http.ResponseWriter) { w.Header().Set("Location", "/else"); w.WriteHeader(307) }, 307, record.Failed, record.BackendStatus, 0, false},
		{"reset", false, func(w http.ResponseWriter) { abort() }, 0, record.Failed, record.UpstreamError, 0, false},
	} {
		// vegeta's sends and the executor's are measured alike.
		for _, paced := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, paced %v", c.name, paced), func(t *testing.T) {
				tenants := []*tenant.Config{open("o", "1/s", false)}
				if !paced {
					tenants = []*tenant.Config{closed("u", 1, time.Hour)}
				}
				tenants[0].Client, tenants[0].Stream = "none", !c.whole
				r := &rig{tenants: tenants, duration: 1100 * time.Millisecond}
				r.answer = func(w http.ResponseWriter, _ *http.Request, _ hit, _ int) {
					w.Header().Set("X-Gateway-Attempts", "3")
					w.Header().Set("X-Gateway-Queue-Wait-Ms", "12.5")
					c.answer(w)
				}
				if !paced {
					r.duration = 2 * time.Hour
				}
				r.run(t)
				r.exact(t)
				done := r.of(core.RequestDone)
				if len(done) != 1 {
					t.Fatalf("%d requests", len(done))
				}
				s := done[0]
				if s.Outcome != c.want || s.Reason != c.why || s.Status != c.status || s.OutputTokens != c.tokens || (s.TTFT != 0) != c.begun {
					t.Errorf("got %v, %v, status %d, %d tokens, TTFT %v", s.Outcome, s.Reason, s.Status, s.OutputTokens, s.TTFT.Span())
				}
				if c.status != 0 && (s.Attempts != 3 || s.QueueWait != 125) {
					t.Errorf("gateway claims: %d attempts, queue wait %v", s.Attempts, s.QueueWait.Span())
				}
			})
		}
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for _, stream := range []bool{true, false} {
		o := open("o", "1/s", false)
		o.Stream, o.Client = stream, "none"
		r := &rig{tenants: []*tenant.Config{o}, duration: 20500 * time.Millisecond}
		r.answer = func(w http.ResponseWriter, _ *http.Request, h hit, _ int) {
			switch {
			case h.key%3 == 0:
				w.WriteHeader(503)
				io.WriteString(w, strings.Repeat("sorry ", 1000))
			case stream:
				say(w, contentEvent, finishEvent, doneEvent)
			default:
				io.WriteString(w, wholeAnswer)
			}
		}
		r.run(t)
		r.exact(t)
		if len(r.hits) != 20 || r.dials.Load() != 1 {
			t.Errorf("stream %v: %d connections for %d requests, one after the other", stream, r.dials.Load(), len(r.hits))
		}
	}
}

// A try that times out is cancelled at the instant, its connection is closed,
// and what still comes of it changes nothing: not even the retry in its slot.
func TestTimeoutsCancel(t *testing.T) {
	o := open("o", "2/s", false)
	o.Timeout = unit.Duration(800 * time.Millisecond)
	u := closed("u", 2, 100*time.Millisecond)
	u.Timeout = o.Timeout
	gone := 0
	r := &rig{tenants: []*tenant.Config{o, u}, duration: 6 * time.Second}
	r.answer = func(w http.ResponseWriter, q *http.Request, h hit, n int) {
		if n == 1 {
			talk(time.Millisecond, 0)(w, q, h, n)
			return
		}
		<-q.Context().Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		gone++
		if left := r.clock.Now().Sub(h.at); left != 800*time.Millisecond+tick.Grid {
			t.Errorf("the client left after %v", left)
		}
	}
	r.run(t)
	r.exact(t)
	tries := r.of(core.TryDone)
	if gone == 0 || gone*2 != len(tries) {
		t.Fatalf("%d clients left in %d tries", gone, len(tries))
	}
	for _, s := range r.of(core.RequestDone) {
		succeeded(t, s)
	}
	for _, s := range tries {
		if s.Outcome == record.Failed && (s.Reason != record.ClientTimeout || s.at != s.Intended.Add(800*time.Millisecond+tick.Grid)) {
			t.Errorf("%v after %v", s.Reason, s.at.Sub(s.Intended))
		}
	}
	for _, step := range r.tape.Steps {
		for _, e := range step.Effects {
			if e.Kind == core.Stray {
				t.Errorf("the result of a cancelled try was reported: %+v", step.Event)
			}
		}
	}
}

func TestStoppingCancelsEverything(t *testing.T) {
	for _, stop := range []time.Duration{time.Nanosecond, 2345678 * time.Microsecond, 4 * time.Second} {
		r := &rig{tenants: []*tenant.Config{open("o", "30/s", true), closed("u", 10, time.Second)}, duration: time.Hour, stop: stop,
			answer: talk(time.Second, 20*time.Second)}
		r.run(t)
		r.exactButInterrupted(t)
		if !errors.Is(r.err, errStopped) || r.ended != epoch.Add(stop) {
			t.Errorf("returned %v at %v", r.err, r.ended.Sub(epoch))
		}
	}
}

// exactButInterrupted is exact for tries that have no end of their own.
func (r *rig) exactButInterrupted(t *testing.T) {
	t.Helper()
	done := map[uint64]int{}
	for _, s := range r.of(core.RequestDone) {
		done[s.Key]++
		if s.Reason != record.Interrupted {
			t.Errorf("reason %v", s.Reason)
		}
	}
	for _, h := range r.hits {
		if done[h.key] != 1 {
			t.Errorf("request %x is done %d times", h.key, done[h.key])
		}
	}
	if stopped := len(r.of(core.RequestDone)); stopped < len(r.hits) {
		t.Errorf("%d requests done, %d sent", stopped, len(r.hits))
	}
}

// The last request keeps the run alive; its drain ends it.
func TestDrainEndsTheRun(t *testing.T) {
	r := &rig{tenants: []*tenant.Config{open("o", "1/s", false)}, duration: 2500 * time.Millisecond, drain: 10 * time.Second,
		answer: func(w http.ResponseWriter, q *http.Request, h hit, n int) {
			say(w, contentEvent)
			<-q.Context().Done()
		}}
	r.run(t)
	if done := r.of(core.RequestDone); len(done) != 2 || r.ended != epoch.Add(12500*time.Millisecond) {
		t.Fatalf("%d requests, ended at %v", len(done), r.ended.Sub(epoch))
	}
}

type deaf struct{ release chan struct{} }

func (d deaf) RoundTrip(*http.Request) (*http.Response, error) {
	<-d.release
	return nil, errors.New("at last")
}

func TestATransportThatHeedsNoContext(t *testing.T) {
	for _, c := range []*tenant.Config{open("o", "1/s", false), closed("u", 1, time.Second)} {
		d := deaf{}
		r := &rig{tenants: []*tenant.Config{c}, duration: time.Hour, stop: 5 * time.Second, linger: 2 * time.Hour,
			wrap: func(http.RoundTripper) http.RoundTripper {
				d.release = make(chan struct{})
				time.AfterFunc(time.Hour, func() { close(d.release) })
				return d
			}}
		r.run(t)
		if r.err == nil || !strings.Contains(r.err.Error(), "does not heed") || r.ended != epoch.Add(5*time.Second+2*patience) {
			t.Errorf("%s: %v at %v", c.Name, r.err, r.ended.Sub(epoch))
		}
	}
}

// A cancel that comes before its send was carried out suppresses it.
func TestCancelBeforeTheSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{tenants: []*tenant.Config{open("o", "1/s", false)}, duration: time.Second, clock: drive.NewClock(epoch)}
		cfg := r.config()
		cfg.Transport = deaf{} // would never return
		l, err := newLoad(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer l.cancel()
		ref := record.Ref{Slot: 3, Gen: 2}
		l.deliver(epoch, core.Effect{Kind: core.Send, Ref: ref, PromptTokens: 100})
		l.deliver(epoch, core.Effect{Kind: core.Cancel, Ref: record.Ref{Slot: 3, Gen: 1}})
		if l.due[0].dropped.Load() {
			t.Error("a cancel of an earlier generation hit this one")
		}
		l.deliver(epoch, core.Effect{Kind: core.Cancel, Ref: ref})
		l.execute(l.due[0])
		if len(r.tape.Steps) != 0 {
			t.Errorf("something was sent or told: %d steps", len(r.tape.Steps))
		}
		if len(r.lags) != 1 {
			t.Errorf("%d lags: a send that was given up unsent was late too", len(r.lags))
		}
	})
}

func TestTheWire(t *testing.T) {
	for _, c := range []struct {
		target, client     string
		path, auth, agent  string
		model, limit, name string
	}{
		{"http://fake", "openai-python", "/openai/deployments/gpt/chat/completions?api-version=2024-10-21", "", "OpenAI/Python 3.54.0", "", "max_tokens", "classic"},
		{"http://fake/team/", "none", "/team/openai/deployments/gpt/chat/completions?api-version=2024-10-21", "", "foundrylab", "", "max_tokens", "classic below a path"},
		{"http://fake/openai/v1/", "openai-go", "/openai/v1/chat/completions", "Bearer secret", "OpenAI/Go 3.96.0", "gpt", "max_tokens", "v1"},
		{"http://fake/v1/team", "none", "/v1/team/chat/completions", "Bearer secret", "foundrylab", "gpt", "max_tokens", "v1 within"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open("o", "1/s", false)
			o.Client, o.MaxTokens = c.client, tenant.MaxTokens{Times: 2_000_000}
			r := &rig{tenants: []*tenant.Config{o}, duration: 1100 * time.Millisecond, target: c.target, answer: talk(time.Second, 0)}
			r.run(t)
			r.exact(t)
			h := r.hits[0]
			var k ops.Peeker
			p, err := k.Peek(h.body)
			if err != nil {
				t.Fatal(err)
			}
			if h.path != c.path || h.header.Get("Authorization") != c.auth || h.header.Get("User-Agent") != c.agent || h.header.Get("Api-Key") != "secret" ||
				h.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %v", h.path, h.header)
			}
			for name := range h.header {
				if strings.HasPrefix(name, "X-Vegeta") || strings.HasPrefix(name, "X-Foundrylab") || name == "Accept-Encoding" && h.header.Get(name) != "gzip" {
					t.Errorf("header %s went out", name)
				}
			}
			for _, want := range []string{`"stream":true`, `"include_usage":true`, fmt.Sprintf(`"max_tokens":%d`, 2*h.output)} {
				if !strings.Contains(string(h.body), want) {
					t.Errorf("no %s in %.200s … %s", want, h.body, h.body[len(h.body)-100:])
				}
			}
			if got := string(p.Model); got != c.model {
				t.Errorf("model %q", got)
			}
		})
	}
}

func TestTenantsOverrideTheTarget(t *testing.T) {
	wires, err := newWires(Target{URL: "http://fake", Deployment: "a/b", Key: "k", CompletionLimit: true},
		[]Tenant{{Name: "x"}, {Name: "y", Deployment: "own", Key: "mine", Client: "openai-go", OpenLoop: true}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ path, key string }{{"/openai/deployments/a%2Fb/", "k"}, {"/openai/deployments/own/", "mine"}} {
		if w := wires[i]; !strings.Contains(w.url, want.path) || w.header.Get("Api-Key") != want.key || w.openLoop != (i == 1) {
			t.Errorf("%+v", w)
		}
	}
	text := string(wires[0].body(&core.Effect{PromptTokens: 100, MaxTokens: 5}))
	if !strings.Contains(text, `"max_completion_tokens":5`) || strings.Contains(text, "stream") || strings.Contains(text, "model") {
		t.Error(text)
	}
}

func TestEveryClientHasAnAgent(t *testing.T) {
	for _, c := range tenant.Clients {
		if !slices.ContainsFunc(agents, func(a agent) bool { return a.client == c.Name }) {
			t.Errorf("client %s has no line in agents", c.Name)
		}
	}
}

func TestMistakesInTheTarget(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{URL: "localhost:8080", Deployment: "d"}, "give only http or https"},
		{Target{URL: "http://", Deployment: "d"}, "give only http or https"},
		{Target{URL: "http://x?a=b", Deployment: "d"}, "give only http or https"},
		{Target{URL: "http://me:pw@x", Deployment: "d"}, "give only http or https"},
		{Target{URL: "http://[", Deployment: "d"}, "target URL"},
		{Target{URL: "http://x"}, `tenant "o" has no deployment`},
	} {
		r := &rig{tenants: []*tenant.Config{open("o", "1/s", false)}, duration: time.Second}
		cfg := r.config()
		cfg.Target = c.target
		if err := Run(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.target, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &load{clock: drive.NewClock(epoch)} // Fri, 15 Jan 2027 08:00:00 GMT
		for _, c := range []struct {
			ms, after string
			want      uint32
			ok        bool
		}{
			{"", "", 0, false},
			{"1500", "", 1500, true},
			{"0.2", "", 1, true},
			{"1500", "9", 1500, true},
			{"soon", "9", 9000, true},
			{"-1", "9", 9000, true},
			{"NaN", "0.5", 500, true},
			{"", "Fri, 15 Jan 2027 08:00:07 GMT", 7000, true},
			{"", "Fri, 15 Jan 2027 07:59:00 GMT", 0, true},
			{"", "tomorrow", 0, false},
			{"", "1e300", 0, false},
		} {
			h := http.Header{}
			h.Set("Retry-After-Ms", c.ms)
			h.Set("Retry-After", c.after)
			if got, ok := l.retryAfter(h); got != c.want || ok != c.ok {
				t.Errorf("%q, %q: %d %v", c.ms, c.after, got, ok)
			}
		}
	})
}

// A client that gives up on an answer that has begun does not ask again: the
// request is a broken stream.
func TestTimeoutOfABegunAnswerIsFinal(t *testing.T) {
	o := open("o", "1/s", true)
	o.Timeout = unit.Duration(800 * time.Millisecond)
	r := &rig{tenants: []*tenant.Config{o}, duration: 3 * time.Second}
	r.answer = func(w http.ResponseWriter, q *http.Request, _ hit, _ int) {
		say(w, roleEvent, contentEvent)
		<-q.Context().Done()
	}
	r.run(t)
	done := r.of(core.RequestDone)
	if len(done) == 0 || len(r.hits) != len(done) {
		t.Fatalf("%d sends of %d requests", len(r.hits), len(done))
	}
	for _, s := range done {
		if s.Outcome != record.Failed || s.Reason != record.ClientTimeout || !s.Flag || s.Tries != 1 {
			t.Errorf("%+v", s.Effect)
		}
	}
}
