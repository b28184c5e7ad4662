package record

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// ok is a request that succeeded: sent at a second, first content after 400
// ms, over after 2 s.
func ok(sec int, tenant uint16) *Request {
	from := at(time.Duration(sec) * second)
	return &Request{Intended: from, End: from.Add(2 * second), TTFT: 400 * time.Millisecond, PromptTokens: 100, CompletionTokens: 17, Cost: 120, Tokens: 117,
		Status: 200, Tenant: tenant, Tries: 1, Attempts: 1, Outcome: Succeeded, Begun: true}
}

// bad is a request that was given up after 3 s.
func bad(sec int, tenant uint16, o Outcome, begun bool) *Request {
	r := ok(sec, tenant)
	r.End, r.TTFT, r.CompletionTokens, r.Outcome, r.Begun = r.Intended.Add(3*second), -1, 0, o, begun
	return r
}

func TestRequestCounts(t *testing.T) {
	s := NewSummary(header([]int64{1, 1}, 1))
	s.Request(ok(1, 0))
	rescued := ok(2, 0)
	rescued.Tries, rescued.Attempts, rescued.QueueWait = 2, 3, 5*time.Millisecond
	s.Request(rescued)
	for _, by := range []struct{ tries, attempts uint16 }{{1, 2}, {2, 0}} {
		r := ok(3, 0)
		r.Tries, r.Attempts = by.tries, by.attempts
		s.Request(r)
	}
	throttled := bad(4, 0, Throttled, false)
	throttled.Tries, throttled.Attempts = 3, 0
	s.Request(throttled)
	waited := bad(5, 0, Failed, false)
	waited.QueueWait = 7 * time.Millisecond
	s.Request(waited)
	s.Request(bad(6, 0, Failed, true))
	s.Request(ok(7, 1))
	s.Try(&Try{Sent: at(second), Tenant: 0, Outcome: Throttled})
	s.Try(&Try{Sent: at(second), Tenant: 0, Outcome: Failed})
	r := s.Result()
	got := r.Tenants[0]
	want := TenantResult{Name: "tenant 0", Weight: 1, Requests: 7, Succeeded: 4, Throttled: 1, Failed: 2, BrokenStreams: 1, Rescued: 3, Tries: 11,
		ThrottledTries: 1, GoodputRatio: 571_428, PromptTokens: 700, CompletionTokens: 68, QueueWait: P{0, 7000, 7000}}
	want.TTFT, want.TPOT, want.E2E = got.TTFT, got.TPOT, got.E2E // below
	want.SatisfactionMin, want.SatisfactionMean, want.ActualSatisfaction = got.SatisfactionMin, got.SatisfactionMean, got.ActualSatisfaction
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, q := range []struct {
		name      string
		got, want Millis
	}{{"ttft", got.TTFT.P50, 400_000}, {"tpot", got.TPOT.P95, 100_000}, {"e2e", got.E2E.P99, 2_000_000}} {
		if off := q.got - q.want; off*off > (q.want/1000)*(q.want/1000) {
			t.Errorf("%s: %v, want %v within a thousandth", q.name, q.got, q.want)
		}
	}
	totals := Totals{Requests: 8, Succeeded: 5, Throttled: 1, Failed: 2, Rescued: 3, Tries: 12, ThrottledTries: 1, GatewayAttempts: 9,
		RetryAmplification: 1_500_000, GoodputRatio: 625_000}
	if r.Totals != totals {
		t.Errorf("got  %+v\nwant %+v", r.Totals, totals)
	}
	claimed := ok(8, 0)
	claimed.Attempts = 9
	if s.Request(claimed); s.Result().Totals.RetryAmplification != 2_000_000 { // 18 of 9
		t.Errorf("the gateway claims more than there were tries: %v", s.Result().Totals.RetryAmplification)
	}
	s.Attempt(&Attempt{Start: at(second), Tenant: NoTenant, Outcome: Failed})
	if x := s.Result().Totals; x.Attempts != 1 || x.RetryAmplification != 111_111 {
		t.Errorf("with backends of ours it is their attempts that count: %+v", x)
	}
}

