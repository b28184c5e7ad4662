package record

import (
	"testing"
	"time"
)

// traffic is what reaches the lab in each second: ten requests, of which some
// are slow, fail or are throttled, and ten attempts, of which some go to
// backend 0. A request is over after two seconds, a bad one after three.
type traffic struct {
	slow, failed, throttled, broken int
	first                           int // attempts at backend 0
}

// lab is a run of ten minutes with a fault on backend 0, where most of the
// traffic goes, from 300 s to 420 s.
func lab(change func(sec int, x *traffic)) *Summary {
	s := NewSummary(header([]int64{1}, 2, Fault{Name: "f", Kind: "outage", At: 300 * second, For: 120 * second}))
	for sec := range 600 {
		x := traffic{first: 8}
		if change != nil {
			change(sec, &x)
		}
		for i := range 10 {
			r := ok(sec, 0)
			if i < x.slow {
				r.TTFT = 700 * time.Millisecond
			}
			switch n := x.failed + x.throttled; {
			case i < x.failed:
				r = bad(sec, 0, Failed, i < x.broken)
			case i < n:
				r = bad(sec, 0, Throttled, false)
			}
			s.Request(r)
			b := uint16(1)
			if i < x.first {
				b = 0
			}
			s.Attempt(&Attempt{Start: r.Intended, Backend: b, Outcome: Succeeded})
		}
	}
	return s
}

func during(sec, from, to int) bool { return sec >= from && sec < to }

func TestTimeToRecover(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(sec int, x *traffic)
		want   Millis
	}{
		{"nothing broke", nil, 0},
		{"all failed for 7 s", func(sec int, x *traffic) {
			if during(sec, 300, 307) {
				x.failed = 10
			}
		}, 7_000_000},
		{"1 of 100 in a window is within the SLO of 99 %", func(sec int, x *traffic) {
			if sec == 305 {
				x.failed = 1
			}
		}, 0},
		{"2 of 100 are not: good from the window after the second that broke it", func(sec int, x *traffic) {
			if sec == 305 {
				x.failed = 2
			}
		}, 6_000_000},
		{"throttled is not good either", func(sec int, x *traffic) {
			if sec == 305 {
				x.throttled = 2
			}
		}, 6_000_000},
		{"it has to hold to the fault's end", func(sec int, x *traffic) {
			if during(sec, 302, 305) || sec == 400 {
				x.failed = 5
			}
		}, 101_000_000},
		{"never", func(sec int, x *traffic) {
			if during(sec, 300, 420) {
				x.failed = 10
			}
		}, Null},
		{"broken again across the end", func(sec int, x *traffic) {
			if sec == 421 { // in the window of 419 s
				x.failed = 10
			}
		}, Null},
		{"after the end it no longer counts", func(sec int, x *traffic) {
			if sec > 430 {
				x.failed = 10
			}
		}, 0},
		{"one in ten slow: p95 of TTFT is 700 ms, the bound is 600", func(sec int, x *traffic) {
			if during(sec, 300, 320) {
				x.slow = 1
			}
		}, 15_000_000}, // of a window from 315 s, 5 in 100 are slow
		{"slow before too", func(sec int, x *traffic) { x.slow = 1 }, 0},
		{"half of it failed before too: the SLO is a part of what was usual", func(sec int, x *traffic) { x.failed = 5 }, 0},
		{"two minutes before count, no more", func(sec int, x *traffic) {
			if sec < 180 {
				x.failed = 10
			}
			if sec == 305 {
				x.failed = 2
			}
		}, 6_000_000},
	} {
		if got := lab(c.change).Result().Failover[0].TimeToRecover; got != c.want {
			t.Errorf("%s: %v ms, want %v", c.name, got, c.want)
		}
	}
}

// A gateway's own word counts; the first time that it opened the backend while
// the fault lasted.
func TestTimeToDetectByTransition(t *testing.T) {
	opened := func(at time.Duration, backend uint16) *Transition {
		return &Transition{At: begin.Add(at), Backend: backend, State: Open, Reason: UpstreamError}
	}
	s := lab(nil)
	for _, x := range []*Transition{opened(299*second, 0), opened(300*second+5, 1), opened(420*second, 0),
		{At: at(300 * second), Backend: 0, State: HalfOpen}, {At: at(300 * second), Backend: 0, State: Closed}} {
		s.Transition(x)
	}
	if got := s.Result().Failover[0].TimeToDetect; got != Null {
		t.Errorf("another backend, or before or after: %v", got)
	}
	s.Transition(opened(303*second, 0))
	s.Transition(opened(301*second+234_567*time.Microsecond, 0))
	s.Transition(opened(302*second, 0))
	if got := s.Result().Failover[0].TimeToDetect; got != 1_234_567 {
		t.Errorf("%v ms, want 1234.567", got)
	}
	s.Transition(opened(300*second, 0))
	if got := s.Result().Failover[0].TimeToDetect; got != 0 {
		t.Errorf("at the very edge: %v ms, want 0", got)
	}
}

