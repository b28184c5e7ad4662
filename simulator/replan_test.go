package simulator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
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
			l.post("a", marked(1, 20, ""))
		}()
		resp, body := l.post("a", marked(2, 20, streamed))
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

// An epoch of the load moves the tokens of a running stream, and the end of an
// answer that is not streamed: each comes at the instant of the newest plan, and
// none that had come is sent again.
func TestLoadReplansWhatRuns(t *testing.T) {
	d := deployment.Config{Name: "p", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 15,
		Latency: latency.Config{TTFT: &latency.Quantiles{P50: ms(400), P95: ms(400)}, TokensPerS: 50, Spread: 1}}
	for _, filter := range []string{"default", "asynchronous"} {
		d.Latency.Filter = filter
		inLab(t, Config{Deployments: []deployment.Config{d}}, func(l *lab) {
			busy := time.AfterFunc(1100*time.Millisecond, func() { l.post("p", big) })
			defer busy.Stop()
			whole := make(chan tick.Instant)
			time.AfterFunc(time.Nanosecond, func() {
				l.post("p", marked(2, 300, `,"max_tokens":300`))
				whole <- l.clock.Now()
			})
			resp, err := l.send(l.Context(), "p", marked(1, 600, streamed+`,"max_tokens":600`))
			if err != nil {
				l.Fatal(err)
			}
			got, err := l.chunks(resp.Body)
			if err != nil {
				l.Fatal(err)
			}
			wholeEnd := <-whole
			plans := l.plansOf(0)
			if len(plans[0]) < 3 || len(plans[1]) < 2 {
				l.Fatalf("%d plans of a stream, %d of a whole answer: the load has not changed", len(plans[0]), len(plans[1]))
			}
			token := int32(0)
			for _, c := range got {
				if c.Kind != ops.ChunkContent {
					continue
				}
				token++
				plan := plans[0][0].Effect
				for _, p := range plans[0] {
					if p.since <= c.at && p.TokenAt(token) >= p.since {
						plan = p.Effect
					}
				}
				if want := plan.TokenAt(token); c.at != want {
					l.Fatalf("token %d at +%v, want +%v", token, c.at.Sub(plan.At), want.Sub(plan.At))
				}
			}
			last := plans[1][len(plans[1])-1]
			if token != 600 || wholeEnd != last.EndsAt() || last.EndsAt() == plans[1][0].EndsAt() {
				l.Errorf("%d tokens; the whole answer ends at +%v, planned +%v, at first +%v", token, wholeEnd.Sub(last.At), last.Over().Span(), plans[1][0].Over().Span())
			}
		})
	}
}

// big is a request whose prompt takes a good part of what 15 PTU serve in 10 s.
var big = strings.Replace(marked(9, 1, `,"max_tokens":1`), `"content":"`, `"content":"`+strings.Repeat(" word", 5000), 1)

// planned is a plan and since when it holds.
type planned struct {
	deployment.Effect
	since tick.Instant
}

// plansOf returns the plans of a backend, the first and the later ones of each request by its slot.
func (l *lab) plansOf(backend int) map[uint32][]planned {
	plans, epoch := map[uint32][]planned{}, tick.Instant(0)
	l.backends[backend].driver.Locked(func(tick.Instant) {
		for _, step := range l.Tape(backend).Steps {
			for _, e := range step.Effects {
				switch e.Kind {
				case deployment.Utilization:
					epoch = e.At
				case deployment.Plan:
					plans[e.Ref.Slot] = append(plans[e.Ref.Slot], planned{e, e.At})
				case deployment.Replan:
					plans[e.Ref.Slot] = append(plans[e.Ref.Slot], planned{e, epoch})
				}
			}
		}
	})
	return plans
}
