package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/record"
	"foundrylab/simulator/deployment"
)

// Every event of a stream reaches the client at the nanosecond of the plan.
func TestStreamKeepsItsPlan(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}, Seed: 7}, func(l *lab) {
		for n, tokens := range []int{0, 1, 2, 3, 97, 500} {
			time.Sleep(time.Duration(1+n) * 123_456_789) // an odd phase
			resp, err := l.send(l.Context(), "a", marked(uint64(n), tokens, streamed))
			if err != nil {
				l.Fatal(err)
			}
			head := l.clock.Now()
			got, err := l.chunks(resp.Body)
			if err != nil {
				l.Fatal(err)
			}
			plan := l.plan(0, n)
			if want := plan.At.After(plan.HeadIn()); head != want || got[0].at != want || got[0].Kind != ops.ChunkFilterOnly {
				l.Errorf("%d tokens: head at +%v and %v at +%v, want +%v", tokens, head.Sub(plan.At), got[0].Kind, got[0].at.Sub(plan.At), want.Sub(plan.At))
			}
			checkTokens(l, &plan, got[1:], tokens)
		}
	})
}

// checkTokens looks at a stream after its filter event.
func checkTokens(l *lab, plan *deployment.Effect, got []chunk, tokens int) {
	l.Helper()
	end := plan.At.After(plan.Over())
	want := []chunk{{Chunk: ops.Chunk{Kind: ops.ChunkRole}, at: plan.At.After(plan.FirstIn())}}
	for k := range tokens {
		want = append(want, chunk{Chunk: ops.Chunk{Kind: ops.ChunkContent}, at: plan.TokenAt(int32(k) + 1)})
	}
	want = append(want,
		chunk{Chunk: ops.Chunk{Kind: ops.ChunkFinish, Finish: ops.FinishStop}, at: end},
		chunk{Chunk: ops.Chunk{Kind: ops.ChunkUsage, HasUsage: true, Used: ops.Used{Prompt: 100, Completion: tokens}}, at: end},
		chunk{Chunk: ops.Chunk{Kind: ops.ChunkDone}, at: end})
	if len(got) != len(want) {
		l.Fatalf("%d tokens: %d events, want %d", tokens, len(got), len(want))
	}
	for i := range want {
		if got[i].Chunk != want[i].Chunk || got[i].at != want[i].at {
			l.Fatalf("%d tokens, event %d: %+v at +%v, want %+v at +%v", tokens, i,
				got[i].Chunk, got[i].at.Sub(plan.At), want[i].Chunk, want[i].at.Sub(plan.At))
		}
	}
}

func TestWholeAnswerComesAtItsEnd(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		for n, tokens := range []int{0, 1, 300} {
			resp, body := l.post("a", marked(uint64(n), tokens, ""))
			plan := l.plan(0, n)
			if at := l.clock.Now(); at != plan.At.After(plan.Over()) || resp.StatusCode != 200 {
				l.Errorf("%d at +%v, want 200 at +%v", resp.StatusCode, at.Sub(plan.At), plan.Over().Span())
			}
			if want := (record.Ref{Gen: uint32(n)}); plan.Ref != want {
				l.Errorf("one after the other they use one slot: %v, want %v", plan.Ref, want)
			}
			if u, ok := ops.Usage([]byte(body)); u.Prompt != 100 || u.Completion != tokens || !ok {
				l.Errorf("usage %d + %d, want 100 + %d", u.Prompt, u.Completion, tokens)
			}
		}
		for i, a := range l.ledger() {
			if a.Outcome != record.Succeeded || a.Key != uint64(i) || a.Status != 200 {
				l.Errorf("ledger: %+v", a)
			}
		}
	})
}

// Without include_usage there is no usage; two choices come side by side.
func TestStreamOptions(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		resp, err := l.send(l.Context(), "a", marked(1, 50, `,"stream":true,"n":2,"max_tokens":2`))
		if err != nil {
			l.Fatal(err)
		}
		got, err := l.chunks(resp.Body)
		if err != nil {
			l.Fatal(err)
		}
		var kinds []string
		for _, c := range got {
			kinds = append(kinds, c.Kind.String())
			if strings.Contains(c.data, "usage") {
				l.Errorf("usage was not asked for: %s", c.data)
			}
		}
		want := "filter_only role role content content content content finish finish done"
		if s := strings.Join(kinds, " "); s != want || got[8].Finish != ops.FinishLength {
			l.Errorf("events %s (%v), want %s", s, got[8].Finish, want)
		}
	})
}