// A backend that names a wait has met its own limit: that is no detection of a
// fault, unless the fault is to answer 429; and then nothing else is.
func TestThrottlingIsNoDetection(t *testing.T) {
	for _, c := range []struct {
		status int
		reason Reason
		want   Millis
	}{
		{0, RateLimited, Null}, {0, UpstreamError, 5_000_000}, {0, BackendStatus, 5_000_000}, {503, RateLimited, Null}, {503, BackendStatus, 5_000_000},
		{429, RateLimited, 5_000_000}, {429, BackendStatus, Null},
	} {
		s := NewSummary(header([]int64{1}, 1, Fault{Name: "f", Status: c.status, At: 300 * second, For: 60 * second}))
		s.Transition(&Transition{At: at(305 * second), State: Open, Reason: c.reason})
		if got := s.Result().Failover[0].TimeToDetect; got != c.want {
			t.Errorf("fault with status %d, opened because of %v: %v ms, want %v", c.status, c.reason, got, c.want)
		}
	}
}

// Without a gateway's word, it is when the backend's share of attempts fell to
// a tenth of what it was, and stayed there while the fault lasted.
func TestTimeToDetectByShare(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(sec int, x *traffic)
		want   Millis
	}{
		{"never", nil, Null},
		{"after 4 s", func(sec int, x *traffic) {
			if during(sec, 304, 420) {
				x.first = 0
			}
		}, 4_000_000},
		{"at once", func(sec int, x *traffic) {
			if during(sec, 300, 420) {
				x.first = 0
			}
		}, 0},
		{"an eighth is not a tenth", func(sec int, x *traffic) {
			if during(sec, 304, 420) {
				x.first = 1
			}
		}, Null},
		{"a tenth is", func(sec int, x *traffic) {
			if x.first = 10; during(sec, 304, 420) {
				x.first = 1
			}
		}, 4_000_000},
		{"probes in between: it did not stay", func(sec int, x *traffic) {
			if during(sec, 304, 420) && sec != 310 {
				x.first = 0
			}
		}, 11_000_000},
		{"it came back before the end", func(sec int, x *traffic) {
			if during(sec, 304, 419) {
				x.first = 0
			}
		}, Null},
		{"it had no share before", func(sec int, x *traffic) { x.first = 0 }, Null},
	} {
		if got := lab(c.change).Result().Failover[0].TimeToDetect; got != c.want {
			t.Errorf("%s: %v ms, want %v", c.name, got, c.want)
		}
	}
}

