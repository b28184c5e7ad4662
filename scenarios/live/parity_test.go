package live

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/pace"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// pipes is a Network inside the process, for a synctest bubble.
type pipes struct {
	listeners map[string]*pipenet.Listener
	idle      []*http.Transport
}

func (p *pipes) Listen(name, _ string) (net.Listener, error) {
	l := pipenet.Listen()
	p.listeners[name] = l
	return l, nil
}

func (p *pipes) Transport(string) http.RoundTripper {
	t := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 10_000,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return p.listeners[host].Dial(ctx, network, addr)
		}}
	p.idle = append(p.idle, t)
	return t
}

func (p *pipes) Sleep() pace.Func { return pace.Timer }

// fates keeps what became of every request and attempt, with instants counted
// from the start of the run.
type fates struct {
	start    tick.Instant
	requests map[uint64]string
	attempts map[string]int
	moves    []string
}

func newFates(start tick.Instant) *fates {
	return &fates{start: start, requests: map[uint64]string{}, attempts: map[string]int{}}
}

func (f *fates) Request(r *record.Request) {
	f.requests[r.Key] = fmt.Sprintf("tenant %d intended %v end %v ttft %v status %d tries %d attempts %d %v %v tokens %d cost %d", r.Tenant,
		r.Intended.Sub(f.start), r.End.Sub(f.start), r.TTFT, r.Status, r.Tries, r.Attempts, r.Outcome, r.Reason, r.CompletionTokens, r.Cost)
}

func (f *fates) Try(*record.Try) {}

func (f *fates) Attempt(a *record.Attempt) {
	f.attempts[fmt.Sprintf("%d on %d from %v to %v: %d %v %v charged %d completion %d", a.Key, a.Backend, a.Start.Sub(f.start),
		a.End.Sub(f.start), a.Status, a.Outcome, a.Reason, a.Charged, a.CompletionTokens)]++
}

func (f *fates) Sample(*record.Sample) {}

func (f *fates) Transition(t *record.Transition) {
	f.moves = append(f.moves, fmt.Sprintf("%v backend %d %v", t.At.Sub(f.start), t.Backend, t.State))
}

func (f *fates) Lag(time.Duration) {}
func (f *fates) Dropped(int64)     {}

// busy is a minute with throttling, an outage, errors, retries of two client
// libraries, closed-loop users, streams and whole answers.
const busy = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 50, utilization_window: 2s}
  - {name: std-a, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 180}
  - {name: std-b, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 180}
gateway:
  route: {groups: [[ptu], [std-a, std-b]]}
  breaker: {open: 5s}
tenants:
  - {name: chat, weight: 3, arrivals: {poisson: {rate: 3/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: burst, arrivals: {gamma: {rate: 1/s, cv: 3}}, prompt: {lognormal: {p50: 800, p95: 2000}}, output: 30, max_tokens: 2x output, client: openai-go}
  - {name: users, users: 4, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: outage, backend: ptu, at: 20s, for: 10s, outage: {}}
  - {name: errors, backend: std-a, at: 25s, for: 10s, probability: 50%, status: {code: 500}}
  - {name: slow, backend: std-b, at: 40s, for: 10s, latency: {add: 1s, jitter: 500ms}}
`

func loadScenario(t *testing.T, src string, sets ...scenarios.Set) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Load("test.yaml", []byte(src), sets, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The HTTP code in a bubble of fake time and the virtual driver give every
// request, every attempt and every breaker the same fate, to the nanosecond.
func TestLiveEqualsVirtualRequestByRequest(t *testing.T) {
	for _, seed := range []string{"7", "8", "9"} {
		t.Run("seed "+seed, func(t *testing.T) {
			s := loadScenario(t, busy, scenarios.Set{Path: "seed", Value: seed})
			want := newFates(tick.Instant(s.StartTime().UnixNano()))
			virtual.Run(s, virtual.Options{Also: want})
			synctest.Test(t, func(t *testing.T) {
				network := &pipes{listeners: map[string]*pipenet.Listener{}}
				got := newFates(drive.WallClock().Now().Floor().Add(lead))
				if _, err := Run(t.Context(), s, Options{Also: got, Net: network, Note: t.Logf}); err != nil {
					t.Fatal(err)
				}
				for _, idle := range network.idle {
					idle.CloseIdleConnections()
				}
				compare(t, want, got)
			})
		})
	}
}

func compare(t *testing.T, want, got *fates) {
	t.Helper()
	failures := 0
	differ := func(format string, args ...any) {
		if failures++; failures <= 20 {
			t.Errorf(format, args...)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want.requests)) {
		if want.requests[key] != got.requests[key] {
			differ("request %d\n virtual %s\n live    %s", key, want.requests[key], got.requests[key])
		}
	}
	for key := range got.requests {
		if _, ok := want.requests[key]; !ok {
			differ("request %d is live only", key)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(want.attempts)) {
		if got.attempts[a] != want.attempts[a] {
			differ("attempt virtual only: %s", a)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(got.attempts)) {
		if got.attempts[a] != want.attempts[a] {
			differ("attempt live only: %s", a)
		}
	}
	if !slices.Equal(want.moves, got.moves) {
		differ("breakers\n virtual %v\n live    %v", want.moves, got.moves)
	}
	if len(want.requests) < 300 || len(want.moves) < 10 {
		t.Fatalf("the scenario is too tame: %d requests, %d moves", len(want.requests), len(want.moves))
	}
	t.Logf("%d requests, %d attempts, %d breaker moves compared", len(want.requests), len(want.attempts), len(want.moves))
}
