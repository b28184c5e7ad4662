package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// failing is everything that was recorded of a run in which backend 0 fails for a while.
type failing struct {
	watched
	transitions []record.Transition
	from, until tick.Instant // of the fault
}

func (f *failing) Transition(t *record.Transition) {
	if t.Backend == 0 {
		f.transitions = append(f.transitions, *t)
	}
}

// failovers are the ways in which a backend stops to answer; how many attempts it may get while it is taken for well, and as
// probes. What hangs is seen after a timeout, in which 80 requests come; what begins and then stalls is taken for well by each
// probe that begins, and breaks streams off that had begun.
var failovers = []struct {
	name, fault    string
	before, probes int
	breaks         bool
}{
	{"500", "status: {code: 500}", 6, 4, false},
	{"503", "status: {code: 503}", 6, 4, false},
	{"408", "status: {code: 408}", 6, 4, false},
	{"401", "token_expiry: {}", 6, 4, false},
	{"429 without a wait", "throttle: {}", 6, 4, false},
	{"429 with a wait", "throttle: {retry_after: 7s}", 6, 4, false},
	{"refused", "outage: {mode: refused}", 6, 4, false},
	{"reset", "outage: {mode: reset}", 6, 4, false},
	{"unknown host", "outage: {mode: unknown_host}", 6, 4, false},
	{"deleted", "deleted: {streams: finish}", 6, 4, false},
	{"deleted, streams cut", "deleted: {streams: cut}", 6, 4, false},
	{"hangs before the head", "slow_headers: {add: 10m}", 80 + 6, 16, false},
	{"hangs after the head", "latency: {add: 10m}", 80 + 6, 16, false},
	{"stalls within the answer", "stall: {after: 10, for: 10m}", 2*80 + 6, 16, true},
}

// The timeouts of the gateway: nothing takes so long that does not hang.
const (
	headTimeout = 4 * time.Second
	idleTimeout = 2 * time.Second
)