// Several choices of a whole answer each have the planned length.
func TestChoices(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		_, body := l.post("a", marked(1, 20, `,"n":3`))
		if u, _ := ops.Usage([]byte(body)); u.Completion != 60 || strings.Count(body, `"finish_reason":"stop"`) != 3 {
			l.Errorf("%d tokens in %s", u.Completion, body)
		}
	})
}

// The deadline of a stream does not outlive it: an hour later the connection serves another request.
func TestConnectionOutlivesItsStream(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		l.post("a", marked(1, 20, streamed))
		time.Sleep(time.Hour)
		reused := false
		ctx := httptrace.WithClientTrace(l.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		resp, err := l.send(ctx, "a", marked(2, 20, ""))
		if err != nil || resp.StatusCode != 200 || !reused {
			l.Fatalf("%v, %v, reused %v", resp, err, reused)
		}
		resp.Body.Close()
	})
}

// Utilization is sampled every second, requests or not, until Close; a fault's edge names its place in the Config.
func TestObserve(t *testing.T) {
	cfg := Config{Deployments: []deployment.Config{standard("a"), standard("b")}}
	cfg.Faults = append(cfg.Faults, outage("a", time.Hour, time.Hour), outage("b", 2*time.Second, 3*time.Second), outage("b", 4*time.Second, time.Hour))
	inLab(t, cfg, func(l *lab) {
		time.Sleep(5*time.Second + 1)
		l.Close()
		time.Sleep(time.Hour)
		l.mu.Lock()
		defer l.mu.Unlock()
		samples, edges := 0, ""
		for _, e := range l.samples {
			if e.Kind == deployment.Utilization {
				samples++
				continue
			}
			edges += fmt.Sprintf("%d.%d at %v, ", e.Ref.Slot, e.Ref.Gen, e.At.Sub(epoch))
		}
		if want := "1.0 at 2s, 2.0 at 4s, 1.1 at 5s, "; samples != 10 || edges != want {
			l.Errorf("%d samples, edges %s, want 10, %s", samples, edges, want)
		}
	})
}

// A client that leaves has had exactly the tokens that the ledger says.
func TestClientGone(t *testing.T) {
	for _, leave := range []string{"before the head", "after the head", "in mid-stream", "of a whole answer"} {
		t.Run(leave, func(t *testing.T) {
			inLab(t, Config{Deployments: []deployment.Config{standard("a")}, Seed: 3}, func(l *lab) {
				ctx, cancel := context.WithCancel(l.Context())
				more := streamed
				wait := map[string]time.Duration{"before the head": time.Millisecond, "after the head": 400 * time.Millisecond,
					"in mid-stream": 3 * time.Second, "of a whole answer": 3 * time.Second}[leave]
				if leave == "of a whole answer" {
					more = ""
				}
				time.AfterFunc(wait, cancel)
				began := l.clock.Now()
				tokens := 0
				resp, err := l.send(ctx, "a", marked(5, 500, more))
				if err == nil {
					var got []chunk
					got, err = l.chunks(resp.Body)
					for _, c := range got {
						if c.Kind == ops.ChunkContent {
							tokens++
						}
					}
				}
				if !errors.Is(err, context.Canceled) {
					l.Fatal(err)
				}
				synctest.Wait()
				plan, a := l.plan(0, 0), l.ledger()
				if len(a) != 1 || a[0].Outcome != record.Failed || a[0].Reason != record.ClientGone || a[0].End != began.Add(wait) {
					l.Fatalf("ledger: %+v", a)
				}
				if more != "" && (a[0].CompletionTokens != int64(tokens) || tokens != int(plan.TokensAt(a[0].End))) {
					l.Errorf("the client has %d tokens, the ledger %d, the plan %d", tokens, a[0].CompletionTokens, plan.TokensAt(a[0].End))
				}
				if leave == "in mid-stream" && tokens < 20 {
					l.Errorf("only %d tokens: not mid-stream", tokens)
				}
			})
		})
	}
}

