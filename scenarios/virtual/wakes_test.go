package virtual

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	gateway "foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/yamlconf"
	load "foundrylab/loadgen/core"
	"foundrylab/scenarios"
	"foundrylab/simulator/deployment"
)

func shipped(t *testing.T, sets ...scenarios.Set) *scenarios.Scenario {
	t.Helper()
	src, _, _ := scenarios.Shipped("ptu-outage")
	s, err := scenarios.Load("ptu-outage.yaml", src, sets, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Extra wakes of any core, before a deadline, at it and after what it did, once
// or several times, change nothing.
func TestExtraWakesChangeNothing(t *testing.T) {
	for _, sets := range [][]scenarios.Set{nil, {{Path: "gateway.hedge", Value: "{after: 700ms}"}}} {
		want := Run(shipped(t, sets...), Options{}).Result()
		for seed := range int64(3) {
			dice := rand.New(rand.NewSource(seed))
			r := New(shipped(t, sets...), Options{})
			last := r.start
			for {
				at, _ := r.earliest()
				if at > r.end && r.idle() {
					break
				}
				r.wakeSome(dice, max(last, at-1))
				last = r.takeEarliest()
				r.wakeSome(dice, last)
			}
			if got := r.summary.Result(); !reflect.DeepEqual(got, want) {
				t.Fatalf("%v, seed %d: extra wakes changed the run: %+v, want %+v", sets, seed, got.Totals, want.Totals)
			}
		}
	}
}

func (r *Runner) wakeSome(dice *rand.Rand, now tick.Instant) {
	for range dice.Intn(4) {
		switch who := dice.Intn(len(r.wakes)); who - len(r.world.Backends) {
		case contentPlace: // is no core
		case loadPlace:
			r.stepLoad(now, load.Event{Kind: load.Wake})
		case gatewayPlace:
			r.stepGateway(now, gateway.Event{Kind: gateway.Wake})
		default:
			r.stepBackend(now, who, deployment.Event{Kind: deployment.Wake})
		}
	}
}

// wishes keeps what every request of a tenant was meant to be.
type wishes struct {
	of map[uint16]map[uint64][4]int64
}

func (w *wishes) Request(r *record.Request) {
	if w.of[r.Tenant] == nil {
		w.of[r.Tenant] = map[uint64][4]int64{}
	}
	w.of[r.Tenant][r.Key] = [4]int64{int64(r.Intended.Floor()), r.PromptTokens, r.Cost, r.Tokens}
}
func (w *wishes) Try(*record.Try)               {}
func (w *wishes) Attempt(*record.Attempt)       {}
func (w *wishes) Sample(*record.Sample)         {}
func (w *wishes) Transition(*record.Transition) {}
func (w *wishes) Lag(time.Duration)             {}
func (w *wishes) Dropped(int64)                 {}

// Dropping a tenant leaves what the others wish for, and when, as it was.
func TestDroppingATenantLeavesTheOthers(t *testing.T) {
	all := &wishes{of: map[uint16]map[uint64][4]int64{}}
	Run(shipped(t), Options{Also: all})
	without := shipped(t)
	without.Tenants = without.Tenants[1:]
	without.Assert, without.Warn = nil, nil
	text, err := yamlconf.Encode(without)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Load("without-chat.yaml", text, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	rest := &wishes{of: map[uint16]map[uint64][4]int64{}}
	Run(s, Options{Also: rest})
	for tenant, want := range all.of {
		if tenant == 0 {
			continue
		}
		if !reflect.DeepEqual(rest.of[tenant-1], want) || len(want) < 1000 {
			t.Errorf("tenant %d: %d wishes before, %d after, or not the same ones", tenant, len(want), len(rest.of[tenant-1]))
		}
	}
}

// roomy has capacity for everybody, so that tenants meet nowhere: whatever
// still differs without one of them is somebody's dice.
const roomy = `
version: 1
seed: 5
duration: 2m
backends:
  - {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 1000M, rpm: 10M}
  - {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 1000M, rpm: 10M}
gateway:
  route: {groups: [[a, b]]}
  retry: {attempts: 1}
  breaker: {failures: 1000}
tenants:
  - {name: crowd, arrivals: {poisson: {rate: 400/s}}, prompt: 100, output: 10}
  - {name: chat, arrivals: {poisson: {rate: 20/s}}}
  - {name: burst, arrivals: {gamma: {rate: 5/s, cv: 3}}, client: openai-go}
  - {name: users, users: 20, stream: false}
faults:
  - {name: errors, backend: a, at: 10s, for: 100s, probability: 30%, status: {code: 500}}
  - {name: slow, backend: b, at: 10s, for: 100s, probability: 30%, latency: {add: 1s, jitter: 1s}}
`

// fates keeps what became of every request, counted from its intended instant.
type fates struct {
	wishes
	is map[uint64]string
}

func (f *fates) Request(r *record.Request) {
	f.is[r.Key] = fmt.Sprint(r.Intended.Floor(), r.End.Sub(r.Intended), r.TTFT, r.Status, r.Tries, r.Attempts, r.Outcome, r.Reason, r.CompletionTokens)
}

func TestDroppingATenantLeavesEveryDieOfTheOthers(t *testing.T) {
	run := func(src string) map[uint64]string {
		s, err := scenarios.Load("roomy.yaml", []byte(src), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		f := &fates{is: map[uint64]string{}}
		Run(s, Options{Also: f})
		return f.is
	}
	crowd := "  - {name: crowd, arrivals: {poisson: {rate: 400/s}}, prompt: 100, output: 10}\n"
	all, rest := run(roomy), run(strings.Replace(roomy, crowd, "", 1))
	retried := 0
	for key, want := range rest {
		if all[key] != want {
			t.Fatalf("request %d: alone %s, with the crowd %s", key, want, all[key])
		}
		if strings.Contains(want, " 2 2 succeeded") {
			retried++
		}
	}
	if len(rest) < 3000 || len(all) < len(rest)+40_000 || retried < 100 {
		t.Fatalf("too tame: %d requests, %d with the crowd, %d succeeded at the second try", len(rest), len(all), retried)
	}
}
