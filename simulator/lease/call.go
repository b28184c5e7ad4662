package lease

import (
	"time"

	"foundrylab/internal/tick"
)

// Call is what a replica asks of the shared state: all its limits at once.
type Call struct {
	Epoch uint64 // of the state that it joined; 0: it joins now
	Lines [Meters]Line
}

// Line is what a Call says about one meter.
type Line struct {
	Meter
	Need  int64 // for requests that wait; given as far as there is
	Least int64 // less is of no use to any of them
	Want  int64 // Need, and what is foreseen: given within a fair part of what is left
	Wait  int64 // tell when so many will fit
	Count int64 // counts in any case; of a Bucket also less than nothing
	Back  [2]Units
}

// Reply is the shared state's answer. Where its Epoch is not the Call's, the
// state has been lost: nothing was counted and nothing given.
type Reply struct {
	Epoch    uint64 // not 0
	Replicas int64
	Lines    [Meters]Given
}

// Given is what a Reply says about one meter.
type Given struct {
	Units               // a lease
	Used  int64         // counted now, all leases included
	Left  time.Duration // Fixed, Tally: until the window ends
	Wait  time.Duration // until Line.Wait units fit; Bucket: until it takes a request
}

// Call returns what to ask now, if anything. Its answer goes to Answered, or to
// Failed; until then there is no other.
func (m *Machine) Call(now tick.Instant) (c Call, due bool) {
	m.roll(now)
	if m.inFlight || m.callAt(now) > now {
		return c, false
	}
	m.inFlight, m.called = true, now
	c.Epoch = m.epoch
	for i := range m.meters {
		c.Lines[i] = m.line(now, i)
	}
	return c, true
}

func (m *Machine) line(now tick.Instant, i int) Line {
	w := &m.meters[i]
	l := Line{Meter: w.Meter, Count: w.count, Back: w.back, Wait: max(w.demand.largest(), 1)}
	m.stats.Returned[i] += w.back[0].N + w.back[1].N
	w.back, w.count = [2]Units{}, 0
	if m.away {
		l.Count += m.unreported(now, w)
	}
	w.told = l.Count
	w.asked = l.Wait
	if m.away {
		return l
	}
	if w.Kind == Tally {
		return l
	}
	sum, least, sure := int64(0), int64(-1), w.lasting(now.Add(m.opt.Patience))
	for j := range m.waiting {
		cost := m.waiting[j].cost[i]
		sum += cost
		l.Wait = max(l.Wait, cost)
		if missing := max(cost-sure, 0); least < 0 || missing < least {
			least = missing
		}
	}
	l.Need, l.Least = max(sum-sure, 0), max(least, 0)
	w.asked = l.Wait
	l.Want = max(sum+w.demand.expected()-sure, 0)
	return l
}

// NextWake returns when Wake or Call has something to do, were nothing else to
// happen.
func (m *Machine) NextWake(now tick.Instant) tick.Instant {
	next := tick.Never
	if !m.inFlight {
		next = m.callAt(now)
	}
	if len(m.waiting) > 0 {
		next = min(next, m.waiting[0].until)
	}
	return next
}

// callAt returns when the next call is due: at once where a request waits, soon
// where a lease runs low or something is to be told, and else now and then.
func (m *Machine) callAt(now tick.Instant) tick.Instant {
	if m.away {
		return m.probeAt
	}
	if len(m.waiting) > 0 || m.replied == 0 && m.stats.Failures == 0 {
		return now
	}
	next, soon := m.called.Add(Heartbeat), m.called.Add(pace)
	for i := range m.meters {
		w := &m.meters[i]
		if w.count != 0 || w.back[0].N != 0 || w.low() && w.known.used < w.Limit {
			return soon
		}
		if w.low() {
			next = min(next, m.called.Add(interval))
		}
		if w.leases[0].N > 0 {
			next = min(next, max(w.leases[0].until, soon))
		}
	}
	return next
}

// low reports whether less is leased than half an interval is likely to need.
func (m *meter) low() bool { return m.Kind != Tally && m.held() < m.demand.expected()/2 }

// Answered takes the answer of the call that was made last.
func (m *Machine) Answered(now tick.Instant, r *Reply, out []Verdict) []Verdict {
	m.inFlight = false
	m.stats.Calls++
	m.replicas = max(r.Replicas, 1)
	if m.epoch != 0 && r.Epoch != m.epoch {
		m.lost(now)
		m.epoch, m.recount, m.probeAt = r.Epoch, true, now
		return m.serve(now, out)
	}
	m.epoch, m.replied = r.Epoch, now
	for i := range m.meters {
		m.take(now, i, &r.Lines[i])
	}
	m.roll(now)
	if m.away {
		m.join(now)
	}
	return m.serve(now, out)
}

func (m *Machine) take(now tick.Instant, i int, g *Given) {
	w := &m.meters[i]
	until := m.called.Add(Life)
	if w.windowed() {
		if w.slot != g.Slot {
			w.slot = g.Slot
			w.renew()
		}
		w.end = m.called.Add(g.Left)
		until = min(until, w.end)
	}
	w.known = known{used: g.Used, at: now, wait: m.called.Add(g.Wait), late: now.Sub(m.called), of: w.asked}
	if g.N > 0 {
		m.stats.Leased[i] += g.N
		w.add(held{g.Units, until})
	}
}

// Failed says that the call that was made last has no answer: the shared state
// may have counted it or not.
func (m *Machine) Failed(now tick.Instant, out []Verdict) []Verdict {
	m.inFlight = false
	m.stats.Failures++
	m.roll(now)
	m.leave(now)
	m.untold(now)
	m.probeAt = now.Add(probe)
	return m.serve(now, out)
}
