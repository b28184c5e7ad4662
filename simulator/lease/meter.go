package lease

import (
	"math"
	"time"

	"foundrylab/internal/limit"
	"foundrylab/internal/tick"
)

// meter is one limit as a replica sees it.
type meter struct {
	Meter
	leases [2]held // the earlier to end first
	back   [2]Units
	count  int64 // took place without a lease, to be reported
	told   int64 // of it, what the latest call reports
	asked  int64 // the latest call asked when so many will fit
	demand demand

	known known
	end   tick.Instant // Fixed, Tally: of the current window, not later than the shared state has it
	slot  int64        // Fixed, Tally: that window, as the shared state numbers them

	own     counted // admitted here; Bucket: while away, and a share of what it held before
	strayed counted // of it, without a lease and not reported
}

// held are units of a lease. They are used before until.
type held struct {
	Units
	until tick.Instant
}

// Units are units that count where the shared state put them.
type Units struct{ Slot, N int64 }

// known is what the latest answer said.
type known struct {
	used int64        // leases included
	at   tick.Instant // of the answer
	wait tick.Instant // not before then do `of` units fit
	of   int64
	late time.Duration // how much later wait, and a window's end, may be
}

func newMeter(of Meter, now tick.Instant) meter {
	m := meter{Meter: of, demand: demand{at: now}}
	if m.windowed() {
		m.end = now.Add(of.Period)
	}
	m.own.empty(now, &of, 1)
	m.strayed.empty(now, &of, 1)
	return m
}

func (m *meter) windowed() bool { return m.Kind == Fixed || m.Kind == Tally }

func (m *meter) resize(to Meter) {
	m.Meter = to
	if m.Kind == Sliding {
		m.own.log.Resize(to.Limit)
		m.strayed.log.Resize(to.Limit)
	}
}

// held returns what is leased and unused; roll first.
func (m *meter) held() int64 { return m.leases[0].N + m.leases[1].N }

// lasting returns how much of that is still held at an instant, when nothing is
// used.
func (m *meter) lasting(until tick.Instant) (n int64) {
	for i := range m.leases {
		if m.leases[i].until >= until {
			n += m.leases[i].N
		}
	}
	return n
}

// roll ends windows and leases. What is left of a lease goes back with the next
// call; where two wait for that already it just ends.
func (m *meter) roll(now tick.Instant) {
	m.demand.roll(now)
	if m.windowed() && now >= m.end {
		m.end = m.end.Add((now.Sub(m.end)/m.Period + 1) * m.Period)
		m.renew()
		return
	}
	for m.leases[0].N > 0 && now >= m.leases[0].until {
		m.giveBack(m.leases[0].Units)
		m.leases[0], m.leases[1] = m.leases[1], held{}
	}
}

// renew begins a window: nothing of the earlier one counts any more.
func (m *meter) renew() {
	m.own.n, m.strayed.n, m.count = 0, 0, 0
	m.leases, m.back, m.known = [2]held{}, [2]Units{}, known{}
}

func (m *meter) giveBack(u Units) {
	for i := range m.back {
		if m.back[i].N == 0 || m.back[i].Slot == u.Slot {
			m.back[i] = Units{u.Slot, m.back[i].N + u.N}
			return
		}
	}
}

// use takes n <= held units, of the earlier lease first.
func (m *meter) use(n int64) {
	first := min(n, m.leases[0].N)
	m.leases[0].N -= first
	m.leases[1].N -= n - first
	if m.leases[0].N == 0 {
		m.leases[0], m.leases[1] = m.leases[1], held{}
	}
}

// add puts a lease to the others. Units may pass for those of an earlier lease:
// they then end sooner than they must.
func (m *meter) add(l held) {
	for i := range m.leases {
		if m.leases[i].N == 0 {
			m.leases[i] = l
			return
		}
		if m.windowed() { // of one window all: another one's were dropped
			m.leases[i].N += l.N
			m.leases[i].until = l.until
			return
		}
	}
	m.leases[1].N += l.N
}

// missing returns what a request needs beyond what is leased.
func (m *meter) missing(cost int64) int64 {
	if m.Kind == Tally {
		return 0
	}
	return max(cost-m.held(), 0)
}

// full reports whether the shared state is known to have no room for a request,
// and how long that lasts. What was said holds for a moment only: others give
// back what they do not use.
func (m *meter) full(now tick.Instant, cost int64) (bool, time.Duration) {
	missing := m.missing(cost)
	if missing == 0 || m.known.at == 0 || now >= m.known.at.Add(pace) {
		return false, 0
	}
	switch m.Kind {
	case Bucket:
		return now < m.known.wait, m.known.wait.Sub(now) + m.known.late
	case Sliding:
		return missing > m.Limit-m.known.used && cost <= m.known.of && now < m.known.wait, m.known.wait.Sub(now) + m.known.late
	}
	return missing > m.Limit-m.known.used, m.end.Sub(now) + m.known.late
}

// remaining returns what is left of the shared limit as last known, its own
// leases included; of a bucket, what it holds.
func (m *meter) remaining(now tick.Instant) int64 {
	used := m.known.used + m.count - m.held()
	if m.Kind == Bucket {
		drained := tick.MulDiv(m.Drain, int64(max(now.Sub(m.known.at), 0)), int64(time.Minute))
		return max(used-drained, 0)
	}
	return min(max(m.Limit-used, 0), m.Limit)
}

// counted are the units that count at an instant: of a window that its owner
// empties, of a log, or of a bucket.
type counted struct {
	n      int64
	log    *limit.Sliding
	bucket *limit.Bucket
}

func (c *counted) add(now tick.Instant, n int64) {
	switch {
	case c.bucket != nil:
		c.bucket.Add(now, n)
	case c.log != nil:
		c.log.Take(now, n)
	default:
		c.n += n
	}
}

func (c *counted) used(now tick.Instant) int64 {
	switch {
	case c.bucket != nil:
		return c.bucket.Level(now)
	case c.log != nil:
		return c.log.Used(now)
	}
	return c.n
}

// empty makes it new; a bucket drains a replica's share.
func (c *counted) empty(now tick.Instant, of *Meter, replicas int64) {
	switch *c = (counted{}); of.Kind {
	case Bucket:
		c.bucket = limit.NewBucket(max(of.Drain/replicas, 1), now)
	case Sliding:
		c.log = limit.NewSliding(of.Limit, of.Period)
	}
}

// demand is what was asked for in this interval and the one before.
type demand struct {
	at         tick.Instant // this interval's beginning
	last, now  int64
	typical    int64 // the largest request of the interval before
	typicalNow int64
}

func (d *demand) roll(now tick.Instant) {
	past := now.Sub(d.at) / interval
	if past < 1 {
		return
	}
	d.at = d.at.Add(past * interval)
	d.last, d.typical = d.now, d.typicalNow
	if past > 1 {
		d.last, d.typical = 0, 0
	}
	d.now, d.typicalNow = 0, 0
}

func (d *demand) add(n int64) {
	d.now = min(d.now+n, math.MaxInt32)
	d.typicalNow = max(d.typicalNow, n)
}

// expected is the demand of one interval.
func (d *demand) expected() int64 { return max(d.last, d.now) }

// largest is the largest request of late.
func (d *demand) largest() int64 { return max(d.typical, d.typicalNow) }
