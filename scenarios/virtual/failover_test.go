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
	from, until tick.Instant // the fault
}

func (f *failing) Transition(t *record.Transition) {
	if t.Backend == 0 {
		f.transitions = append(f.transitions, *t)
	}
}

// failovers are the ways in which a backend stops to answer.
var failovers = []struct{ name, fault string }{
	{"500", "status: {code: 500}"},
	{"503", "status: {code: 503}"},
	{"408", "status: {code: 408}"},
	{"429 without a wait", "throttle: {}"},
	{"429 with a wait", "throttle: {retry_after: 7s}"},
	{"refused", "outage: {mode: refused}"},
	{"reset", "outage: {mode: reset}"},
	{"unknown host", "outage: {mode: unknown_host}"},
	{"error before content", "error_in_stream: {after: 1}"},
	{"deleted", "deleted: {streams: finish}"},
}

// failover runs 20 requests a second, half of them streamed, over a backend that fails for 40 s, and two behind it that
// need at most 70 % of their tokens and of their requests in each second for all of it.
func failover(t *testing.T, fault, gateway string) *failing {
	const src = `
version: 1
duration: 3m
drain: 2m
backends:
- {name: a, model: gpt-4.1, sku: GlobalStandard, region: Sweden Central, tpm: 2M, rpm: 6k}
- {name: b, model: gpt-4.1, sku: GlobalStandard, region: France Central, tpm: 270k, rpm: 870}
- {name: c, model: gpt-4.1, sku: GlobalStandard, region: East US 2, tpm: 270k, rpm: 870}
gateway: {route: {groups: [[a], [b, c]]}, breaker: {failures: 3, open: 10s}%s}
faults:
- {name: out, backend: a, at: 60s, for: 40s, %s}
tenants:
- {name: streamed, arrivals: {constant: {rate: 10/s}}, client: none, prompt: 200, output: 40, max_tokens: 100}
- {name: whole, arrivals: {constant: {rate: 10/s}}, client: none, prompt: 200, output: 40, max_tokens: 100, stream: false}
`
	sc, err := scenarios.Load("failover.yaml", fmt.Appendf(nil, src, gateway, fault), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := new(failing)
	run := virtual.Run(sc, virtual.Options{Also: f})
	f.Result = run.Result()
	f.start = 0
	f.from, f.until = f.start.Add(60*time.Second), f.start.Add(100*time.Second)
	return f
}

func TestFailoverDraft(t *testing.T) {
	for _, c := range failovers {
		f := failover(t, c.fault, ", queue: {ttl: 30s}")
		lost, broken, tries, attempts := 0, 0, 0, 0
		for _, r := range f.requests {
			if r.Outcome != record.Succeeded {
				if r.Begun && r.Tenant == 0 && r.TTFT >= 0 {
					broken++
				} else {
					lost++
					if lost < 3 {
						t.Logf("   %+v", r)
					}
				}
			}
		}
		for _, r := range f.requests {
			tries += int(r.Tries)
			attempts += int(r.Attempts)
		}
		t.Logf("%-22s %d requests, lost %d, broken %d, tries %d, attempts %d, start %v first %v", c.name, len(f.requests), lost, broken, tries, len(f.attempts), f.start, f.requests[0].Intended)
		for _, tr := range f.transitions {
			t.Logf("   %v %v %v", time.Duration(tr.At), tr.State, tr.Reason)
		}
	}
}
