package record

import (
	"time"

	"foundrylab/internal/tick"
)

// recoveryWindow is how long service must be good to count as recovered.
const recoveryWindow = 10 * time.Second

// beforeFault is how far back "before the fault" looks.
const beforeFault = 2 * time.Minute

// recoveryWide is recoveryWindow in windows of the timeline.
func (s *Summary) recoveryWide() int { return int(max(recoveryWindow/s.window, 1)) }

// span is a half-open range of timeline windows.
type span struct{ from, to int }

// failover judges a fault by the formulas of docs/metrics.md: detection by
// the gateway's own first change of state, or, where no gateway reports one,
// by the backend's share of attempts; recovery by windows that meet the SLO.
func (s *Summary) failover(i int) FailoverResult {
	f := &s.Header.Faults[i]
	r := FailoverResult{Fault: f.Name, Backend: s.Header.Backends[f.Backend].Name,
		TimeToDetect: Null, TimeToRecover: Null, TimeToFailback: Null, RetryAmplification: Null}
	first := int(f.At / s.window)
	last := min(int((f.At+f.For+s.window-1)/s.window), s.count)
	if first >= s.count {
		return r
	}
	before := span{max(int((f.At-beforeFault)/s.window), int((s.Header.Warmup+s.window-1)/s.window), 0), first}
	if d := s.faults[i].detected; d != tick.Never {
		r.TimeToDetect = millis(d.Sub(s.Header.Start.Add(f.At)))
	} else {
		r.TimeToDetect = s.detectByShare(f, before, span{first, last})
	}
	r.TimeToRecover = s.recovery(f, before, span{first, last})
	r.TimeToFailback = s.failback(f, before, last)
	until := last
	if r.TimeToRecover != Null {
		until = max(until, min(int((f.At+time.Duration(r.TimeToRecover)*time.Microsecond)/s.window)+1, s.count))
	}
	s.countFault(&r, span{first, until})
	return r
}

func (s *Summary) countFault(r *FailoverResult, in span) {
	var requests, claimed, seen int64
	for w := in.from; w < in.to; w++ {
		for t := range s.tw {
			x := &s.tw[t][w]
			requests += int64(x.offered)
			claimed += int64(x.attempts)
			r.FailedRequests += int64(x.ended.failed)
			r.ThrottledRequests += int64(x.ended.throttled)
			r.BrokenStreams += int64(x.ended.broken)
			r.RescuedRequests += int64(x.rescued)
		}
		for b := range s.bw {
			seen += int64(s.bw[b][w].attempts)
		}
	}
	if seen == 0 {
		seen = claimed
	}
	r.RetryAmplification = ratio(seen, requests)
}

// share returns a backend's share of the attempts of some windows, in ppm;
// Null where there were none.
func (s *Summary) share(backend int, in span) Ratio {
	var own, all int64
	for w := max(in.from, 0); w < min(in.to, s.count); w++ {
		for b := range s.bw {
			n := int64(s.bw[b][w].attempts)
			all += n
			if b == backend {
				own += n
			}
		}
	}
	return ratio(own, all)
}

// detectByShare is the black-box view: the first window of the fault from
// which on the backend's share stays at or below a tenth of what it was.
func (s *Summary) detectByShare(f *Fault, before, during span) Millis {
	usual := s.share(f.Backend, before)
	if usual <= 0 {
		return Null
	}
	from := Null
	for w := during.from; w < during.to; w++ {
		now := s.share(f.Backend, span{w, w + 1})
		if now == Null {
			continue
		}
		if now > usual/10 {
			from = Null
		} else if from == Null {
			from = w
		}
	}
	if from == Null {
		return Null
	}
	return millis(max(time.Duration(from)*s.window-f.At, 0))
}

// quality is what an SLO window is judged by.
type quality struct {
	success Ratio
	ttft    Millis // p95
}

func (s *Summary) quality(in span) quality {
	var offered, succeeded int64
	ttft := Hist{sub: windowDigits}
	for w := max(in.from, 0); w < min(in.to, s.count); w++ {
		for t := range s.tw {
			x := &s.tw[t][w]
			offered += int64(x.offered)
			succeeded += int64(x.succeeded)
			ttft.Merge(&x.ttft)
		}
	}
	return quality{ratio(succeeded, offered), ttft.Quantile(950)}
}

// recovery returns the time from the fault to the start of the first 10 s
// window that meets the SLO, provided every later one up to the fault's end
// does too. Zero: the SLO was never broken. Null: it never came back.
func (s *Summary) recovery(f *Fault, before, during span) Millis {
	usual := s.quality(before)
	if usual.success == Null {
		return Null
	}
	slo := s.Header.SLO
	wide := s.recoveryWide()
	good := Null
	for w := during.from; w < during.to; w++ {
		q := s.quality(span{w, w + wide})
		ok := q.success == Null || int64(q.success) >= tick.MulDiv(int64(usual.success), slo.Success, 1_000_000) &&
			(q.ttft == Null || usual.ttft == Null || int64(q.ttft) <= tick.MulDiv(int64(usual.ttft), slo.TTFTFactor, 1_000_000))
		if !ok {
			good = Null
		} else if good == Null {
			good = w
		}
	}
	if good == Null {
		return Null
	}
	return millis(max(time.Duration(good)*s.window-f.At, 0))
}

// failback returns the time from the fault's end to the start of the first
// 10 s window in which the backend has nine tenths of its usual share again.
func (s *Summary) failback(f *Fault, before span, end int) Millis {
	usual := s.share(f.Backend, before)
	wide := s.recoveryWide()
	if usual <= 0 {
		return Null
	}
	for w := end; w+wide <= s.count; w++ {
		if s.share(f.Backend, span{w, w + wide}) >= usual/10*9 {
			return millis(max(time.Duration(w)*s.window-f.At-f.For, 0))
		}
	}
	return Null
}
