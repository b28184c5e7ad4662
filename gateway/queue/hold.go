package queue

// Hold passes a tenant over until Release: what its first item waits for is not what others wait for. Its line keeps its
// place, and is owed no less for it. It reports whether the tenant's line waited. O(log n).
func (q *Queue) Hold(tenant int) bool {
	l := &q.lines[tenant]
	if l.root == 0 || q.inTurns[tenant] == absent {
		return false
	}
	q.bands[l.band].turns.remove(uint32(tenant), q.inTurns)
	q.held = append(q.held, int32(tenant))
	return true
}

// Pass passes over the item alone that a tenant is served next, until Release: it waits for something else than the rest
// of its line. It reports whether the line has one that comes after it, which is served next then. O(log n).
func (q *Queue) Pass(tenant int) bool {
	l := &q.lines[tenant]
	if l.root == 0 || q.inTurns[tenant] == absent {
		return false
	}
	next := q.after(l, l.first)
	if next == 0 {
		return false
	}
	l.first = next
	q.moveTurn(l)
	q.passed = append(q.passed, int32(tenant))
	return true
}

// Release ends every Hold and Pass. Nothing may be pushed, returned, removed or expire between them.
func (q *Queue) Release() {
	for _, tenant := range q.passed {
		l := &q.lines[tenant]
		if l.first = q.least(l.root); l.first != 0 && q.inTurns[tenant] != absent {
			q.moveTurn(l)
		}
	}
	for _, tenant := range q.held {
		l := &q.lines[tenant]
		b := &q.bands[l.band]
		b.order.again(l)
		b.turns.push(l.turn, q.inTurns)
	}
	q.passed, q.held = q.passed[:0], q.held[:0]
}

// moveTurn gives a line its turn whose first item is another.
func (q *Queue) moveTurn(l *line) {
	b := &q.bands[l.band]
	b.order.again(l)
	b.turns.move(l.turn, q.inTurns)
}
