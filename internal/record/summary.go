package record

import (
	"fmt"
	"math"
	"time"

	"foundrylab/internal/tick"
)

// Summary is the mergeable extract of a run's entries. Only counters and
// histograms are kept, by (window, tenant or backend, outcome), so memory does
// not depend on the number of requests, and merging the summaries of any split
// of the entries gives the summary of the whole. Not safe for concurrent use.
type Summary struct {
	Header  Header
	window  time.Duration // length of a timeline window
	count   int           // windows
	tenants []tenantSums
	backs   []backendSums
	tw      [][]tenantWindow  // [tenant][window]
	bw      [][]backendWindow // [backend][window]
	faults  []faultSums
	lag     Hist
	dropped int64
	stopped bool // interrupted
	// the window that the last entry fell into, to spare a division
	curStart, curEnd tick.Instant
	cur              int
}

type tenantSums struct {
	requests, succeeded, throttled, failed, broken, rescued int64
	tries, throttledTries, attempts                         int64
	prompt, completion, charged                             int64
	queue, ttft, tpot, e2e                                  Hist
}

type backendSums struct {
	attempts, succeeded, throttled, failed int64
	charged                                int64
	samples, sum                           int64
	util                                   Hist // in 1/10 percent
}

type tenantWindow struct {
	offered, succeeded, throttled, failed uint32
	rescued, attempts                     uint32
	ended                                 endings // by when they ended
	costOffered, costServed               int64
	tokensOffered, tokensServed           int64
	ttft                                  Hist
}

// endings counts requests without success by the instant they ended.
type endings struct{ failed, throttled, broken uint32 }

type backendWindow struct {
	attempts, succeeded, throttled, failed uint32
	opened, samples                        uint32
	charged, util                          int64
}

type faultSums struct {
	detected tick.Instant // the gateway's first opening of the backend after the fault
}

// Timeline windows are one second, doubled until there are at most this many.
const maxWindows = 4096

var _ Sink = (*Summary)(nil)

// NewSummary returns an empty summary for a run.
func NewSummary(h Header) *Summary {
	h.SchemaVersion = SchemaVersion
	s := &Summary{Header: h, window: time.Second, lag: Hist{sub: runDigits}}
	for int64(h.Duration)/int64(s.window)+1 > maxWindows {
		s.window *= 2
	}
	s.count = int((h.Duration + s.window - 1) / s.window)
	s.count = max(s.count, 1)
	s.tenants = make([]tenantSums, len(h.Tenants))
	s.tw = make([][]tenantWindow, len(h.Tenants))
	for i := range s.tenants {
		t := &s.tenants[i]
		t.queue.sub, t.ttft.sub, t.tpot.sub, t.e2e.sub = runDigits, runDigits, runDigits, runDigits
		s.tw[i] = make([]tenantWindow, s.count)
		for w := range s.tw[i] {
			s.tw[i][w].ttft.sub = windowDigits
		}
	}
	s.backs = make([]backendSums, len(h.Backends))
	s.bw = make([][]backendWindow, len(h.Backends))
	for i := range s.backs {
		s.backs[i].util.sub = runDigits
		s.bw[i] = make([]backendWindow, s.count)
	}
	s.faults = make([]faultSums, len(h.Faults))
	for i := range s.faults {
		s.faults[i].detected = tick.Never
	}
	return s
}

// at returns the window of an instant; what is past the planned end counts in
// the last window, what is before the start in the first.
func (s *Summary) at(t tick.Instant) int {
	if t >= s.curStart && t < s.curEnd {
		return s.cur
	}
	i := int(t.Sub(s.Header.Start) / s.window)
	i = min(max(i, 0), s.count-1)
	s.cur = i
	s.curStart = s.Header.Start.Add(time.Duration(i) * s.window)
	s.curEnd = s.curStart.Add(s.window)
	return i
}

// measured reports whether an instant is past the warm-up.
func (s *Summary) measured(t tick.Instant) bool { return t >= s.Header.Start.Add(s.Header.Warmup) }

