package queue

import (
	"math"

	"foundrylab/internal/tick"
)

// drr is deficit round robin (Shreedhar and Varghese, SIGCOMM 1995). In each
// round the lines are visited in the order in which they began to wait. A visit
// adds quantum x weight to a line's deficit; it is served while its first item
// costs no more than that.
//
// Nobody walks the round: which visit will serve a line's first item is computed
// from its deficit, and that visit is the line's turn. An item of a million
// quanta costs no more than another.
//
// Of two lines that both wait all the time, what they are served in any interval
// differs by |Wi/wi - Wj/wj| <= quantum + Li/wi + Lj/wj: the visits to them
// differ by one, and a deficit is less than the item that it does not cover.
type drr struct {
	q       *Queue
	b       *band
	quantum int64
	round   int64 // the last visit: of that round,
	place   int64 // to the line of that turn
	joins   int64
}

func newDRR(q *Queue, b *band) order { return &drr{q: q, b: b, quantum: int64(q.cfg.Quantum)} }

func (*drr) rank(deadline tick.Instant, returned bool) int64 { return byDeadline(deadline, returned) }

// visits is the last round in which a line of that turn was visited.
func (d *drr) visits(turn int64) int64 {
	if turn <= d.place {
		return d.round
	}
	return d.round - 1
}

// settle adds what the visits since have brought.
func (d *drr) settle(l *line) {
	now := d.visits(l.turn.minor)
	l.deficit += (now - l.visited) * d.quantum * l.weight
	l.visited = now
}

// join puts a line at the end of the round. It has no deficit, unless it comes
// back with an item that it was served before; a debt is worked off in the
// rounds that it missed.
func (d *drr) join(l *line) {
	d.workOff(l)
	most := int64(0)
	if first := &d.q.slots[l.first].item; first.Returned {
		most = first.Cost
	}
	l.deficit = min(l.deficit, most)
	d.joins++
	l.turn.minor = d.joins
	l.visited = d.visits(l.turn.minor)
	d.again(l)
}

// workOff brings a line up to date that does not wait: of its debt it takes what
// the rounds that it missed would have brought.
func (d *drr) workOff(l *line) {
	now, each := d.visits(l.turn.minor), d.quantum*l.weight
	switch missed := now - l.visited; {
	case l.deficit >= 0:
	case missed >= rounds(-l.deficit, each):
		l.deficit = 0
	default:
		l.deficit += missed * each
	}
	l.visited = now
}

func (d *drr) again(l *line) {
	d.settle(l)
	l.turn.major = d.when(l, d.q.slots[l.first].item.Cost)
}

// when is the round in which a line that is settled can be served that cost.
func (d *drr) when(l *line, cost int64) int64 {
	if cost <= l.deficit && l.turn.minor == d.place { // its visit goes on
		return d.round
	}
	return l.visited + max(1, rounds(cost-l.deficit, d.quantum*l.weight))
}

// rounds is how many visits it takes to have cost.
func rounds(cost, each int64) int64 { return (cost + each - 1) / each }

func (d *drr) take(l *line, cost int64) {
	if d.b.turns[0].id == uint32(l.tenant) {
		d.round, d.place = l.turn.major, l.turn.minor
	}
	d.settle(l)
	l.deficit -= cost
	if d.round > far {
		base := d.round
		d.q.rebase(d.b, base)
		d.round = 0
	}
}

func (d *drr) charge(l *line, cost int64) {
	switch {
	case l.root != 0:
		d.settle(l)
	case len(d.b.turns) == 0 && cost > 0:
		return // served while nobody waited: nobody has got behind by it
	default:
		d.workOff(l)
	}
	l.deficit = max(l.deficit-cost, -far)
}

func (d *drr) leave(l *line) {
	d.settle(l)
	l.deficit = min(l.deficit, 0)
}

func (d *drr) inherit(old order) {
	if o, ok := old.(*drr); ok {
		d.round, d.place, d.joins = o.round, o.place, o.joins
	}
}

// ahead: before the item, each other line is served what the visits bring that
// come before the one that serves it.
func (d *drr) ahead(l *line, cost int64) int64 {
	sum := d.q.waiting(l)
	me := *l
	if sum > 0 {
		d.settle(&me)
	} else {
		d.workOff(&me)
		me.turn.minor, me.visited, me.deficit = math.MaxInt64, d.round-1, min(me.deficit, 0)
	}
	me.turn.major = d.when(&me, sum+cost)
	d.b.turns.below(&me.turn, 0, func(id uint32) {
		if id == uint32(l.tenant) {
			return
		}
		o := d.q.lines[id]
		d.settle(&o)
		last := me.turn.major
		if o.turn.minor > me.turn.minor {
			last--
		}
		sum += d.servedBy(&o, last)
	})
	return sum
}

// servedBy is the cost of a settled line that is served until its visit of a
// round; its first item is.
func (d *drr) servedBy(l *line, round int64) int64 {
	each, more := d.quantum*l.weight, round-l.visited
	if all := d.q.waiting(l); more >= rounds(max(all-l.deficit, 0), each) {
		return all
	}
	return d.q.servedWithin(l, l.deficit+more*each)
}
