package queue

import (
	"math"
	"math/bits"

	"foundrylab/internal/tick"
)

// vtc is the virtual token counter of "Fairness in Serving Large Language
// Models" (Sheng et al., arXiv 2401.00588), weighted. A line's counter grows by
// cost/weight; the least goes first. A line that begins to wait is lifted to the
// least counter of those that wait, so that idling banks nothing; where nobody
// waits, to that of the last to be served.
//
// Of two lines i and j that both wait all the time, with largest costs Li and Lj
// and weights wi and wj, what they are served in any interval differs by
// |Wi/wi - Wj/wj| <= Li/wi + Lj/wj: a line is served when its counter is the
// least, so that after it no counter is ahead of another by more than the last
// item over its weight, at the beginning of the interval as at its end.
type vtc struct {
	q     *Queue
	b     *band
	floor int64 // of who begins to wait when nobody does
}

func newVTC(q *Queue, b *band) discipline { return &vtc{q: q, b: b} }

// scale is the resolution of counters: this many units are one of cost at
// weight 1. What a division leaves over is kept, so it adds up to nothing.
const (
	scaleBits = 10
	scale     = 1 << scaleBits
)

func (*vtc) rank(deadline tick.Instant, returned bool) int64 { return byDeadline(deadline, returned) }

// least is the counter below which nobody may begin to wait.
func (v *vtc) least() int64 {
	if len(v.b.turns) > 0 {
		return v.b.turns[0].major
	}
	return v.floor
}

func (v *vtc) join(l *line) {
	l.counter = max(l.counter, v.least())
	v.again(l)
}

func (*vtc) again(l *line) { l.turn.major, l.turn.minor = l.counter, int64(l.tenant) }

func (v *vtc) take(l *line, cost int64) { v.charge(l, cost) }

func (v *vtc) charge(l *line, cost int64) {
	units := l.remainder + cost*scale
	steps := units / l.weight
	if l.remainder = units % l.weight; l.remainder < 0 {
		l.remainder += l.weight
		steps--
	}
	l.counter = min(max(l.counter+steps, -far), 2*far)
	if len(v.b.turns) == 0 { // served while nobody waited: nobody has got behind by it
		v.floor = max(v.floor, l.counter)
	}
	if l.counter > far {
		base := v.least()
		v.q.rebase(v.b, base)
		v.floor = max(v.floor-base, -far)
	}
}

func (v *vtc) leave(l *line) {
	if len(v.b.turns) == 0 {
		v.floor = max(v.floor, l.counter)
	}
}

func (v *vtc) inherit(old discipline) {
	if o, ok := old.(*vtc); ok {
		v.floor = o.floor
	}
}

// ahead: before the item, each other line is served until its counter is no
// longer less than that of l will be.
func (v *vtc) ahead(l *line, _ int64) int64 {
	own := v.q.waiting(l)
	start := l.counter
	if own == 0 {
		start = max(start, v.least())
	}
	level := start + (l.remainder+own*scale)/l.weight
	for _, e := range v.b.turns {
		o := &v.q.lines[e.id]
		if o == l {
			continue
		}
		reach := level - e.major
		if o.tenant < l.tenant { // goes first at the same counter
			reach++
		}
		if reach > 0 {
			own += v.q.servedUntil(o, costOf(reach, o))
		}
	}
	return own
}

// costOf is the least cost by which a line's counter grows by steps.
func costOf(steps int64, l *line) int64 {
	hi, lo := bits.Mul64(uint64(steps), uint64(l.weight))
	lo, borrow := bits.Sub64(lo, uint64(l.remainder), 0)
	hi -= borrow
	lo, carry := bits.Add64(lo, scale-1, 0)
	hi += carry
	if hi >= scale/2 {
		return math.MaxInt64
	}
	return int64(hi<<(64-scaleBits) | lo>>scaleBits)
}