// failover runs 20 requests a second, half of them streamed, over a backend that fails for 40 s, and two behind it that
// need at most 70 % of their tokens, and of their requests in each second, for all of it.
func failover(t *testing.T, fault string) *failing {
	const src = `
version: 1
duration: 3m
drain: 2m
backends:
- {name: a, model: gpt-4.1, sku: GlobalStandard, region: Sweden Central, latency: {ttft: {p50: 500ms, p95: 1s}}, tpm: 2M, rpm: 6k}
- {name: b, model: gpt-4.1, sku: GlobalStandard, region: France Central, latency: {ttft: {p50: 500ms, p95: 1s}}, tpm: 270k, rpm: 870}
- {name: c, model: gpt-4.1, sku: GlobalStandard, region: East US 2, latency: {ttft: {p50: 500ms, p95: 1s}}, tpm: 270k, rpm: 870}
gateway:
  route: {groups: [[a], [b, c]]}
  timeouts: {head: %v, idle: %v}
  breaker: {failures: 3, open: 10s}
  queue: {ttl: 30s}
  budget: {dispatch: predictive, limits: [{backend: b, tpm: 270k, rpm: 870}, {backend: c, tpm: 270k, rpm: 870}]}
faults:
- {name: out, backend: a, at: 60s, for: 40s, %s}
tenants:
- {name: streamed, arrivals: {constant: {rate: 10/s}}, client: none, prompt: 200, output: 40, max_tokens: 100}
- {name: whole, arrivals: {constant: {rate: 10/s}}, client: none, prompt: 200, output: 40, max_tokens: 100, stream: false}
`
	sc, err := scenarios.Load("failover.yaml", fmt.Appendf(nil, src, headTimeout, idleTimeout, fault), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := new(failing)
	f.Result = virtual.Run(sc, virtual.Options{Also: f}).Result()
	start := tick.Instant(sc.StartTime().UnixNano()).Floor()
	f.from, f.until = start.Add(60*time.Second), start.Add(100*time.Second)
	return f
}

// visible counts what clients saw: requests that failed, apart from streams that broke off when they had begun.
func (f *failing) visible() (failed, broken int) {
	for _, r := range f.requests {
		switch {
		case r.Outcome == record.Succeeded:
		case r.TTFT >= 0:
			broken++
		default:
			failed++
		}
	}
	return failed, broken
}

// sent counts the attempts at the backend that failed: those under way when it did, those that began before its breaker
// opened, those that probed while it was half-open, and those that began while it was open.
func (f *failing) sent() (inFlight, before, probes, open int) {
	for _, a := range f.attempts {
		switch {
		case a.Backend != 0 || a.End < f.from:
			continue
		case a.Start < f.from && a.Outcome != record.Succeeded:
			inFlight++
			continue
		case a.Start < f.from || a.Outcome == record.Succeeded:
			continue
		}
		switch state := f.stateAt(a.Start); state {
		case record.Closed:
			before++
		case record.HalfOpen:
			probes++
		default:
			open++
		}
	}
	return inFlight, before, probes, open
}

// stateAt is the state of the breaker after what happened before an instant.
func (f *failing) stateAt(at tick.Instant) record.BackendState {
	state := record.Closed
	for _, t := range f.transitions {
		if t.At < at {
			state = t.State
		}
	}
	return state
}

// closed is when the breaker closed for good.
func (f *failing) closed(t *testing.T) tick.Instant {
	last := f.transitions[len(f.transitions)-1]
	if last.State != record.Closed {
		t.Fatalf("in the end the breaker is %v", last.State)
	}
	return last.At
}

// back returns what share of the requests that came in the ten seconds after that the backend served again that had
// failed, how many attempts failed from then on, and the longest that one of the requests waited.
func (f *failing) back(from tick.Instant) (share float64, failed int, wait time.Duration) {
	all, first := 0, 0
	for _, a := range f.attempts {
		if a.Start <= from {
			continue
		}
		if a.Outcome != record.Succeeded {
			failed++
		}
		if a.Start < from.Add(10*time.Second) {
			all++
			if a.Backend == 0 {
				first++
			}
		}
	}
	for _, r := range f.requests {
		if r.Intended > from {
			wait = max(wait, r.QueueWait)
		}
	}
	return float64(first) / float64(all), failed, wait
}

// Whichever way a backend fails, no client sees it but those whose streams had begun: what had not is answered by the
// others. Nobody asks the backend while its breaker is open, and there are no more attempts than requests but for those
// that were under way, those that opened the breaker, and one probe each ten seconds, or second where a probe hangs. When it is back it serves all again,
// at once and without a second dip.
func TestFailover(t *testing.T) {
	for _, c := range failovers {
		f := failover(t, c.fault)
		failed, broken := f.visible()
		inFlight, before, probes, open := f.sent()
		extra := len(f.attempts) - len(f.requests)
		closed := f.closed(t)
		share, after, wait := f.back(closed)
		t.Logf("%-20s %d requests: %d failed, %d streams broken; at the backend %d were under way, %d opened the breaker, %d probed, %d came while it was open; %d attempts more than requests; "+
			"closed after %.1f s, then %.1f %% by it, %d failures, waits up to %v",
			c.name, len(f.requests), failed, broken, inFlight, before, probes, open, extra, closed.Sub(f.until).Seconds(), 100*share, after, wait)
		begun := inFlight
		if c.breaks {
			begun += before + probes
		}
		if failed > 0 || broken > begun {
			t.Errorf("%s: clients see it", c.name)
		}
		if open > 0 || before > c.before || probes > c.probes || extra > inFlight-broken+before+probes {
			t.Errorf("%s: more attempts than need be", c.name)
		}
		if closed.Sub(f.until) > 12*time.Second || share < 0.97 || after > 0 || wait > 100*time.Millisecond {
			t.Errorf("%s: it does not come back cleanly", c.name)
		}
	}
}