// From the fault's end to the first ten seconds with nine tenths of the share.
func TestTimeToFailback(t *testing.T) {
	away := func(until, then int) func(int, *traffic) {
		return func(sec int, x *traffic) {
			if during(sec, 300, until) {
				x.first = 0
			} else if sec >= until {
				x.first = then
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(sec int, x *traffic)
		want   Millis
	}{
		{"never away", nil, 0},
		{"back at the end", away(420, 8), 0},
		{"back 10 s later: a window with one second of nothing has nine tenths", away(430, 8), 9_000_000},
		{"back with more", away(430, 10), 8_000_000}, // 8 of 10 s at 10
		{"back with too little", away(430, 7), Null},
		{"not for ten seconds before the run's end", away(592, 8), Null},
		{"just", away(591, 8), 170_000_000},
	} {
		if got := lab(c.change).Result().Failover[0].TimeToFailback; got != c.want {
			t.Errorf("%s: %v ms, want %v", c.name, got, c.want)
		}
	}
}

// Losses count where they ended: what the fault broke counts though it was sent
// before, and what ended after it does not.
func TestLossesCountByTheirEnd(t *testing.T) {
	r := lab(func(sec int, x *traffic) {
		switch sec {
		case 295: // over at 298 s
			x.failed = 10
		case 298: // over at 301 s
			x.failed, x.broken, x.throttled = 3, 2, 1
		case 310:
			x.failed, x.broken = 4, 4
		case 417: // over at 420 s, when the fault is
			x.failed = 5
		}
	}).Result().Failover[0]
	if r.FailedRequests != 3+4 || r.BrokenStreams != 2+4 || r.ThrottledRequests != 1 || r.Fault != "f" || r.Backend != "backend 0" {
		t.Errorf("%+v, want 7 failed, 6 of them broken, 1 throttled", r)
	}
}

func TestAmplificationAndRescue(t *testing.T) {
	s := lab(nil)
	for range 600 { // half as many again within the fault, by the backends' count
		s.Attempt(&Attempt{Start: at(350 * second), Backend: 1, Outcome: Failed})
	}
	for _, sec := range []int{299, 300, 419, 420} {
		r := ok(sec, 0)
		r.Attempts = 2
		s.Request(r)
	}
	if r := s.Result().Failover[0]; r.RetryAmplification != ratio(1200+600, 1202) || r.RescuedRequests != 2 {
		t.Errorf("%v attempts a request, %d rescued", r.RetryAmplification, r.RescuedRequests)
	}
	// Where no backend is ours the gateway's claim stands in.
	s = NewSummary(header([]int64{1}, 1, Fault{Name: "f", At: 300 * second, For: second}))
	twice := ok(300, 0)
	twice.Attempts = 3
	s.Request(twice)
	s.Request(ok(300, 0))
	if r := s.Result().Failover[0]; r.RetryAmplification != 2_000_000 {
		t.Errorf("by the gateway's claim: %v", r.RetryAmplification)
	}
}

func TestFailoverWithoutComparison(t *testing.T) {
	empty := FailoverResult{Fault: "f", Backend: "backend 0", TimeToDetect: Null, TimeToRecover: Null, TimeToFailback: Null, RetryAmplification: Null}
	for _, c := range []struct {
		name   string
		warmup time.Duration
		fault  Fault
	}{
		{"nothing happened", 0, Fault{Name: "f", At: 300 * second, For: second}},
		{"after the end", 0, Fault{Name: "f", At: 600 * second, For: second}},
		{"in the warm-up", 400 * second, Fault{Name: "f", At: 300 * second, For: second}},
		{"from the start", 0, Fault{Name: "f", For: second}},
	} {
		h := header([]int64{1}, 2, c.fault)
		h.Warmup = c.warmup
		if got := NewSummary(h).Result().Failover[0]; got != empty {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	// Traffic, but none of it before the fault and after the warm-up.
	h := header([]int64{1}, 1, Fault{Name: "f", At: 100 * second, For: 10 * second})
	h.Warmup = 100 * second
	s := NewSummary(h)
	for sec := range 200 {
		s.Request(ok(sec, 0))
		s.Attempt(&Attempt{Start: at(time.Duration(sec) * second), Outcome: Succeeded})
	}
	if r := s.Result().Failover[0]; r.TimeToDetect != Null || r.TimeToRecover != Null || r.TimeToFailback != Null || r.RetryAmplification != 1_000_000 {
		t.Errorf("%+v", r)
	}
}

// A fault that begins within a second is measured from its own instant, never
// below zero.
func TestFaultWithinASecond(t *testing.T) {
	early := NewSummary(header([]int64{1}, 2, Fault{Name: "f", At: 300*second + 400*time.Millisecond, For: 10 * second}))
	for sec := range 400 {
		early.Request(ok(sec, 0))
		early.Attempt(&Attempt{Start: at(time.Duration(sec) * second), Backend: uint16(b2i(sec >= 300)), Outcome: Succeeded})
	}
	if r := early.Result().Failover[0]; r.TimeToDetect != 0 || r.TimeToRecover != 0 {
		t.Errorf("detected after %v, recovered after %v ms, want 0", r.TimeToDetect, r.TimeToRecover)
	}
	s := NewSummary(header([]int64{1}, 2, Fault{Name: "f", At: 300*second + 400*time.Millisecond, For: 10 * second}))
	for sec := range 400 {
		r := ok(sec, 0)
		if sec == 300 {
			r = bad(sec, 0, Failed, false)
		}
		s.Request(r)
		b := uint16(0)
		if sec > 300 {
			b = 1
		}
		s.Attempt(&Attempt{Start: r.Intended, Backend: b, Outcome: Succeeded})
	}
	if r := s.Result().Failover[0]; r.TimeToDetect != 600_000 || r.TimeToRecover != 600_000 {
		t.Errorf("detected after %v, recovered after %v ms, want 600", r.TimeToDetect, r.TimeToRecover)
	}
}
