package queue

import (
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// band is one level of priority: its lines, and what it is owed.
type band struct {
	cfg      Band
	order    order
	turns    heap  // its waiting lines
	victims  heap  // its items, those first that are displaced first; of the first band none
	requests int   // that wait
	bytes    int64 // of them
	cost     int64 // of them
	credit   int64 // cost that it is owed, in millionths
}

// goesFirst returns the band that is served next: the highest in which somebody
// waits, unless a lower one is owed its next item. Of several that are owed
// theirs the lowest goes first, which waits for all others otherwise. That takes
// nothing from the rest: what a band is served it is no longer owed, and the
// shares add up to at most all there is, so that no credit grows beyond the
// largest items of all bands together.
func (q *Queue) goesFirst() *band {
	for i := len(q.bands) - 1; i > 0; i-- {
		b := &q.bands[i]
		if len(b.turns) > 0 && b.cfg.MinShare > 0 && b.credit >= q.slots[q.nextOf(b)].item.Cost*int64(unit.One) {
			return b
		}
	}
	for i := range q.bands {
		if b := &q.bands[i]; len(b.turns) > 0 {
			return b
		}
	}
	return nil
}

// nextOf is the slot that a band in which somebody waits serves next.
func (q *Queue) nextOf(b *band) uint32 { return q.lines[b.turns[0].id].first }

// account notes that a band was served cost, or that it was less after all:
// every band in which somebody waits is owed its share of it. Credit is bounded
// by what it can come to with the costs there have been, and never negative:
// what a band was served while nobody else wanted it is not held against it.
func (q *Queue) account(served *band, cost int64) {
	limit := int64(len(q.bands)+1) * q.largest * int64(unit.One)
	for i := range q.bands {
		b := &q.bands[i]
		if b.cfg.MinShare == 0 || b.requests == 0 {
			continue
		}
		b.credit += cost * int64(b.cfg.MinShare)
		if b == served {
			b.credit -= cost * int64(unit.One)
		}
		b.credit = min(max(b.credit, 0), limit)
	}
}

// count adds a slot to what a band knows of its items.
func (q *Queue) count(b *band, id uint32) {
	s := &q.slots[id]
	b.requests++
	b.bytes += s.item.Bytes
	b.cost += s.item.Cost
	if b != &q.bands[0] {
		b.victims.push(entry{-int64(s.item.Deadline), -s.seq, id}, q.inVictims)
	}
}

// joinBand gives a slot that has been put into a line its place in the band.
func (q *Queue) joinBand(id uint32) {
	s := &q.slots[id]
	l := &q.lines[s.item.Tenant]
	b := &q.bands[l.band]
	q.count(b, id)
	switch {
	case q.inTurns[l.tenant] == absent:
		b.order.join(l)
		b.turns.push(l.turn, q.inTurns)
	case l.first == id:
		b.order.again(l)
		b.turns.move(l.turn, q.inTurns)
	}
}

// leaveBand takes its place in the band from a slot that has been cut from its
// line.
func (q *Queue) leaveBand(id uint32) {
	s := &q.slots[id]
	l := &q.lines[s.item.Tenant]
	b := &q.bands[l.band]
	b.requests--
	b.bytes -= s.item.Bytes
	b.cost -= s.item.Cost
	b.victims.remove(id, q.inVictims)
	if l.root != 0 {
		b.order.again(l)
		b.turns.move(l.turn, q.inTurns)
		return
	}
	b.turns.remove(uint32(l.tenant), q.inTurns)
	b.order.leave(l)
	if b.requests == 0 {
		b.credit = 0
	}
}

// ttl is how long a band's requests may wait.
func (q *Queue) ttl(b *band) unit.Duration {
	if b.cfg.TTL > 0 {
		return b.cfg.TTL
	}
	return q.cfg.TTL
}

// full says which bound of its own a band reaches with bytes more.
func (b *band) full(bytes int64) Verdict {
	switch {
	case b.cfg.MaxRequests > 0 && b.requests >= b.cfg.MaxRequests:
		return BandFull
	case b.cfg.MaxBytes > 0 && b.bytes+bytes > int64(b.cfg.MaxBytes):
		return BandFullBytes
	}
	return Queued
}

// Ahead returns the cost that would be served before an item of that cost which
// joined a tenant now, behind what the tenant has waiting. Among the tenants of
// a band it is what the discipline does with what waits now; between bands it
// counts as if cost flowed. O(tenants that are served before, each log n).
func (q *Queue) Ahead(tenant int, cost int64) int64 {
	l := &q.lines[tenant]
	own := &q.bands[l.band]
	cost = min(max(cost, 1), MaxCost)
	inBand := own.order.ahead(l, cost)
	higher := int64(0)
	for i := range q.bands[:l.band] {
		higher += q.bands[i].cost
	}
	ahead := higher + inBand
	if share := int64(own.cfg.MinShare); share > 0 && higher > 0 {
		owed := max(inBand+cost-own.credit/int64(unit.One), 0)
		ahead = min(ahead, max(tick.CeilMulDiv(owed, int64(unit.One), share), inBand))
	}
	return ahead + q.owedBelow(int(l.band), ahead)
}

// owedBelow is what the bands below one get meanwhile, when it and those above
// it are served that much.
func (q *Queue) owedBelow(above int, served int64) (sum int64) {
	below := q.bands[above+1:]
	rest := int64(unit.One) // of all that is served, what does not go to them
	for i := range below {
		if below[i].requests > 0 {
			rest -= int64(below[i].cfg.MinShare)
		}
	}
	for i := range below {
		b := &below[i]
		if share := int64(b.cfg.MinShare); share > 0 {
			sum += min(b.cost, b.credit/int64(unit.One)+tick.MulDiv(served, share, rest))
		}
	}
	return sum
}
