package simulator

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// epoch is when labs begin: 2026-01-05T00:00:00Z.
const epoch tick.Instant = 1_767_571_200_000_000_000

// lab is a Server behind an http.Server and a client, without a network and in the bubble's time.
type lab struct {
	*testing.T
	*Server
	client *http.Client
	reset  bool // the control plane has forgotten some of the attempts

	mu       sync.Mutex
	attempts []record.Attempt
	samples  []deployment.Effect
}

// inLab runs a test on a Server; the test's requests must have ended when it returns.
func inLab(t *testing.T, cfg Config, test func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{T: t}
		cfg.Clock, cfg.Record = drive.NewClock(epoch), true
		cfg.Ledger = func(b int, a record.Attempt) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if int(a.Backend) != b {
				t.Errorf("backend %d reported as %d", b, a.Backend)
			}
			l.attempts = append(l.attempts, a)
		}
		cfg.Observe = func(b int, now tick.Instant, e deployment.Effect) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.samples = append(l.samples, e)
		}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.Server = s
		listener := pipenet.Listen()
		server := &http.Server{Handler: s}
		go server.Serve(listener)
		transport := &http.Transport{DialContext: listener.Dial, DisableCompression: true}
		l.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		defer func() {
			transport.CloseIdleConnections()
			server.Close()
			s.Close()
			synctest.Wait()
			l.audit()
		}()
		test(l)
	})
}

// audit holds every tape against the ledger and against a fresh core: each Start has one terminal entry, and every
// effect comes again.
func (l *lab) audit() {
	starts := 0
	for i, b := range l.deployments() {
		for _, step := range l.Tape(i).Steps {
			if step.Event.Kind == deployment.Start {
				starts++
			}
		}
		if at, got := replay(b); at >= 0 {
			l.Errorf("%s: step %d comes out differently: %+v", b.cfg.Name, at, got)
		}
		if n := b.core.Active(); n != 0 {
			l.Errorf("%s: %d answers are still in flight", b.cfg.Name, n)
		}
	}
	if len(l.attempts) != starts {
		l.Errorf("%d requests came to a deployment and %d ended", starts, len(l.attempts))
	}
	for i := range l.deployments() { // attempts at different deployments that end at once have no order
		want := ofBackend(l.attempts, i)
		var got []record.Attempt
		kept, _ := l.control.ledger.newest(len(l.attempts)+1, func(a *kept) bool { return int(a.Backend) == i })
		for _, k := range kept {
			got = append(got, k.Attempt)
		}
		if l.reset {
			want = want[max(len(want)-len(got), 0):]
		}
		if !slices.Equal(got, want) {
			l.Errorf("backend %d: %d attempts are kept, %d were told of, or they differ", i, len(got), len(want))
		}
	}
}

func ofBackend(all []record.Attempt, backend int) (some []record.Attempt) {
	for _, a := range all {
		if int(a.Backend) == backend {
			some = append(some, a)
		}
	}
	return some
}

// replay steps a fresh core through a backend's tape.
func replay(b *backend) (int, []deployment.Effect) {
	core := &reinstaller{Core: deployment.New(&b.cfg, b.options), changes: b.changes, seed: b.options.Seed}
	return drive.Replay(b.tape, drive.Core[deployment.Event, deployment.Effect](core))
}

// reinstaller is a core that has every configuration when its event comes.
type reinstaller struct {
	*deployment.Core
	changes []installed
	next    uint32 // version
	seed    uint64
}

func (r *reinstaller) Step(now tick.Instant, ev deployment.Event, out []deployment.Effect) []deployment.Effect {
	if ev.Kind == deployment.Configure {
		for ; r.next < ev.Version; r.next++ {
			if i := r.changes[r.next]; i.faults != nil {
				r.InstallFaults(i.faults.rules)
			} else {
				r.Install(i.cfg, r.seed)
			}
		}
	}
	return r.Core.Step(now, ev, out)
}

