package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// breaking is a minute in which a fault breaks off what arrives.
func breaking(kind fault.Config) Config {
	kind.Name, kind.Backend, kind.For = "break", "a", unit.Duration(time.Minute)
	return Config{Deployments: []deployment.Config{standard("a")}, Faults: []fault.Config{kind}, Seed: 5}
}

var breaks = []struct {
	name   string
	kind   fault.Config
	after  int
	reason record.Reason
	cut    bool          // the connection breaks off; else the response is whole as HTTP
	last   ops.ChunkKind // of the last event
}{
	{"abort", fault.Config{Abort: &fault.Abort{After: 10}}, 10, record.CutFault, true, ops.ChunkContent},
	{"abort after the first token", fault.Config{Abort: &fault.Abort{After: 1}}, 1, record.CutFault, true, ops.ChunkContent},
	{"abort after the last token", fault.Config{Abort: &fault.Abort{After: 60}}, 60, record.CutFault, true, ops.ChunkContent},
	{"truncate", fault.Config{Truncate: &fault.Truncate{After: 7}}, 7, record.TruncateFault, false, ops.ChunkContent},
	{"error in stream", fault.Config{ErrorInStream: &fault.ErrorInStream{After: 7}}, 7, record.StreamErrorFault, false, ops.ChunkError},
	{"malformed", fault.Config{Malformed: &fault.Malformed{After: 7}}, 7, record.MalformedFault, false, ops.ChunkMalformed},
}

// A stream breaks off after exactly the tokens of its fault, at the instant of the plan, in the way of its kind; ledger
// and client agree on it. The next one, after the fault, is whole.
func TestStreamsBreakOff(t *testing.T) {
	for _, b := range breaks {
		t.Run(b.name, func(t *testing.T) {
			inLab(t, breaking(b.kind), func(l *lab) {
				time.Sleep(123_456_789) // an odd phase
				resp, err := l.send(l.Context(), "a", marked(1, 60, streamed))
				if err != nil {
					l.Fatal(err)
				}
				if whole := resp.ContentLength == -1 && len(resp.TransferEncoding) == 1; !whole || resp.StatusCode != 200 {
					l.Errorf("%d, %v", resp.StatusCode, resp.TransferEncoding)
				}
				got, err := l.chunks(resp.Body)
				if b.cut && !errors.Is(err, io.ErrUnexpectedEOF) || !b.cut && err != nil {
					l.Errorf("the response ended with %v", err)
				}
				plan, end := l.plan(0, 0), l.clock.Now()
				checkBroken(l, &plan, got, b.after, b.last)
				a := l.ledger()
				if len(a) != 1 || a[0].Reason != b.reason || a[0].Outcome != record.Failed || a[0].Status != 200 ||
					a[0].CompletionTokens != int64(b.after) || a[0].End != end || end != plan.EndsAt() {
					l.Errorf("ledger %+v, the client's end at %v, the plan's %v", a, end, plan.EndsAt())
				}
				if late := end.Sub(plan.TokenAt(int32(b.after))); late < 0 || late >= tick.Grid {
					l.Errorf("it broke %v after its token", late)
				}
				time.Sleep(time.Minute)
				synctest.Wait() // the fault has ended
				if _, body := l.post("a", marked(2, 60, streamed)); !strings.HasSuffix(body, "data: [DONE]\n\n") {
					l.Errorf("after the fault: %s", body)
				}
			})
		})
	}
}

// checkBroken looks at the events of a broken stream: the verdict, the role, tokens on time, and how it ends.
func checkBroken(l *lab, plan *deployment.Effect, got []chunk, after int, last ops.ChunkKind) {
	l.Helper()
	tokens := 0
	for _, c := range got {
		switch c.Kind {
		case ops.ChunkContent:
			if tokens++; c.at != plan.TokenAt(int32(tokens)) && (tokens < after || c.at != plan.EndsAt()) {
				l.Errorf("token %d came at +%v", tokens, c.at.Sub(plan.At))
			}
		case ops.ChunkFinish, ops.ChunkUsage, ops.ChunkDone:
			l.Errorf("a broken stream has a %v event", c.Kind)
		}
	}
	if end := got[len(got)-1]; tokens != after || end.Kind != last || end.at != plan.EndsAt() && last != ops.ChunkContent {
		l.Errorf("%d tokens, then %s", tokens, end.data)
	}
	if last != ops.ChunkError {
		return
	}
	var event struct {
		Error struct {
			Message, Type string
			Param, Code   *string
		}
	}
	if err := json.Unmarshal([]byte(got[len(got)-1].data), &event); err != nil || event.Error.Type != "server_error" || event.Error.Param != nil ||
		event.Error.Code != nil || !strings.HasPrefix(event.Error.Message, "That model is currently overloaded with other requests.") {
		l.Errorf("error %+v, %v", event, err)
	}
}