// Without a first token there is no TTFT and no pace; one token has no pace; an
// end that rounding puts before the first token is a pace of nothing.
func TestPaceOfAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name       string
		ttft, rest time.Duration
		tokens     int64
		tpot       Millis
		measured   bool
	}{
		{"16 after the first", 400 * time.Millisecond, 1600 * time.Millisecond, 17, 100_000, true},
		{"fast", 400 * time.Millisecond, 150 * time.Microsecond, 16, 10, true},
		{"one token", 400 * time.Millisecond, second, 1, 0, false},
		{"none", -1, second, 17, 0, false},
		{"end before first", 400 * time.Millisecond, -40 * time.Microsecond, 2, 0, true},
		{"an hour a token", 400 * time.Millisecond, time.Hour, 2, 429_496_729, true}, // the most it counts, 429 s
	} {
		s := NewSummary(header([]int64{1}, 0))
		r := ok(1, 0)
		r.TTFT, r.CompletionTokens = c.ttft, c.tokens
		r.End = r.Intended.Add(max(c.ttft, 0) + c.rest)
		s.Request(r)
		got := s.Result().Tenants[0]
		if (got.TPOT.P50 != Null) != c.measured || (got.TTFT.P50 != Null) != (c.ttft >= 0) {
			t.Errorf("%s: TTFT %v, TPOT %v", c.name, got.TTFT.P50, got.TPOT.P50)
		}
		if off := got.TPOT.P50 - c.tpot; c.measured && off*off > (c.tpot/1000)*(c.tpot/1000) {
			t.Errorf("%s: %v a token, want %v", c.name, got.TPOT.P50, c.tpot)
		}
	}
}

// What was intended before the end of the warm-up is in no total, but on the
// timeline.
func TestWarmup(t *testing.T) {
	h := header([]int64{1}, 1)
	h.Warmup = 60 * second
	s := NewSummary(h)
	for _, sec := range []int{0, 59, 60, 61} {
		from := at(time.Duration(sec) * second)
		s.Request(ok(sec, 0))
		s.Try(&Try{Sent: from, Outcome: Throttled})
		s.Attempt(&Attempt{Start: from, Charged: 10, Outcome: Succeeded})
		s.Sample(&Sample{At: from, Utilization: 500_000})
	}
	s.Sample(&Sample{At: at(601 * second), Utilization: 3_000_000}) // after the end
	r := s.Result()
	x, b := r.Tenants[0], r.Backends[0]
	if x.Requests != 2 || x.Tries != 2 || x.ThrottledTries != 2 || x.ChargedTokens != 20 || b.Attempts != 2 || b.ChargedTokens != 20 || b.UtilizationMean != 500_000 {
		t.Errorf("%+v\n%+v", x, b)
	}
	sum := int64(0)
	for _, n := range r.Timeline.Tenants[0].Offered {
		sum += n
	}
	if sum != 4 || r.Timeline.Backends[0].Attempts[59] != 1 {
		t.Errorf("%d on the timeline, want 4", sum)
	}
}

func TestBackendCounts(t *testing.T) {
	s := NewSummary(header([]int64{1}, 2))
	for i, o := range []Outcome{Succeeded, Succeeded, Throttled, Failed, Succeeded, Throttled} {
		s.Attempt(&Attempt{Start: at(5 * second), Backend: 1, Charged: int64(i), Outcome: o, Tenant: []uint16{0, NoTenant}[i%2]})
	}
	for i := range 100 {
		s.Sample(&Sample{At: at(time.Duration(i) * second), Backend: 1, Utilization: int64(i+1) * 10_000})
	}
	s.Transition(&Transition{At: at(5 * second), Backend: 1, State: Open})
	s.Transition(&Transition{At: at(5 * second), Backend: 1, State: HalfOpen})
	s.Transition(&Transition{At: at(5 * second), Backend: 1, State: Closed})
	r := s.Result()
	if want := (BackendResult{Name: "backend 1", Model: "gpt-4.1", SKU: "GlobalStandard", Attempts: 6, Succeeded: 3, Throttled: 2, Failed: 1, ChargedTokens: 15,
		UtilizationMean: 505_000, UtilizationP95: 950_000}); r.Backends[1] != want {
		t.Errorf("got  %+v\nwant %+v", r.Backends[1], want)
	}
	if none := r.Backends[0]; none.UtilizationMean != Null || none.UtilizationP95 != Null || none.Attempts != 0 {
		t.Errorf("an idle one: %+v", none)
	}
	if x := r.Timeline.Backends[1]; x.Attempts[5] != 6 || x.Throttled[5] != 2 || x.Failed[5] != 1 || x.Succeeded[5] != 3 || x.Charged[5] != 15 || x.Opened[5] != 1 ||
		x.Utilization[5] != 60_000 || x.Utilization[200] != Null {
		t.Errorf("%+v", x)
	}
	if r.Tenants[0].ChargedTokens != 0+2+4 {
		t.Errorf("the tenant was charged %d, want 6", r.Tenants[0].ChargedTokens)
	}
}

