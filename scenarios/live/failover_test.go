package live

import (
	"fmt"
	"testing"
	"time"

	gatewaycore "foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios/virtual"
)

// failover is eight seconds of 40 requests a second, half of them streamed, over a backend that fails for three seconds and
// one behind it. No client asks again.
const failover = `
version: 1
seed: 7
duration: 8s
backends:
- {name: a, model: gpt-4.1, sku: GlobalStandard, latency: {ttft: {p50: 50ms, p95: 100ms}, tokens_per_s: 200}, tpm: 6M, rpm: 36k}
- {name: b, model: gpt-4.1, sku: GlobalStandard, latency: {ttft: {p50: 50ms, p95: 100ms}, tokens_per_s: 200}, tpm: 6M, rpm: 36k}
gateway:
  route: {groups: [[a], [b]]}
  timeouts: {head: 1s, idle: 1s}
  breaker: {failures: 3, open: 500ms}
tenants:
- {name: streamed, arrivals: {poisson: {rate: 20/s}}, client: none, prompt: 200, output: 40, max_tokens: 100}
- {name: whole, arrivals: {poisson: {rate: 20/s}}, client: none, prompt: 200, output: 40, max_tokens: 100, stream: false}
faults:
- {name: out, backend: a, at: 2s, for: 3s, %s}
`

// outcome is what a run shows of a failover. Entries come one at a time.
type outcome struct {
	fates
	failed, broken int                 // requests, before their answers began and after
	attempts       []record.Attempt    // at the backend that fails
	moves          []record.Transition // of its breaker
}

func (o *outcome) Request(r *record.Request) {
	switch {
	case r.Outcome == record.Succeeded:
	case r.TTFT >= 0:
		o.broken++
	default:
		o.failed++
	}
}

func (o *outcome) Attempt(a *record.Attempt) {
	if a.Backend == 0 {
		o.attempts = append(o.attempts, *a)
	}
}

func (o *outcome) Transition(t *record.Transition) {
	if t.Backend == 0 {
		o.moves = append(o.moves, *t)
	}
}

// between counts the attempts at the backend that began while its breaker was in a state, those left out that were on their way
// when it came to it, and of them those that failed.
func (o *outcome) between(state record.BackendState, onTheirWay time.Duration) (all, failed int) {
	for _, a := range o.attempts {
		was, since := record.Closed, tick.Instant(0)
		for _, m := range o.moves {
			if m.At < a.Start {
				was, since = m.State, m.At
			}
		}
		if was == state && a.Start.Sub(since) > onTheirWay {
			if all++; a.Outcome != record.Succeeded {
				failed++
			}
		}
	}
	return all, failed
}

// sentWhileOpen counts what the gateway itself sent to the backend while it took it for open.
func sentWhileOpen(tape *Tapes) (n int) {
	open := false
	for _, s := range tape.Gateway.Steps {
		for _, e := range s.Effects {
			switch {
			case e.Backend != 0:
			case e.Kind == gatewaycore.Transition:
				open = e.State == record.Open
			case e.Kind == gatewaycore.Send && open:
				n++
			}
		}
	}
	return n
}

// What virtual time shows of failover in every way that a backend fails (TestFailover), sockets and the wall clock confirm for one
// that breaks off and one that hangs: no client sees a failure, but for streams that had begun, nobody asks the backend while its
// breaker is open, and in the end it serves again.
func TestFailoverIsSeenLive(t *testing.T) {
	for _, c := range []struct {
		name, fault string
		before      int // attempts that may fail while it is taken for well: those that open the breaker, or that come within a timeout
	}{
		{"reset", "outage: {mode: reset}", 25},
		{"hangs before the head", "slow_headers: {add: 10m}", 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := loadScenario(t, fmt.Sprintf(failover, c.fault))
			want, got := &outcome{fates: *newFates(0)}, &outcome{fates: *newFates(0)}
			virtual.Run(s, virtual.Options{Also: want})
			var tapes Tapes
			if _, err := Run(t.Context(), s, Options{Also: got, Tapes: &tapes, Note: t.Logf}); err != nil {
				t.Fatal(err)
			}
			for where, o := range []*outcome{want, got} {
				where, onTheirWay := []string{"in virtual time", "live"}[where], []time.Duration{0, 100 * time.Millisecond}[where]
				_, before := o.between(record.Closed, 0)
				probes, _ := o.between(record.HalfOpen, 0)
				open, _ := o.between(record.Open, onTheirWay)
				t.Logf("%s: %d requests failed, %d streams broke off; of the attempts at the backend %d failed while it was taken for well, %d probed, %d came while it was open; its breaker moved %d times",
					where, o.failed, o.broken, before, probes, open, len(o.moves))
				if o.failed > 0 || o.broken > before {
					t.Errorf("%s: clients see it", where)
				}
				if open > 0 || before > c.before || probes == 0 {
					t.Errorf("%s: more attempts than need be", where)
				}
				if n := len(o.moves); n < 3 || o.moves[n-1].State != record.Closed {
					t.Errorf("%s: it does not come back: %+v", where, o.moves)
				}
			}
			if n := sentWhileOpen(&tapes); n > 0 {
				t.Errorf("the gateway sent %d attempts to a backend that it took for open", n)
			}
		})
	}
}
