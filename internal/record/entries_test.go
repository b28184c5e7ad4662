package record

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

const (
	second = time.Second
	begin  = tick.Instant(1_700_000_000_000_000_000)
)

// at returns an instant of the run.
func at(d time.Duration) tick.Instant { return begin.Add(d) }

// header is a run of ten minutes with the given tenants' weights and backends.
func header(weights []int64, backends int, faults ...Fault) Header {
	h := Header{SchemaVersion: SchemaVersion, Scenario: "lab", Hash: "h", Seed: 7, Mode: "virtual", Start: begin, Duration: 10 * time.Minute, Faults: faults,
		SLO: SLO{Success: 990_000, TTFTFactor: 1_500_000}}
	for i, w := range weights {
		h.Tenants = append(h.Tenants, Tenant{Name: fmt.Sprint("tenant ", i), Weight: w})
	}
	for i := range backends {
		h.Backends = append(h.Backends, Backend{Name: fmt.Sprint("backend ", i), Model: "gpt-4.1", SKU: "GlobalStandard"})
	}
	return h
}

// entry puts one entry into a sink.
type entry func(Sink)

// randomEntries draws n entries of every kind for a run of h.
func randomEntries(dice *rand.Rand, h *Header, n int) []entry {
	instant := func() tick.Instant { return h.Start.Add(time.Duration(dice.Int63n(int64(h.Duration) * 11 / 10))) }
	span := func() time.Duration { return time.Duration(dice.Int63n(int64(time.Minute) >> dice.Intn(20))) }
	tenant := func() uint16 { return uint16(dice.Intn(len(h.Tenants))) }
	backend := func() uint16 { return uint16(dice.Intn(len(h.Backends))) }
	outcome := func() Outcome { return Outcome(1 + dice.Intn(3)) }
	list := make([]entry, n)
	for i := range list {
		switch dice.Intn(9) {
		case 0, 1, 2:
			r := Request{Key: dice.Uint64(), Intended: instant(), TTFT: -1, QueueWait: span(), PromptTokens: dice.Int63n(5000),
				CompletionTokens: dice.Int63n(500), Cost: 1 + dice.Int63n(9000), Tokens: 1 + dice.Int63n(5000), Status: 200, Tenant: tenant(),
				Tries: uint16(1 + dice.Intn(3)), Attempts: uint16(dice.Intn(4)), Outcome: outcome(), Reason: Reason(dice.Intn(int(Interrupted))), Begun: dice.Intn(2) == 0}
			if dice.Intn(4) > 0 {
				r.TTFT = span()
			}
			r.End = r.Intended.Add(max(r.TTFT, 0) + span())
			list[i] = func(s Sink) { s.Request(&r) }
		case 3:
			y := Try{Sent: instant(), Tenant: tenant(), Outcome: outcome(), Status: 429}
			list[i] = func(s Sink) { s.Try(&y) }
		case 4, 5:
			a := Attempt{Start: instant(), Charged: dice.Int63n(9000), Tenant: tenant(), Backend: backend(), Outcome: outcome()}
			if dice.Intn(5) == 0 {
				a.Tenant = NoTenant
			}
			list[i] = func(s Sink) { s.Attempt(&a) }
		case 6:
			u := Sample{At: instant(), Utilization: dice.Int63n(3_000_000), Backend: backend()}
			list[i] = func(s Sink) { s.Sample(&u) }
		case 7:
			x := Transition{At: instant(), Backend: backend(), State: BackendState(dice.Intn(3)), Reason: []Reason{RateLimited, UpstreamError}[dice.Intn(2)]}
			list[i] = func(s Sink) { s.Transition(&x) }
		case 8:
			lag, drops := span(), dice.Int63n(2)
			list[i] = func(s Sink) { s.Lag(lag); s.Dropped(drops) }
		}
	}
	return list
}

// randomHeader draws a run.
func randomHeader(dice *rand.Rand) Header {
	var weights []int64
	for range 1 + dice.Intn(4) {
		weights = append(weights, 1+dice.Int63n(5))
	}
	h := header(weights, 1+dice.Intn(3))
	h.Duration = time.Duration(1 + dice.Int63n(int64(2*time.Hour)>>dice.Intn(12)))
	h.Warmup = time.Duration(dice.Int63n(int64(h.Duration)))
	for i := range dice.Intn(3) {
		h.Faults = append(h.Faults, Fault{Name: fmt.Sprint("fault ", i), Kind: "outage", Backend: dice.Intn(len(h.Backends)),
			At: time.Duration(dice.Int63n(int64(h.Duration))), For: 1 + time.Duration(dice.Int63n(int64(h.Duration)))})
	}
	return h
}

// summarise makes the summary of some entries.
func summarise(h Header, entries []entry) *Summary {
	s := NewSummary(h)
	for _, put := range entries {
		put(s)
	}
	return s
}

// text is the result as report.json has it.
func text(t *testing.T, s *Summary) string {
	t.Helper()
	b, err := json.Marshal(s.Result())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