// A request is on the timeline where it was intended; its end counts elsewhere.
func TestTimelineOfRequests(t *testing.T) {
	s := NewSummary(header([]int64{1}, 0))
	s.Request(ok(0, 0))
	s.Request(ok(599, 0)) // ends after the run
	s.Request(bad(599, 0, Failed, false))
	s.Request(ok(700, 0)) // past the planned end: in the last window
	s.Request(ok(-5, 0))  // before the start: in the first
	s.Request(bad(7, 0, Throttled, false))
	for i := range 20 {
		r := ok(20, 0)
		r.TTFT = time.Duration(i+1) * 100 * time.Microsecond
		s.Request(r)
	}
	x := s.Result().Timeline.Tenants[0]
	if x.TTFTP50[20] != 1000 || x.TTFTP95[20] != 1900 {
		t.Errorf("TTFT p50 %v p95 %v", x.TTFTP50[20], x.TTFTP95[20])
	}
	for sec, want := range map[int][4]int64{0: {2, 2, 0, 0}, 599: {3, 2, 0, 1}, 7: {1, 0, 1, 0}, 10: {0, 0, 0, 0}} {
		if got := [4]int64{x.Offered[sec], x.Succeeded[sec], x.Throttled[sec], x.Failed[sec]}; got != want {
			t.Errorf("second %d: %v, want %v", sec, got, want)
		}
	}
	if x.CostOffered[599] != 360 || x.CostServed[599] != 240 || x.TTFTP50[7] != Null || x.TTFTP95[0] == Null {
		t.Errorf("cost %d of %d, TTFT %v and %v", x.CostServed[599], x.CostOffered[599], x.TTFTP50[7], x.TTFTP95[0])
	}
}

// A request that the end of an interrupted run cut off has no outcome: it is
// counted nowhere, and the run is marked.
func TestInterrupted(t *testing.T) {
	h := header([]int64{1}, 1, Fault{Name: "f", For: 600 * second})
	one, two := NewSummary(h), NewSummary(h)
	one.Request(ok(3, 0))
	two.Request(ok(3, 0))
	cut := bad(4, 0, Failed, true)
	cut.Reason = Interrupted
	two.Request(cut)
	if a, b := text(t, one), text(t, two); strings.Replace(a, `"interrupted":false`, `"interrupted":true`, 1) != b || a == b {
		t.Errorf("without %s\nwith    %s", a, b)
	}
	three := NewSummary(h)
	if three.Interrupt(); !three.Result().Interrupted || NewSummary(h).Result().Interrupted {
		t.Error("an interrupted run is not marked, or one that was not is")
	}
}

func TestGenerator(t *testing.T) {
	s := NewSummary(header(nil, 0))
	if g := s.Result().Generator; g != (GeneratorResult{}) {
		t.Errorf("nothing sent: %+v", g)
	}
	for i := range 100 {
		s.Lag(time.Duration(i+1) * time.Microsecond)
	}
	s.Lag(-5)
	s.Dropped(2)
	s.Dropped(3)
	if g := s.Result().Generator; g != (GeneratorResult{LagP50: 50, LagP99: 99, Dropped: 5}) {
		t.Errorf("%+v", g)
	}
}

// The result says what was run, and nothing that changes from run to run.
func TestResultHeader(t *testing.T) {
	h := header([]int64{3}, 1, Fault{Name: "f", Kind: "outage", At: 1500 * time.Millisecond, For: 20 * second})
	h.Warmup, h.Canonical = 1234567*time.Microsecond, "version: 1\n"
	r := NewSummary(h).Result()
	if r.SchemaVersion != 1 || r.Scenario != "lab" || r.ScenarioHash != "h" || r.Seed != 7 || r.Mode != "virtual" || r.StartUnixMs != 1_700_000_000_000 ||
		r.DurationMs != 600_000_000 || r.WarmupMs != 1_234_567 || r.Canonical != "version: 1\n" || r.Verdict != "" {
		t.Errorf("%+v", r)
	}
	if want := (FaultSpan{Name: "f", Kind: "outage", Backend: "backend 0", AtMs: 1_500_000, ForMs: 20_000_000}); r.Timeline.Faults[0] != want {
		t.Errorf("%+v", r.Timeline.Faults[0])
	}
	b, err := json.Marshal(NewSummary(header(nil, 0)).Result())
	if err != nil || !strings.Contains(string(b), `"failover":[],`) || !strings.Contains(string(b), `"assertions":[],`) || !strings.Contains(string(b), `"faults":[],`) {
		t.Errorf("lists of nothing are not []: %s %v", b, err)
	}
}

func TestRequestWithoutOutcomePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewSummary(header([]int64{1}, 0)).Request(&Request{Intended: begin})
}

func TestNames(t *testing.T) {
	if len(reasonNames) != int(Outrun)+1 {
		t.Errorf("%d names of %d reasons", len(reasonNames), Outrun+1)
	}
	seen := map[string]bool{}
	for r := range Reason(len(reasonNames)) {
		if seen[r.String()] || r.String() == "" {
			t.Errorf("reason %d is called %q, as another", r, r)
		}
		seen[r.String()] = true
	}
	if Pending.String() != "pending" || Failed.String() != "failed" || Closed.String() != "closed" || HalfOpen.String() != "half-open" {
		t.Error("a name is at another's place")
	}
}
