package lease

import (
	"slices"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Reserve asks for units for one request. The verdict is appended at once where
// it is known, else by a later Answered, Failed or Wake.
func (m *Machine) Reserve(now tick.Instant, ref record.Ref, cost Amounts, out []Verdict) []Verdict {
	m.roll(now)
	for i := range m.meters {
		m.meters[i].demand.add(cost[i])
	}
	if m.away {
		return append(out, m.decideAlone(now, ref, &cost))
	}
	if len(m.waiting) == 0 && m.fits(&cost) {
		return append(out, m.grant(now, ref, &cost))
	}
	if why, wait := m.full(now, &cost); why != record.NoReason {
		return append(out, m.verdict(now, ref, why, wait))
	}
	if len(m.waiting) >= m.opt.Queue {
		return append(out, m.verdict(now, ref, record.InFlightBound, 0))
	}
	m.stats.Waited++
	patience := m.opt.Patience
	if m.replied == 0 { // the first call connects
		patience = max(patience, Heartbeat/2)
	}
	m.waiting = append(m.waiting, waiter{ref, cost, now.Add(patience)})
	return out
}

// Withdraw forgets a request that waits: nobody wants its verdict any more.
func (m *Machine) Withdraw(ref record.Ref) {
	if i := slices.IndexFunc(m.waiting, func(w waiter) bool { return w.ref == ref }); i >= 0 {
		m.waiting = slices.Delete(m.waiting, i, i+1)
	}
}

// Count counts units without asking, once they are known: what a finished
// request cost more than was reserved, or less; and a refused request.
func (m *Machine) Count(now tick.Instant, n Amounts) {
	m.roll(now)
	for i := range m.meters {
		w := &m.meters[i]
		switch {
		case n[i] == 0:
		case m.away:
			w.stray(now, n[i])
		case n[i] > 0 && n[i] <= w.held():
			w.use(n[i])
			w.own.add(now, n[i])
		default:
			w.count += n[i]
			if w.Kind != Bucket {
				w.own.add(now, n[i])
			}
		}
	}
}

// Wake answers those whose patience has ended.
func (m *Machine) Wake(now tick.Instant, out []Verdict) []Verdict {
	m.roll(now)
	n := 0
	for ; n < len(m.waiting) && m.waiting[n].until <= now; n++ {
		w := &m.waiting[n]
		why, wait := m.tightest(now, &w.cost)
		out = append(out, m.verdict(now, w.ref, why, wait))
	}
	m.waiting = slices.Delete(m.waiting, 0, n)
	return out
}

// serve answers, after news, all that can be answered.
func (m *Machine) serve(now tick.Instant, out []Verdict) []Verdict {
	kept := m.waiting[:0]
	for i := range m.waiting {
		w := m.waiting[i]
		if m.away {
			out = append(out, m.decideAlone(now, w.ref, &w.cost))
		} else if m.fits(&w.cost) {
			out = append(out, m.grant(now, w.ref, &w.cost))
		} else if why, wait := m.full(now, &w.cost); why != record.NoReason {
			out = append(out, m.verdict(now, w.ref, why, wait))
		} else {
			kept = append(kept, w)
		}
	}
	m.waiting = kept
	return m.Wake(now, out)
}

func (m *Machine) fits(cost *Amounts) bool {
	for i := range m.meters {
		if m.meters[i].missing(cost[i]) > 0 {
			return false
		}
	}
	return true
}

func (m *Machine) grant(now tick.Instant, ref record.Ref, cost *Amounts) Verdict {
	for i := range m.meters {
		w := &m.meters[i]
		if w.Kind == Tally {
			w.count += cost[i]
		} else {
			w.use(cost[i])
		}
		if w.Kind != Bucket {
			w.own.add(now, cost[i])
		}
	}
	return m.verdict(now, ref, record.NoReason, 0)
}

// full returns the meter that is known to be full and stays so the longest.
func (m *Machine) full(now tick.Instant, cost *Amounts) (record.Reason, time.Duration) {
	why, longest := record.NoReason, time.Duration(0)
	for i := range m.meters {
		if full, wait := m.meters[i].full(now, cost[i]); full && (why == record.NoReason || wait > longest) {
			why, longest = m.meters[i].Reason, wait
		}
	}
	return why, longest
}

// tightest names the meter that kept a request waiting in vain, with the best
// guess of how long.
func (m *Machine) tightest(now tick.Instant, cost *Amounts) (record.Reason, time.Duration) {
	if why, wait := m.full(now, cost); why != record.NoReason {
		return why, wait
	}
	for i := range m.meters {
		if m.meters[i].missing(cost[i]) > 0 {
			return m.meters[i].Reason, max(m.meters[i].known.wait.Sub(now), Heartbeat)
		}
	}
	return m.meters[0].Reason, Heartbeat
}

func (m *Machine) verdict(now tick.Instant, ref record.Ref, why record.Reason, wait time.Duration) Verdict {
	v := Verdict{Ref: ref, Reason: why, Wait: wait}
	v.Left = m.left(now)
	return v
}

// Left returns what is left of each limit as last known; of a Bucket, what it
// holds.
func (m *Machine) Left(now tick.Instant) Amounts {
	m.roll(now)
	return m.left(now)
}

func (m *Machine) left(now tick.Instant) (left Amounts) {
	for i := range m.meters {
		left[i] = m.meters[i].remaining(now)
	}
	return left
}

// Resets returns how long it takes at most until a limit's window is as good as
// new; 0 of a Bucket.
func (m *Machine) Resets(now tick.Instant, meter int) time.Duration {
	m.roll(now)
	if w := &m.meters[meter]; w.windowed() {
		return w.end.Sub(now) + w.known.late
	} else if w.Kind == Sliding && w.known.used > 0 {
		return w.Period
	}
	return 0
}
