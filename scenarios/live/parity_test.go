package live

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/pipenet"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// pipes is a Network inside the process, for a synctest bubble.
type pipes struct {
	mu        sync.Mutex
	listeners map[string]*pipenet.Listener
	idle      *http.Transport
}

func (p *pipes) Listen(name, _ string) (net.Listener, error) {
	l := pipenet.Listen()
	p.mu.Lock()
	p.listeners[name] = l
	p.mu.Unlock()
	return pipe{l, name}, nil
}

// pipe is a listener whose address is its name.
type pipe struct {
	*pipenet.Listener
	name string
}

func (p pipe) Addr() net.Addr { return at(p.name) }

func (p *pipes) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	p.mu.Lock()
	l := p.listeners[addr]
	p.mu.Unlock()
	conn, err := l.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return pipenet.Attend(conn), nil // as a socket: a server that says goodbye on an idle connection waits for nobody
}

func (p *pipes) Transport() http.RoundTripper {
	p.idle = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 10_000,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return p.Dial(ctx, network, host)
		}}
	return p.idle
}

func (p *pipes) Sleep() pace.Func { return pace.Timer }

// fates keeps what became of every request and attempt, with instants counted
// from the start of the run.
type fates struct {
	start    tick.Instant
	requests map[uint64]string
	attempts map[string]int
	moves    []string
	reasons  map[record.Reason]int // of attempts
	ends     map[record.Reason]int // of requests
	waited   int                   // requests that were served after a wait
	charged  map[uint16]int64      // in the first minute, by backend
}

func newFates(start tick.Instant) *fates {
	return &fates{start: start, requests: map[uint64]string{}, attempts: map[string]int{}, reasons: map[record.Reason]int{}, ends: map[record.Reason]int{}, charged: map[uint16]int64{}}
}

func (f *fates) Request(r *record.Request) {
	f.ends[r.Reason]++
	if r.QueueWait > 0 && r.Outcome == record.Succeeded {
		f.waited++
	}
	f.requests[r.Key] = fmt.Sprintf("tenant %d intended %v end %v ttft %v status %d tries %d attempts %d %v %v tokens %d cost %d waited %v", r.Tenant,
		r.Intended.Sub(f.start), r.End.Sub(f.start), r.TTFT, r.Status, r.Tries, r.Attempts, r.Outcome, r.Reason, r.CompletionTokens, r.Cost, r.QueueWait)
}

func (f *fates) Try(*record.Try) {}

func (f *fates) Attempt(a *record.Attempt) {
	f.reasons[a.Reason]++
	if a.Start.Sub(f.start) < time.Minute {
		f.charged[a.Backend] += a.Charged
	}
	f.attempts[fmt.Sprintf("%d on %d from %v to %v: %d %v %v wait %v charged %d completion %d tier %v cached %d", a.Key, a.Backend, a.Start.Sub(f.start),
		a.End.Sub(f.start), a.Status, a.Outcome, a.Reason, a.Wait, a.Charged, a.CompletionTokens, a.Tier, a.CachedTokens)]++
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

// breaking is a minute in which every kind of fault that breaks answers off
// strikes some of those of each backend.
const breaking = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000, usage_tier: {tokens: 50k}}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 3000}
gateway:
  route: {groups: [[a, b]]}
  retry: {connect: false}
  breaker: {open: 2s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 5/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: abort, backend: a, at: 2s, for: 50s, probability: 20%, abort: {}}
  - {name: at-once, backend: b, at: 2s, for: 50s, probability: 5%, abort: {after: 1}}
  - {name: truncate, backend: a, at: 5s, for: 50s, probability: 10%, truncate: {after: 3}}
  - {name: error, backend: b, at: 5s, for: 50s, probability: 20%, error_in_stream: {after: 20}}
  - {name: stall, backend: b, at: 5s, for: 50s, probability: 30%, stall: {after: 4, for: 700ms}}
  - {name: malformed, backend: a, at: 5s, for: 50s, probability: 20%, malformed: {after: 7}}
  - {name: slow, backend: b, at: 40s, for: 10s, latency: {add: 1s, jitter: 500ms}}
  - {name: outage, backend: a, at: 30s, for: 3s, outage: {}}