// An outage breaks off what is running, after exactly the tokens of the ledger, and refuses what comes.
func TestOutage(t *testing.T) {
	cfg := Config{Deployments: []deployment.Config{standard("a")}}
	cfg.Faults = append(cfg.Faults, outage("a", 3*time.Second, time.Minute))
	inLab(t, cfg, func(l *lab) {
		resp, err := l.send(l.Context(), "a", marked(1, 500, streamed))
		if err != nil {
			l.Fatal(err)
		}
		got, err := l.chunks(resp.Body)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			l.Fatalf("the stream ended with %v", err)
		}
		tokens := int64(0)
		for _, c := range got {
			if c.Kind == ops.ChunkContent {
				tokens++
			}
		}
		if a := l.ledger()[0]; a.Reason != record.CutFault || a.CompletionTokens != tokens || tokens < 20 || a.End != epoch.Add(3*time.Second) || l.clock.Now() != a.End {
			l.Errorf("%d tokens by %v; ledger %+v", tokens, l.clock.Now(), a)
		}
		for range 2 { // an idle connection is tried again by the client, so there may be more attempts than requests
			if resp, err := l.send(l.Context(), "a", marked(2, 5, streamed)); err == nil {
				l.Fatalf("answered %d in an outage", resp.StatusCode)
			}
		}
		for _, a := range l.ledger()[1:] {
			if a.Reason != record.OutageFault || a.Outcome != record.Failed || a.Status != 0 || a.Start != a.End {
				l.Errorf("ledger: %+v", a)
			}
		}
		time.Sleep(time.Minute)
		if resp, _ := l.post("a", marked(3, 5, "")); resp.StatusCode != 200 {
			l.Errorf("after the outage: %d", resp.StatusCode)
		}
		edges := 0
		for _, e := range l.samples {
			if e.Kind == deployment.FaultEdge {
				edges++
			}
		}
		if edges != 2 {
			l.Errorf("%d edges of the fault were observed", edges)
		}
	})
}

// An answer whose head is not out is cut without a word, streamed or not.
func TestOutageBeforeTheHead(t *testing.T) {
	for _, more := range []string{"", streamed} {
		cfg := Config{Deployments: []deployment.Config{standard("a")}}
		cfg.Faults = append(cfg.Faults, outage("a", 20*time.Millisecond, time.Minute))
		inLab(t, cfg, func(l *lab) {
			if resp, err := l.send(l.Context(), "a", marked(1, 500, more)); err == nil {
				l.Fatalf("answered %d", resp.StatusCode)
			}
			if a := l.ledger()[0]; a.Reason != record.OutageFault || a.End != epoch.Add(20*time.Millisecond) {
				l.Errorf("ledger: %+v", a)
			}
		})
	}
}

// slowWriter takes a second for every write, or panics on one.
type slowWriter struct {
	header  http.Header
	panicAt int
	writes  []string
}

func (w *slowWriter) Header() http.Header { return w.header }
func (w *slowWriter) WriteHeader(int)     {}
func (w *slowWriter) Flush()              {}
func (w *slowWriter) Write(b []byte) (int, error) {
	w.writes = append(w.writes, string(b))
	if len(w.writes) == w.panicAt {
		panic("the writer broke")
	}
	time.Sleep(time.Second)
	return len(b), nil
}

func (l *lab) serve(w http.ResponseWriter, body string) {
	r, err := http.NewRequestWithContext(l.Context(), "POST", "/openai/deployments/a/chat/completions?api-version=2024-10-21", strings.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	r.Header.Set("Api-Key", "foundrylab-key")
	l.ServeHTTP(w, r)
}

// A writer that falls behind sends all that is due in one write, past the planned end as well.
func TestLateWriterCatchesUp(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		w := &slowWriter{header: http.Header{}}
		l.serve(w, marked(1, 400, streamed))
		plan, f, tokens := l.plan(0, 0), ops.NewFramer(1<<16), int32(0)
		now := plan.At.After(plan.HeadIn())
		for i, text := range w.writes {
			if i > 0 {
				now = now.Add(time.Second) // when this write began, but for the first wait
				now = max(now, plan.TokenAt(1))
			}
			for data, rest, ok := f.Next([]byte(text)); ok; data, rest, ok = f.Next(rest) {
				if ops.ClassifySSE(data).Kind == ops.ChunkContent {
					tokens++
				}
			}
			if want := plan.TokensAt(now); i > 0 && tokens < want-1 || tokens > want {
				l.Errorf("write %d at +%v: %d tokens are out, %d are due", i, now.Sub(plan.At), tokens, want)
			}
		}
		if tokens != 400 || len(w.writes) > 3+int(plan.Over().Span()/time.Second) {
			l.Errorf("%d tokens in %d writes", tokens, len(w.writes))
		}
		if a := l.ledger(); len(a) != 1 || a[0].Outcome != record.Succeeded || a[0].End != plan.At.After(plan.Over()) {
			l.Errorf("ledger: %+v", a)
		}
	})
}

// A writer that was busy when an outage came sends what was due by then, and nothing that came due since.
func TestLateWriterStopsAtTheCut(t *testing.T) {
	cfg := Config{Deployments: []deployment.Config{standard("a")}}
	cfg.Faults = append(cfg.Faults, outage("a", 3*time.Second, time.Minute))
	inLab(t, cfg, func(l *lab) {
		w := &slowWriter{header: http.Header{}}
		defer func() {
			if got := recover(); got != http.ErrAbortHandler {
				l.Fatalf("recovered %v", got)
			}
			a, tokens := l.ledger(), int64(strings.Count(strings.Join(w.writes, ""), `"delta":{"content":"`)-1) // less the opening event
			if len(a) != 1 || a[0].Reason != record.CutFault || a[0].CompletionTokens != tokens || tokens < 20 {
				l.Errorf("%d tokens are out; ledger %+v", tokens, a)
			}
		}()
		l.serve(w, marked(1, 400, streamed))
	})
}

