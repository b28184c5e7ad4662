package virtual

import (
	"math/rand"
	"reflect"
	"testing"
	"time"

	gateway "foundrylab/gateway/core"
	"foundrylab/internal/record"
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

// Extra wakes of any core, at any deadline of the run, once or several times,
// change nothing.
func TestExtraWakesChangeNothing(t *testing.T) {
	want := Run(shipped(t), Options{}).Result()
	for seed := range int64(3) {
		dice := rand.New(rand.NewSource(seed))
		r := New(shipped(t), Options{})
		for {
			at, _ := r.earliest()
			if at > r.end && r.idle() {
				break
			}
			for range dice.Intn(4) {
				switch who := dice.Intn(len(r.wakes)); who - len(r.world.Backends) {
				case loadPlace:
					r.stepLoad(at-1, load.Event{Kind: load.Wake})
				case gatewayPlace:
					r.stepGateway(at-1, gateway.Event{Kind: gateway.Wake})
				default:
					r.stepBackend(at-1, who, deployment.Event{Kind: deployment.Wake})
				}
			}
			r.takeEarliest()
		}
		if got := r.summary.Result(); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: extra wakes changed the run: %+v, want %+v", seed, got.Totals, want.Totals)
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
