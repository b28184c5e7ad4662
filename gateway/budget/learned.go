package budget

import (
	"time"

	"foundrylab/internal/tick"
)

// learned is what hybrid dispatch makes of a backend's refusals: its limit goes
// down to what had passed, and up again slowly. A limit that was configured is
// where it starts; one that was not is found at the first refusal.
type learned struct {
	passed  minute
	most    int64        // how high it is tried; 0: no limit is known
	changed tick.Instant // when the limit was last raised or lowered
}

// How it learns. What passed in the minute before a refusal is what the service
// admits, where it had been tried that far; so the limit becomes that, but at
// least a sixty-fourth less and at most half. A refusal within decreaseEvery of
// another is of the same herd. Every raiseEvery without one gives a
// hundred-and-twenty-eighth back, up to the limit that was configured: where
// the service admits less, it will refuse again only at the end of its window.
// A limit that was found is tried up to twice as high: there may have been
// little traffic then.
const (
	decreaseEvery = 5 * time.Second
	raiseEvery    = 30 * time.Second
)

// minute sums what passed within the last minute, to the second.
type minute struct {
	seconds [60]int64
	last    int64        // second that was counted last
	origin  tick.Instant // seconds are counted from the first use: a run is the same whenever it starts
}

func (m *minute) roll(now tick.Instant) {
	if m.origin == 0 {
		m.origin = now
	}
	second := int64(now.Sub(m.origin) / time.Second)
	for n := min(second-m.last, 60); n > 0; n-- {
		m.seconds[(second-n+1)%60] = 0
	}
	m.last = max(m.last, second)
}

func (m *minute) add(now tick.Instant, n int64) {
	m.roll(now)
	m.seconds[m.last%60] += n
}

func (m *minute) sum(now tick.Instant) (total int64) {
	m.roll(now)
	for _, n := range m.seconds {
		total += n
	}
	return total
}

// perPeriod is what passed in the last period, a minute or a second, counted up
// to a minute.
func (m *minute) perPeriod(now tick.Instant, period time.Duration) int64 {
	total := m.sum(now)
	if period >= time.Minute {
		return total
	}
	return max(total, 60*m.seconds[m.last%60], 60*m.seconds[(m.last+59)%60])
}

// Kind is which limit a backend said that it was that refused a request.
type Kind uint8

// The kinds of limits.
const (
	Tokens   Kind = iota // or it did not say
	Requests             // requests per minute, in a part of the minute
)

// Refused tells that a backend refused a request for a limit although the gate
// was open, and gives back what was counted for it: the service does not count
// what it refuses.
func (g *Gate) Refused(now tick.Instant, backend int, cost int64, kind Kind) {
	m := &g.backends[backend]
	m.tokens.refund(now, cost)
	m.requests.refund(now, 1)
	if !g.learns {
		return
	}
	if kind == Requests {
		m.requests.lower(now, 1, time.Second, m.reserve)
		return
	}
	m.tokens.lower(now, cost, time.Minute, m.reserve)
}

// refund gives back what a refused request was counted for. The window keeps
// it: where the model was wrong once, it errs on the side of the limit.
func (p *paced) refund(now tick.Instant, n int64) {
	if p.perMinute > 0 && !p.tooLarge(n) {
		p.bucket.Add(now, -n)
	}
}

// lower learns from a refusal of cost; period is what the limit counts in.
func (p *paced) lower(now tick.Instant, cost int64, period time.Duration, reserve int64) {
	if p.tooLarge(cost) { // it says nothing of what else is admitted
		return
	}
	l := &p.learned
	passed := max(l.passed.perPeriod(now, period)-cost, cost)
	if p.perMinute == 0 {
		l.most, l.changed = 2*passed, now
		p.configure(passed, reserve, period, true, now)
		return
	}
	if now.Sub(l.changed) < decreaseEvery {
		return
	}
	l.changed = now
	p.retune(now, max(min(passed, p.perMinute-p.perMinute/64), p.perMinute/2, 1), reserve)
}

// Served tells that a backend took a request: where it has not refused for a
// while its limits are tried a little higher.
func (g *Gate) Served(now tick.Instant, backend int) {
	if !g.learns {
		return
	}
	m := &g.backends[backend]
	m.tokens.raise(now, m.reserve)
	m.requests.raise(now, m.reserve)
}

func (p *paced) raise(now tick.Instant, reserve int64) {
	l := &p.learned
	if p.perMinute == 0 || p.perMinute >= l.most || now.Sub(l.changed) < raiseEvery {
		return
	}
	l.changed = now
	p.retune(now, min(p.perMinute+p.perMinute/128+1, l.most), reserve)
}

// LimitOf returns the tokens per minute that the gate takes a backend to admit;
// 0: it knows none.
func (g *Gate) LimitOf(backend int) int64 { return g.backends[backend].tokens.perMinute }