`

// spilling is a minute in which one provisioned deployment spills over of itself and by errors, to one that is short of
// limits itself, and another the same in the other reading.
const spilling = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: ptu, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, resource: r, spillover: std}
  - {name: reserve, model: gpt-4.1, sku: GlobalStandard, tpm: 100k, rpm: 120}
  - {name: std, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 60, resource: r}
  - {name: ptu-b, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, resource: r, spillover: std, spillover_error: target}
gateway:
  route: {groups: [[ptu, ptu-b], [reserve]]}
  breaker: {open: 2s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 4/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: errors, backend: ptu, at: 20s, for: 10s, probability: 50%, status: {code: 500}}
  - {name: both, backend: std, at: 25s, for: 10s, probability: 50%, status: {code: 503}}
  - {name: reset, backend: std, at: 40s, for: 3s, outage: {}}
  - {name: outage, backend: ptu-b, at: 50s, for: 3s, outage: {}}
  - {name: slow, backend: std, at: 44s, for: 6s, latency: {add: 1s, jitter: 500ms}}
`

// pooled is a minute in which two deployments in two regions have half of what they could take each.
const pooled = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 40k, rpm: 600}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 40k, rpm: 600, region: Sweden Central, profile: azure-2024}
  - {name: elsewhere, model: gpt-4.1, sku: GlobalStandard, tpm: 20k, rpm: 300, subscription: other,
     dynamic_quota: {share: 50%, every: 1m}}
quota:
  - {model: gpt-4.1, sku: GlobalStandard, tpm: 40k, shared: true}
gateway:
  route: {groups: [[a, b], [elsewhere]]}
  breaker: {open: 2s, max_retry_after: 3s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 6/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
faults:
  - {name: errors, backend: a, at: 20s, for: 10s, probability: 50%, status: {code: 500}}
`

// threefold is a minute of two Claude deployments that run out of input and of output, in both readings of the latter.
const threefold = `
version: 1
seed: 7
duration: 60s
backends:
  - {name: a, model: claude-sonnet-4-5, sku: GlobalStandard, tpm: 60k, rpm: 600, output_tpm: 3k}
  - {name: b, model: claude-sonnet-4-5, sku: GlobalStandard, tpm: 20k, rpm: 600, output_tpm: 12k, output_charge: max_tokens}
gateway:
  route: {groups: [[a], [b]]}
  breaker: {open: 2s, max_retry_after: 3s}
tenants:
  - {name: chat, arrivals: {poisson: {rate: 5/s}}, prompt: 300, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: users, users: 6, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
faults:
  - {name: errors, backend: a, at: 20s, for: 10s, probability: 50%, status: {code: 500}}
`

// waiting is two minutes in which more is wanted than there is: bands, shares,
// limits of tenants' own, displacement, and a backend that refuses earlier than
// the gateway expects.
const waiting = `
version: 1
seed: 7
duration: 120s
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 600, window: fixed}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 40k, rpm: 240, window: sliding}
  - {name: c, model: gpt-4.1, sku: GlobalProvisionedManaged, ptu: 15, utilization_window: 2s}
gateway:
  route: {groups: [[a, b], [c]]}
  breaker: {open: 2s}
  queue: {ttl: 10s, max_requests: 40, bands: [{name: people}, {name: batch, min_share: 10%, ttl: 30s}]}
  budget: {dispatch: hybrid, reserve: 5%, limits: [{backend: a, tpm: 60k}, {backend: b, tpm: 60k}, {backend: c, tpm: 45k, charge: actual, output_weight: 4}]}
  tenants:
    - {name: chat, priority: people}
    - {name: users, priority: people}
    - {name: hasty, priority: people, limits: {tpm: 20k, concurrency: 1}}
tenants:
  - {name: chat, weight: 3, arrivals: {poisson: {rate: 2/s}}, prompt: 500, output: {exponential: {mean: 80}}, max_tokens: 200}
  - {name: bulk, arrivals: {gamma: {rate: 3/s, cv: 3}}, prompt: {lognormal: {p50: 800, p95: 2000}}, output: 30, max_tokens: 2x output, client: none}
  - {name: users, users: 4, think: {exponential: {mean: 1s}}, prompt: 300, output: 40, stream: false, client: openai-go}
  - {name: hasty, arrivals: {constant: {rate: 1/s}}, prompt: 400, output: 150, client: none, timeout: 2s}
