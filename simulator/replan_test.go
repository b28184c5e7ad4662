package simulator

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// However many faults put an answer off at once, streamed or whole, it comes
// when all of them together say, and no mailbox overflows.
func TestManyFaultsPutAnAnswerOff(t *testing.T) {
	d := standard("a")
	d.Latency = latency.Config{TTFT: &latency.Quantiles{P50: unit.Duration(8 * time.Second), P95: unit.Duration(8 * time.Second)}}
	cfg := Config{Deployments: []deployment.Config{d}}
	const faults = 40
	for i := range faults {
		cfg.Faults = append(cfg.Faults, fault.Config{Name: fmt.Sprint("slow-", i), Backend: "a", At: unit.Duration(time.Second),
			For: unit.Duration(time.Minute), Latency: &fault.Latency{Add: unit.Duration(time.Second)}})
	}
	inLab(t, cfg, func(l *lab) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.post("a", prompt(1, 20, ""))
		}()
		resp, body := l.post("a", prompt(2, 20, streamed))
		<-done
		if resp.StatusCode != 200 || len(body) == 0 {
			t.Errorf("status %d", resp.StatusCode)
		}
		for _, a := range l.ledger() {
			if took := a.End.Sub(a.Start); a.Outcome != record.Succeeded || took < (faults+6)*time.Second {
				t.Errorf("%v after %v", a.Outcome, took)
			}
		}
		if n := len(l.ledger()); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}
