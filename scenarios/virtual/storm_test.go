package virtual_test

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// storm keeps what backends answered, as they know it themselves: how a gateway
// reads their answers must not matter.
type storm struct{ watched }

// early counts the attempts that began after an answer of their backend that
// named a wait, and before that was over; and the answers that did.
func (s *storm) early() (early, waits int) {
	told := map[uint16][]record.Attempt{}
	for _, a := range s.attempts {
		if a.Wait > 0 {
			waits++
			told[a.Backend] = append(told[a.Backend], a)
		}
	}
	for _, a := range s.attempts {
		for _, w := range told[a.Backend] {
			if a.Start > w.End && a.Start < w.End.Add(w.Wait) {
				early++
				break
			}
		}
	}
	return early, waits
}

// Workers that do not wait meet two small deployments, as in an incident in
// which 105 refusals became 1,765 for clients, since eight workers each met a
// deployment that was put aside for a fixed time. A wait that a backend names is
// kept to the nanosecond, and its end too; clients see none of it.
func TestStormOfRefusals(t *testing.T) {
	const src = `
version: 1
duration: 10m
drain: 3m
backends:
- {name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 6k}
- {name: b, model: gpt-4.1, sku: GlobalStandard, tpm: 60k, rpm: 6k}
gateway: {route: {groups: [[a, b]]}%s}
tenants:
- {name: workers, users: 8, think: {constant: 100ms}, client: none, prompt: 1000, output: 50, max_tokens: 500}
`
	run := func(queue string) *storm {
		sc, err := scenarios.Load("storm.yaml", fmt.Appendf(nil, src, queue), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := new(storm)
		s.Result = virtual.Run(sc, virtual.Options{Also: s}).Result()
		return s
	}
	without, with := run(""), run(", queue: {ttl: 2m}")
	for _, s := range []*storm{without, with} {
		refused := s.Backends[0].Throttled + s.Backends[1].Throttled
		early, waits := s.early()
		t.Logf("%d refusals by backends became %d for clients; %d of %d requests served, longest wait %v; %d attempts before one of %d known waits was over",
			refused, s.Totals.Throttled, s.Totals.Succeeded, s.Totals.Requests, s.longest(), early, waits)
		if early > 0 || int64(waits) != int64(refused) {
			t.Error("a backend was not left alone as long as it had said")
		}
	}
	if without.Totals.Throttled < 1000 || with.Totals.Throttled > 0 || with.Backends[0].Throttled+with.Backends[1].Throttled > 200 {
		t.Error("that is no storm, or clients see it, or backends are asked far more often than they answer")
	}
	if used := with.Backends[0].UtilizationMean; used < 970_000 {
		t.Errorf("while clients wait, %d ppm of the first backend are used", used)
	}
}

func (s *storm) longest() (wait time.Duration) {
	for _, r := range s.requests {
		wait = max(wait, r.QueueWait)
	}
	return wait
}