// Request implements Sink. A request cut off by the end of an interrupted run
// has no outcome and is not counted.
func (s *Summary) Request(r *Request) {
	if r.Reason == Interrupted {
		s.stopped = true
		return
	}
	w := &s.tw[r.Tenant][s.at(r.Intended)]
	served := r.Outcome == Succeeded
	rescued := served && (r.Attempts > 1 || r.Tries > 1)
	broken := r.Outcome == Failed && r.Begun
	w.offered++
	w.costOffered += r.Cost
	w.tokensOffered += r.Tokens
	switch r.Outcome {
	case Succeeded:
		w.succeeded++
		w.costServed += r.Cost
		w.tokensServed += r.Tokens
		if r.TTFT >= 0 {
			w.ttft.Add(tick.ToUnits(r.TTFT))
		}
	case Throttled:
		w.throttled++
	case Failed:
		w.failed++
	default:
		panic(fmt.Sprintf("record: request without an outcome: %+v", *r))
	}
	w.attempts += uint32(r.Attempts)
	if !served {
		end := &s.tw[r.Tenant][s.at(r.End)].ended
		end.failed += uint32(b2i(r.Outcome == Failed))
		end.throttled += uint32(b2i(r.Outcome == Throttled))
		end.broken += uint32(b2i(broken))
	}
	w.rescued += uint32(b2i(rescued))
	if s.measured(r.Intended) {
		s.tenants[r.Tenant].request(r, broken, rescued)
	}
}

// clamp returns v as a span for a histogram.
func clamp(v int64) tick.Units { return tick.Units(min(max(v, 0), math.MaxUint32)) }

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (t *tenantSums) request(r *Request, broken, rescued bool) {
	t.requests++
	switch r.Outcome {
	case Succeeded:
		t.succeeded++
		e2e := r.End.Sub(r.Intended)
		t.e2e.Add(tick.ToUnits(e2e))
		if r.TTFT >= 0 {
			t.ttft.Add(tick.ToUnits(r.TTFT))
		}
		if r.TTFT >= 0 && r.CompletionTokens > 1 {
			// Nanoseconds per token in units of 100 ns, for three digits. A TTFT
			// is on the grid and an end need not be, so the rest may be below 0.
			t.tpot.Add(clamp(int64(e2e-r.TTFT) / (r.CompletionTokens - 1) / 100))
		}
	case Throttled:
		t.throttled++
	case Failed:
		t.failed++
	}
	t.broken += b2i(broken)
	t.rescued += b2i(rescued)
	t.tries += int64(r.Tries)
	t.attempts += int64(r.Attempts)
	t.prompt += r.PromptTokens
	t.completion += r.CompletionTokens
	t.queue.Add(tick.ToUnits(r.QueueWait))
}

// Try implements Sink.
func (s *Summary) Try(t *Try) {
	if t.Outcome == Throttled && s.measured(t.Sent) {
		s.tenants[t.Tenant].throttledTries++
	}
}

// Attempt implements Sink.
func (s *Summary) Attempt(a *Attempt) {
	w := &s.bw[a.Backend][s.at(a.Start)]
	w.attempts++
	w.charged += a.Charged
	switch a.Outcome {
	case Succeeded:
		w.succeeded++
	case Throttled:
		w.throttled++
	case Failed:
		w.failed++
	}
	if !s.measured(a.Start) {
		return
	}
	b := &s.backs[a.Backend]
	b.attempts++
	b.charged += a.Charged
	switch a.Outcome {
	case Succeeded:
		b.succeeded++
	case Throttled:
		b.throttled++
	case Failed:
		b.failed++
	}
	if a.Tenant != NoTenant {
		s.tenants[a.Tenant].charged += a.Charged
	}
}

// Sample implements Sink.
func (s *Summary) Sample(u *Sample) {
	w := &s.bw[u.Backend][s.at(u.At)]
	w.samples++
	w.util += u.Utilization
	if s.measured(u.At) && u.At <= s.Header.Start.Add(s.Header.Duration) {
		b := &s.backs[u.Backend]
		b.samples++
		b.sum += u.Utilization
		b.util.Add(clamp(u.Utilization / 1000))
	}
}

// Transition implements Sink.
func (s *Summary) Transition(t *Transition) {
	if t.State != Open {
		return
	}
	s.bw[t.Backend][s.at(t.At)].opened++
	for i := range s.faults {
		f := &s.Header.Faults[i]
		from := s.Header.Start.Add(f.At)
		// A backend that asks to be left alone has met its own limit, which is
		// no sign of a fault, unless the fault is just that status.
		if (t.Reason == RateLimited) != (f.Status == 429) {
			continue
		}
		if f.Backend == int(t.Backend) && t.At >= from && t.At < from.Add(f.For) {
			s.faults[i].detected = min(s.faults[i].detected, t.At)
		}
	}
}

// Lag implements Sink: how late a send was.
func (s *Summary) Lag(d time.Duration) { s.lag.Add(clamp(int64(d / time.Microsecond))) }

// Dropped implements Sink: sends the generator could not make.
func (s *Summary) Dropped(n int64) { s.dropped += n }

// Interrupt marks the run as stopped before its end.
func (s *Summary) Interrupt() { s.stopped = true }