// Of what is not streamed only an abort strikes, before the body; an answer that is too short is struck by nothing.
func TestWhatIsNotBrokenOff(t *testing.T) {
	for _, b := range breaks {
		t.Run(b.name, func(t *testing.T) {
			inLab(t, breaking(b.kind), func(l *lab) {
				_, body := l.post("a", marked(1, b.after-1, streamed))
				if !strings.HasSuffix(body, "data: [DONE]\n\n") {
					l.Errorf("%d tokens: %s", b.after-1, body)
				}
				l.post("a", marked(2, b.after-1, ""))
				resp, err := l.send(l.Context(), "a", marked(3, 60, ""))
				if (err != nil) != b.cut {
					l.Fatalf("not streamed: %v, %v", resp, err)
				}
				a, plan := l.ledger()[2], l.plan(0, 2)
				if err == nil {
					resp.Body.Close()
				} else if a.Reason != b.reason || a.Status != 0 || a.CompletionTokens != 0 || a.End != plan.At.After(plan.Over()) {
					l.Errorf("ledger %+v", a)
				}
			})
		})
	}
}

// Where several tokens come within a step of the grid, those between the break and its instant are not sent.
func TestFastStreamsBreakOffAtTheToken(t *testing.T) {
	cfg := breaking(fault.Config{Truncate: &fault.Truncate{After: 2}})
	cfg.Deployments[0].Latency = latency.Config{TTFT: &latency.Quantiles{P50: ms(1), P95: ms(1)}, TokensPerS: 30_000, Spread: 1, Filter: "asynchronous"}
	inLab(t, cfg, func(l *lab) {
		_, body := l.post("a", marked(1, 400, streamed))
		plan, a, tokens := l.plan(0, 0), l.ledger(), strings.Count(body, `"delta":{"content":"`)-1 // less the opening event
		if plan.TokenAt(3) >= plan.EndsAt() {
			l.Fatal("the pace is too slow to tell")
		}
		if len(a) != 1 || a[0].CompletionTokens != 2 || tokens != 2 {
			l.Errorf("%d tokens are out; ledger %+v", tokens, a)
		}
	})
}

// A writer that is late sends no token past the break.
func TestLateWriterStopsAtTheBreak(t *testing.T) {
	inLab(t, breaking(fault.Config{Truncate: &fault.Truncate{After: 90}}), func(l *lab) {
		w := &slowWriter{header: map[string][]string{}}
		l.serve(w, marked(1, 400, streamed))
		a, tokens := l.ledger(), strings.Count(strings.Join(w.writes, ""), `"delta":{"content":"`)-1 // less the opening event
		if len(a) != 1 || a[0].Reason != record.TruncateFault || a[0].CompletionTokens != 90 || tokens != 90 {
			l.Errorf("%d tokens are out; ledger %+v", tokens, a)
		}
	})
}

// A stalled stream is silent for the time of its fault, and then goes on to its end.
func TestStall(t *testing.T) {
	inLab(t, breaking(fault.Config{Stall: &fault.Stall{After: 7, For: ms(5000)}}), func(l *lab) {
		resp, err := l.send(l.Context(), "a", marked(1, 60, streamed))
		if err != nil {
			l.Fatal(err)
		}
		got, err := l.chunks(resp.Body)
		if err != nil {
			l.Fatal(err)
		}
		plan := l.plan(0, 0)
		checkTokens(l, &plan, got[1:], 60)
		if silence := got[9].at.Sub(got[8].at); silence < 5*time.Second || silence > 5100*time.Millisecond { // verdict, role, 7 tokens
			l.Errorf("it was silent for %v", silence)
		}
		if a := l.ledger(); len(a) != 1 || a[0].Outcome != record.Succeeded || a[0].End != plan.At.After(plan.Over()) {
			l.Errorf("ledger %+v", a)
		}
	})
}