faults:
  - {name: outage, backend: a, at: 20s, for: 10s, outage: {}}
  - {name: errors, backend: b, at: 25s, for: 10s, probability: 50%, status: {code: 500}}
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
		t.Run("seed "+seed, func(t *testing.T) { runBoth(t, busy, seed) })
		t.Run("spilling over, seed "+seed, func(t *testing.T) {
			f := runBoth(t, spilling, seed)
			spilled := 0
			for a, n := range f.attempts {
				if strings.Contains(a, " on 2 ") {
					spilled += n
				}
			}
			if spilled < 50 {
				t.Errorf("only %d attempts spilled over", spilled)
			}
		})
		t.Run("from one pool, seed "+seed, func(t *testing.T) { runBoth(t, pooled, seed).wasPooled(t) })
		t.Run("waiting, seed "+seed, func(t *testing.T) { runBoth(t, waiting, seed).hadToWait(t) })
		t.Run("Claude, seed "+seed, func(t *testing.T) {
			f := runBoth(t, threefold, seed)
			for _, r := range []record.Reason{record.TokenLimit, record.OutputTokenLimit} {
				if n := f.reasons[r]; n < 20 {
					t.Errorf("only %d attempts ended by %v", n, r)
				}
			}
		})
		t.Run("broken off, seed "+seed, func(t *testing.T) {
			f := runBoth(t, breaking, seed)
			for _, r := range []record.Reason{record.CutFault, record.TruncateFault, record.StreamErrorFault, record.MalformedFault} {
				if n := f.reasons[r]; n < 3 {
					t.Errorf("only %d attempts ended by %v", n, r)
				}
			}
		})
	}
}

// hadToWait: many requests waited, and each way that a wait ends was taken.
func (f *fates) hadToWait(t *testing.T) {
	t.Helper()
	for _, r := range []record.Reason{record.QueueTimeout, record.QueueTooLong, record.QueueDisplaced, record.TenantConcurrency} {
		if n := f.ends[r]; n < 3 {
			t.Errorf("only %d requests ended by %v: %v", n, r, f.ends)
		}
	}
	if f.waited < 100 {
		t.Errorf("only %d requests waited and were served", f.waited)
	}
}

// wasPooled: each of a and b was charged much, and both together no more than
// their pool.
func (f *fates) wasPooled(t *testing.T) {
	t.Helper()
	if sum := f.charged[0] + f.charged[1]; f.charged[0] < 5_000 || f.charged[1] < 5_000 || sum < 38_000 || sum > 40_000 {
		t.Errorf("charged %v, of a pool of 40,000", f.charged)
	}
}

// runBoth runs a wild scenario both ways, compares, and returns the virtual
// fates.
func runBoth(t *testing.T, src, seed string) *fates {
	t.Helper()
	want := runAlike(t, src, seed)
	if len(want.requests) < 300 || len(want.moves) < 10 {
		t.Fatalf("the scenario is too tame: %d requests, %d moves", len(want.requests), len(want.moves))
	}
	return want
}

// runAlike is runBoth of any scenario.
func runAlike(t *testing.T, src, seed string) *fates {
	t.Helper()
	s := loadScenario(t, src, scenarios.Set{Path: "seed", Value: seed})
	want := newFates(tick.Instant(s.StartTime().UnixNano()))
	virtual.Run(s, virtual.Options{Also: want})
	synctest.Test(t, func(t *testing.T) {
		network := &pipes{listeners: map[string]*pipenet.Listener{}}
		got := newFates(drive.WallClock().Now().Floor().Add(lead))
		if _, err := Run(t.Context(), s, Options{Also: got, Net: network, Note: t.Logf}); err != nil {
			t.Fatal(err)
		}
		network.idle.CloseIdleConnections()
		compare(t, want, got)
	})
	return want
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
	t.Logf("%d requests, %d attempts, %d breaker moves compared", len(want.requests), len(want.attempts), len(want.moves))
}
