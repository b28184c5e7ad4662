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

// Release ends every Hold. Nothing may be pushed, returned, removed or expire between them.
func (q *Queue) Release() {
	for _, tenant := range q.held {
		l := &q.lines[tenant]
		b := &q.bands[l.band]
		b.order.again(l)
		b.turns.push(l.turn, q.inTurns)
	}
	q.held = q.held[:0]
}
