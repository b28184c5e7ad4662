package lease

import (
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// leave begins or continues to be without the shared state.
func (m *Machine) leave(now tick.Instant) {
	if m.away {
		return
	}
	m.away, m.since, m.alone = true, now, 0
	for i := range m.meters {
		w := &m.meters[i]
		w.strayed.empty(now, &w.Meter, m.replicas)
		if w.Kind == Bucket {
			drained := tick.MulDiv(w.Drain, int64(max(now.Sub(w.known.at), 0)), int64(time.Minute))
			w.own.empty(now, &w.Meter, m.replicas)
			w.own.add(now, max(w.known.used-drained, 0)/m.replicas)
		}
	}
}

// untold takes back what the call without an answer has reported. Where it did
// arrive this counts twice, which admits less and never more.
func (m *Machine) untold(now tick.Instant) {
	for i := range m.meters {
		w := &m.meters[i]
		if w.told > 0 {
			w.strayed.add(now, w.told)
		}
		w.told = 0
	}
}

// lost begins anew with a shared state that knows nothing: what was leased is
// void, and all that counts will be told from what is known here.
func (m *Machine) lost(now tick.Instant) {
	m.leave(now)
	for i := range m.meters {
		w := &m.meters[i]
		w.leases, w.back, w.count, w.told = [2]held{}, [2]Units{}, 0, 0
	}
}

// join ends it, after an answer. After a while without the shared state, or
// where it came back empty, it first goes on alone for a little: until the
// others have told what they admitted too.
func (m *Machine) join(now tick.Instant) {
	if m.recount || m.alone == 0 && now.Sub(m.since) >= Heartbeat {
		m.recount, m.alone = false, now.Add(grace)
	}
	if now < m.alone {
		m.probeAt = min(m.alone, now.Add(probe))
		return
	}
	m.away = false
	m.stats.Away += now.Sub(m.since)
	for i := range m.meters { // what was admitted while the last call was under way
		w := &m.meters[i]
		w.count += m.unreported(now, w)
	}
}

// unreported returns what was admitted here and the shared state does not
// count, and takes it as told.
func (m *Machine) unreported(now tick.Instant, w *meter) int64 {
	n := w.strayed.used(now)
	if m.recount {
		n = w.own.used(now)
	}
	w.strayed.empty(now, &w.Meter, m.replicas)
	return n
}

// decideAlone answers without the shared state.
func (m *Machine) decideAlone(now tick.Instant, ref record.Ref, cost *Amounts) Verdict {
	if m.opt.Away == Closed {
		return m.verdict(now, ref, record.BudgetRefused, max(m.probeAt.Sub(now), probe))
	}
	if m.opt.Away == LocalShare {
		why, longest := record.NoReason, time.Duration(0)
		for i := range m.meters {
			if wait := m.waitAlone(now, &m.meters[i], cost[i]); wait > longest {
				why, longest = m.meters[i].Reason, wait
			}
		}
		if why != record.NoReason {
			return m.verdict(now, ref, why, longest)
		}
	}
	for i := range m.meters {
		m.meters[i].stray(now, cost[i])
	}
	return m.verdict(now, ref, record.NoReason, 0)
}

// waitAlone returns how long a request must wait for its replica's share of a
// limit; 0: it fits.
func (m *Machine) waitAlone(now tick.Instant, w *meter, cost int64) time.Duration {
	share := max(w.Limit/m.replicas, 1)
	switch w.Kind {
	case Tally:
		return 0
	case Bucket:
		return w.own.bucket.TimeTo(now, share)
	case Sliding:
		if cost <= share {
			return w.own.log.Wait(now, cost+w.Limit-share)
		}
		return w.Period
	}
	if w.own.used(now)+cost <= share {
		return 0
	}
	return w.end.Sub(now)
}

// stray counts units that no lease covers.
func (m *meter) stray(now tick.Instant, n int64) {
	m.own.add(now, n)
	m.strayed.add(now, n)
}
