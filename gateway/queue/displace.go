package queue

// maxDisplaced bounds how many items one may displace.
const maxDisplaced = 64

// makeRoom displaces items of lower bands until one more with bytes fits into
// the queue: of the lowest band first, and in it the one with the latest
// deadline, the newest of equals. Where that would not do, none is displaced.
func (q *Queue) makeRoom(above int, bytes int64) Verdict {
	over, overBytes := q.requests+1-q.cfg.MaxRequests, q.bytes+bytes-int64(q.cfg.MaxBytes)
	if over <= 0 && overBytes <= 0 {
		return Queued
	}
	verdict := Full
	if over <= 0 {
		verdict = FullBytes
	}
	fits := false
	q.chosen = q.chosen[:0]
	for i := len(q.bands) - 1; i > above && !fits; i-- {
		b := &q.bands[i]
		for len(b.victims) > 0 && len(q.chosen) < maxDisplaced && !fits {
			e := b.victims.pop(q.inVictims)
			q.chosen = append(q.chosen, e)
			over--
			overBytes -= q.slots[e.id].item.Bytes
			fits = over <= 0 && overBytes <= 0
		}
	}
	for _, e := range q.chosen {
		it := &q.slots[e.id].item
		if fits {
			q.displaced = append(q.displaced, *it)
			q.drop(e.id)
		} else {
			q.bands[q.lines[it.Tenant].band].victims.push(e, q.inVictims)
		}
	}
	if !fits {
		return verdict
	}
	return Queued
}

// Displaced hands out what had to make room, until it returns false. Call it
// after every Push.
func (q *Queue) Displaced() (Item, bool) {
	if q.handedOut == len(q.displaced) {
		q.displaced, q.handedOut = q.displaced[:0], 0
		return Item{}, false
	}
	q.handedOut++
	return q.displaced[q.handedOut-1], true
}