// The writer need not wait for the driver's timer to end an answer.
func TestAnswersEndAfterClose(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		for n, more := range []string{streamed, ""} {
			time.AfterFunc(time.Millisecond, l.Close)
			l.post("a", marked(1, 100, more))
			plan := l.plan(0, n)
			if now := l.clock.Now(); now != plan.At.After(plan.Over()) {
				l.Errorf("ended at +%v, want +%v", now.Sub(plan.At), plan.Over().Span())
			}
		}
	})
}

// A panic while writing ends the request at its deployment too; an outage makes one of a writer without a connection.
func TestPanicsAreTerminal(t *testing.T) {
	cfg := Config{Deployments: []deployment.Config{standard("a")}}
	cfg.Faults = append(cfg.Faults, outage("a", time.Minute, time.Minute))
	inLab(t, cfg, func(l *lab) {
		serve := func(panicAt int) (got any) {
			defer func() { got = recover() }()
			l.serve(&slowWriter{header: http.Header{}, panicAt: panicAt}, marked(1, 400, streamed))
			return nil
		}
		if got := serve(2); got != "the writer broke" {
			l.Fatalf("recovered %v", got)
		}
		if a := l.ledger(); len(a) != 1 || a[0].Reason != record.ClientGone {
			l.Errorf("ledger: %+v", a)
		}
		time.Sleep(time.Minute)
		if got := serve(0); got != http.ErrAbortHandler {
			l.Errorf("a reset without a connection gave %v", got)
		}
	})
}

// A client that stops reading loses its connection 30 s after the planned end, and not before.
func TestClientThatDoesNotRead(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{standard("a")}}, func(l *lab) {
		conn, err := l.client.Transport.(*http.Transport).DialContext(l.Context(), "", "")
		if err != nil {
			l.Fatal(err)
		}
		defer conn.Close()
		body := marked(1, 400, streamed)
		fmt.Fprintf(conn, "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: sim\r\nApi-Key: foundrylab-key\r\nContent-Length: %d\r\n\r\n%s",
			len(body), strings.Replace(body, `"gpt-4.1"`, `"a"      `, 1))
		time.Sleep(10 * time.Minute)
		if _, err := conn.Write([]byte("x")); err == nil {
			l.Error("the connection is still open")
		}
		plan := l.plan(0, 0)
		if a := l.ledger(); len(a) != 1 || a[0].Outcome != record.Succeeded || a[0].End != plan.At.After(plan.Over()) {
			l.Errorf("ledger: %+v", a)
		}
	})
}

// Fifty clients at once, who stay, leave, and meet faults: what audit checks holds, and nobody's tokens are lost.
func TestCrowd(t *testing.T) {
	cfg := Config{Deployments: []deployment.Config{standard("a"), {Name: "p", Model: "gpt-4.1", SKU: "GlobalProvisionedManaged", PTU: 15}}, Seed: 11}
	cfg.Deployments[0].RPM = 1200
	cfg.Faults = append(cfg.Faults, outage("a", 4*time.Second, time.Second))
	inLab(t, cfg, func(l *lab) {
		dice := rand.New(rand.NewPCG(1, 2))
		for i := range 50 {
			start, stay := time.Duration(dice.IntN(8000))*time.Millisecond, time.Duration(dice.IntN(8000))*time.Millisecond
			name, more := []string{"a", "p"}[dice.IntN(2)], []string{"", streamed}[dice.IntN(2)]
			go func() {
				time.Sleep(start + time.Duration(i))
				ctx, cancel := context.WithTimeout(l.Context(), stay)
				defer cancel()
				if resp, err := l.send(ctx, name, marked(uint64(i), 10+i*4, more)); err == nil {
					l.chunks(resp.Body)
				}
			}()
		}
		time.Sleep(time.Minute)
		var seen []record.Reason
		for _, a := range l.ledger() {
			if !slices.Contains(seen, a.Reason) {
				seen = append(seen, a.Reason)
			}
		}
		for _, want := range []record.Reason{record.NoReason, record.ClientGone, record.OutageFault, record.CutFault, record.Utilization} {
			if !slices.Contains(seen, want) {
				l.Errorf("nobody met %v: the crowd is too tame (%v)", want, seen)
			}
		}
	})
}
