package budget

import (
	"time"

	"foundrylab/internal/tick"
)

// learned is what hybrid dispatch makes of a backend's refusals: additive
// increase, multiplicative decrease of its limit of tokens. A limit that was
// configured is where it starts; one that was not is found at the first
// refusal, from what passed in the minute before.
type learned struct {
	passed     minute
	configured int64 // where it starts
	most       int64 // how high it is tried
	reserve    int64
	changed    tick.Instant // when the limit was last raised or lowered
}

// How it learns: a refusal takes an eighth away, at most once in decreaseEvery,
// since many requests meet the same full window; every raiseEvery without one
// gives a sixty-fourth back, up to the limit that was configured. One that was
// found is tried up to twice as high: there may have been little traffic then.
const (
	decreaseEvery = 5 * time.Second
	raiseEvery    = 15 * time.Second
)

// minute sums what passed within the last minute, to the second.
type minute struct {
	seconds [60]int64
	last    int64 // second that was counted last
}

func (m *minute) roll(now tick.Instant) {
	second := int64(now) / int64(time.Second)
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

// Refused tells that a backend refused a request for its limits although the
// gate was open, and gives back what was counted for it: the service does not
// count what it refuses.
func (g *Gate) Refused(now tick.Instant, backend int, cost int64) {
	m := &g.backends[backend]
	m.tokens.refund(now, cost)
	if !g.learns {
		return
	}
	l := &m.learned
	if m.tokens.perMinute > 0 && now.Sub(l.changed) < decreaseEvery {
		return
	}
	l.changed = now
	present := m.tokens.perMinute
	if present == 0 {
		l.configured = max(l.passed.sum(now)-cost, cost)
		l.most = 2 * l.configured
		m.tokens.configure(l.configured, l.reserve, time.Minute, !m.rule.actual, now)
		return
	}
	m.tokens.retune(now, max(present-present/8, l.configured/16, 1), l.reserve)
}

// Served tells that a backend took a request: where it has not refused for a
// while its limit is tried a little higher.
func (g *Gate) Served(now tick.Instant, backend int) {
	m := &g.backends[backend]
	l := &m.learned
	if !g.learns || m.tokens.perMinute == 0 || now.Sub(l.changed) < raiseEvery {
		return
	}
	l.changed = now
	m.tokens.retune(now, min(m.tokens.perMinute+l.configured/64+1, l.most), l.reserve)
}

// LimitOf returns the tokens per minute that the gate takes a backend to admit;
// 0: it knows none.
func (g *Gate) LimitOf(backend int) int64 { return g.backends[backend].tokens.perMinute }

// refund gives back what a refused request was counted for. The window keeps
// it: where the model was wrong once, it errs on the side of the limit.
func (p *paced) refund(now tick.Instant, n int64) {
	if p.perMinute > 0 {
		p.bucket.Add(now, -n)
	}
}
