package queue

import (
	"math"
	"math/bits"

	"foundrylab/internal/tick"
)

// vtc is the virtual token counter of "Fairness in Serving Large Language
// Models" (Sheng et al., arXiv 2401.00588), weighted. A line's counter grows by
// cost/weight; the least goes first. A line that begins to wait is lifted, so
// that idling banks nothing: not to the least counter of those that wait, as in
// the paper, but to where the last to be served stood before that, as in
// start-time fair queueing (Goyal et al., SIGCOMM 1996). Else whoever comes while
// a large item is the last to have been served waits as if it were its own.
//
// Of two lines i and j that both wait all the time, with largest costs Li and Lj
// and weights wi and wj, what they are served in any interval differs by
// |Wi/wi - Wj/wj| <= Li/wi + Lj/wj. For no counter of a line that waits is below
// start, since who is served has the least and who joins is lifted; and none is
// above start by more than its own last item over its weight. What Adjust
// charges comes on top.
type vtc struct {
	q     *Queue
	b     *band
	start int64 // counter of who was served last, before that; never falls
}

func newVTC(q *Queue, b *band) order { return &vtc{q: q, b: b} }

// scale is the resolution of counters: this many units are one of cost at
// weight 1. What a division leaves over is kept, so it adds up to nothing.
const (
	scaleBits = 10
	scale     = 1 << scaleBits
)

func (*vtc) rank(deadline tick.Instant, returned bool) int64 { return byDeadline(deadline, returned) }

func (v *vtc) join(l *line) {
	l.counter = max(l.counter, v.start)
	v.again(l)
}

func (*vtc) again(l *line) { l.turn.major, l.turn.minor = l.counter, int64(l.tenant) }

func (v *vtc) take(l *line, cost int64) {
	if v.b.turns[0].id == uint32(l.tenant) {
		v.start = max(v.start, l.counter)
	}
	v.charge(l, cost)
}

func (v *vtc) charge(l *line, cost int64) {
	if l.root == 0 { // served without waiting, as if it had joined for that
		l.counter = max(l.counter, v.start)
	}
	if len(v.b.turns) == 0 && cost > 0 { // while nobody waited: nobody has got behind by what went before
		v.start = max(v.start, l.counter)
	}
	units := l.remainder + cost*scale
	steps := units / l.weight
	if l.remainder = units % l.weight; l.remainder < 0 {
		l.remainder += l.weight
		steps--
	}
	if l.counter = min(max(l.counter+steps, -far), 2*far); l.counter > far {
		v.q.rebase(v.b, v.start)
		v.start = 0
	}
}

func (*vtc) leave(*line) {}

func (v *vtc) inherit(old order) {
	if o, ok := old.(*vtc); ok {
		v.start = o.start
	}
}

// ahead: before the item, each other line is served until its counter is no
// longer less than that of l will be.
func (v *vtc) ahead(l *line, _ int64) int64 {
	sum := v.q.waiting(l)
	level := entry{l.counter, int64(l.tenant), 0}
	if sum == 0 {
		level.major = max(l.counter, v.start)
	}
	level.major += (l.remainder + sum*scale) / l.weight
	v.b.turns.below(&level, 0, func(id uint32) {
		o := &v.q.lines[id]
		if o == l {
			return
		}
		steps := level.major - o.counter
		if o.tenant < l.tenant { // goes first at the same counter
			steps++
		}
		sum += v.q.servedUntil(o, costOf(steps, o))
	})
	return sum
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
