package queue

import "math/bits"

// line is a tenant with what it has waiting. Its items form a treap (a search
// tree by rank and arrival that is a heap by a draw of the arrival number):
// O(log n) expected whatever the order, no memory of its own, and the sums of
// cost say how far a line is served by when.
type line struct {
	tenant   uint16
	band     uint8
	weight   int64
	root     uint32 // slot; 0: nothing waits
	first    uint32 // the slot that is served first
	requests int    // that wait
	turn     entry  // its place among the waiting lines of its band

	// vtc
	counter   int64 // cost it was charged, in scale per weight
	remainder int64 // what the division by weight left over

	// drr
	deficit int64 // cost that it may be served without another visit
	visited int64 // last round whose quantum is in deficit
}

// slot is one waiting item. Slot 0 stands for none.
type slot struct {
	item        Item
	rank        int64 // within its line, the least first; then by seq
	seq         int64 // arrival
	sum         int64 // cost of the subtree
	left, right uint32
	draw        uint32 // the higher is nearer to the root
	gen         uint32 // odd while an item waits in it
}

// draw spreads arrival numbers evenly (the finalizer of splitmix64), so that a
// treap is balanced without dice.
func draw(seq int64) uint32 {
	z := uint64(seq) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	hi, lo := bits.Mul64(z, 0x94d049bb133111eb)
	return uint32(hi ^ lo>>32)
}

func (s *slot) before(o *slot) bool {
	return s.rank < o.rank || s.rank == o.rank && s.seq < o.seq
}

// waiting is the cost that a line has waiting.
func (q *Queue) waiting(l *line) int64 { return q.slots[l.root].sum }

// put adds a slot to a line.
func (q *Queue) put(l *line, id uint32) {
	s := &q.slots[id]
	s.left, s.right, s.sum = 0, 0, s.item.Cost
	l.requests++
	if l.root == 0 || s.before(&q.slots[l.first]) {
		l.first = id
	}
	l.root = q.inserted(l.root, id)
}

// cut takes a slot out of its line. Where it was the one to be served first, the
// next one is, or the least where it was the last: others were passed over then.
func (q *Queue) cut(l *line, id uint32) {
	l.requests--
	next := l.first
	if next == id {
		next = q.after(l, id)
	}
	l.root = q.without(l.root, id)
	if l.first = next; next == 0 {
		l.first = q.least(l.root)
	}
}

// least returns the slot that goes before all others of a subtree.
func (q *Queue) least(root uint32) uint32 {
	for root != 0 && q.slots[root].left != 0 {
		root = q.slots[root].left
	}
	return root
}

// after returns the slot that comes after one in its line; 0: there is none.
func (q *Queue) after(l *line, id uint32) (next uint32) {
	s := &q.slots[id]
	for at := l.root; at != 0; {
		if o := &q.slots[at]; s.before(o) {
			next, at = at, o.left
		} else {
			at = o.right
		}
	}
	return next
}

func (q *Queue) resum(id uint32) {
	s := &q.slots[id]
	s.sum = q.slots[s.left].sum + s.item.Cost + q.slots[s.right].sum
}

func (q *Queue) inserted(root, id uint32) uint32 {
	if root == 0 {
		return id
	}
	s, r := &q.slots[id], &q.slots[root]
	if s.draw > r.draw {
		s.left, s.right = q.split(root, s)
		q.resum(id)
		return id
	}
	if s.before(r) {
		r.left = q.inserted(r.left, id)
	} else {
		r.right = q.inserted(r.right, id)
	}
	q.resum(root)
	return root
}

// split parts a subtree into what goes before s and what goes after.
func (q *Queue) split(root uint32, s *slot) (before, after uint32) {
	if root == 0 {
		return 0, 0
	}
	r := &q.slots[root]
	if r.before(s) {
		r.right, after = q.split(r.right, s)
		before = root
	} else {
		before, r.left = q.split(r.left, s)
		after = root
	}
	q.resum(root)
	return before, after
}

func (q *Queue) without(root, id uint32) uint32 {
	r := &q.slots[root]
	if root == id {
		return q.joined(r.left, r.right)
	}
	if q.slots[id].before(r) {
		r.left = q.without(r.left, id)
	} else {
		r.right = q.without(r.right, id)
	}
	q.resum(root)
	return root
}

func (q *Queue) joined(before, after uint32) uint32 {
	switch {
	case before == 0:
		return after
	case after == 0:
		return before
	case q.slots[before].draw > q.slots[after].draw:
		q.slots[before].right = q.joined(q.slots[before].right, after)
		q.resum(before)
		return before
	}
	q.slots[after].left = q.joined(before, q.slots[after].left)
	q.resum(after)
	return after
}

// servedUntil is the cost of a line's first items up to the one that makes it
// cost at least: how much is served of a line that goes on until then.
func (q *Queue) servedUntil(l *line, cost int64) int64 {
	if all := q.waiting(l); cost >= all {
		return all
	}
	served := int64(0)
	for id := l.root; id != 0 && cost > served; {
		s := &q.slots[id]
		switch before := served + q.slots[s.left].sum; {
		case before >= cost:
			id = s.left
		case before+s.item.Cost >= cost:
			return before + s.item.Cost
		default:
			served, id = before+s.item.Cost, s.right
		}
	}
	return served
}

// servedWithin is the cost of as many of a line's first items as fit into cost.
func (q *Queue) servedWithin(l *line, cost int64) int64 {
	served := int64(0)
	for id := l.root; id != 0; {
		s := &q.slots[id]
		switch before := served + q.slots[s.left].sum; {
		case before > cost:
			id = s.left
		case before+s.item.Cost > cost:
			return before
		default:
			served, id = before+s.item.Cost, s.right
		}
	}
	return served
}