// ledger returns the attempts so far.
func (l *lab) ledger() []record.Attempt {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]record.Attempt(nil), l.attempts...)
}

// plan returns the n-th plan of a backend.
func (l *lab) plan(backend, n int) (plan deployment.Effect) {
	l.Helper()
	l.backends[backend].driver.Locked(func(tick.Instant) {
		for _, step := range l.Tape(backend).Steps {
			for _, e := range step.Effects {
				if e.Kind != deployment.Plan {
					continue
				}
				if n == 0 {
					plan = e
				}
				n--
			}
		}
	})
	if n >= 0 {
		l.Fatalf("backend %d has not planned so many answers", backend)
	}
	return plan
}

// send posts a chat request, classic route, to a deployment.
func (l *lab) send(ctx context.Context, name, body string) (*http.Response, error) {
	return l.do(ctx, "POST", "/openai/deployments/"+name+"/chat/completions?api-version=2024-10-21", body, "Api-Key", "foundrylab-key")
}

func (l *lab) do(ctx context.Context, method, target, body string, header ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://sim"+target, strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return l.client.Do(r)
}

// post is send for requests that are answered; it returns the whole answer.
func (l *lab) post(name, body string) (*http.Response, string) {
	l.Helper()
	resp, err := l.send(l.Context(), name, body)
	if err != nil {
		l.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		l.Fatal(err)
	}
	return resp, string(b)
}

// chunk is one event of a stream as a client sees it.
type chunk struct {
	ops.Chunk
	at   tick.Instant
	data string
}

// chunks reads a stream to its end and stamps every event with the clock. err is nil at a proper end.
func (l *lab) chunks(body io.ReadCloser) (all []chunk, err error) {
	defer body.Close()
	f := ops.NewFramer(1 << 16)
	read := make([]byte, 1<<16)
	for {
		n, err := body.Read(read)
		for data, rest, ok := f.Next(read[:n]); ok; data, rest, ok = f.Next(rest) {
			all = append(all, chunk{ops.ClassifySSE(data), l.clock.Now(), string(data)})
		}
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// marked is a chat request whose marker asks for an answer of output tokens. more holds further members, as
// `,"stream":true`.
func marked(key uint64, output int, more string) string {
	text := string(ops.AppendMarker(nil, ops.Marker{Key: key, Output: output, Prompt: 100, Chars: ops.MarkerChars + 40})) + strings.Repeat(" ten chars", 4)
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return `{"model":"gpt-4.1","messages":[{"role":"user","content":` + string(b) + `}]` + more + `}`
}

const streamed = `,"stream":true,"stream_options":{"include_usage":true}`

// standard is a deployment whose latency varies.
func standard(name string) deployment.Config {
	return deployment.Config{Name: name, Model: "gpt-4.1", SKU: "GlobalStandard", TPM: 300_000}
}

// swift is a deployment that answers at once: what a test waits for on a real clock.
func swift(name string) deployment.Config {
	d := standard(name)
	d.TPM = 1_000_000_000
	d.Latency = latency.Config{TTFT: &latency.Quantiles{P50: ms(1), P95: ms(1)}, TokensPerS: 100_000, Spread: 1}
	return d
}

// fastest answers 24 tokens in 0.3 ms, and never refuses.
func fastest() []deployment.Config {
	d := swift("a")
	d.RPM = 1_000_000_000
	d.Latency = latency.Config{TTFT: &latency.Quantiles{P50: unit.Duration(tick.Grid), P95: unit.Duration(tick.Grid)}, PerKPrompt: 1,
		TokensPerS: 1_000_000_000, Spread: 1}
	return []deployment.Config{d}
}

func outage(backend string, at, length time.Duration) fault.Config {
	return fault.Config{Name: "down", Backend: backend, At: unit.Duration(at), For: unit.Duration(length), Outage: &fault.Outage{}}
}

func ms(n time.Duration) unit.Duration { return unit.Duration(n * time.Millisecond) }
