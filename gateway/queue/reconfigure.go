package queue

// Reconfigure applies another configuration; there are at least as many tenants
// as before. What waits stays, however little the new bounds allow, keeps its
// deadline and its order within its tenant, and moves along where its tenant
// changes bands. Where name of band and discipline stay the same, so does whose
// turn it is. O(n log n) in what waits, and allocates.
func (q *Queue) Reconfigure(cfg *Config, tenants []Tenant) {
	old, same := q.bands, q.cfg != nil && q.cfg.Discipline == cfg.Discipline
	q.cfg = cfg
	q.makeBands(old, same)
	stays := make([]bool, len(tenants))
	for i, t := range tenants {
		band := uint8(min(max(t.Band, 0), len(q.bands)-1))
		weight := min(max(t.Weight, 1), MaxWeight)
		if i == len(q.lines) {
			q.lines = append(q.lines, newLine(i))
			q.inTurns = append(q.inTurns, absent)
		} else if l := &q.lines[i]; same && old[l.band].cfg.Name == q.bands[band].cfg.Name {
			stays[i] = true
			old[l.band].order.charge(l, 0) // brings it up to date at the old weight
		} else {
			*l = newLine(i)
		}
		l := &q.lines[i]
		if l.weight != weight {
			l.remainder = 0
		}
		l.band, l.weight, l.root, l.first, l.requests = band, weight, 0, 0, 0
		q.inTurns[i] = absent
	}
	q.refill(stays)
}

// newLine is behind all others, so that it is lifted to them when it begins to
// wait.
func newLine(tenant int) line {
	l := line{tenant: uint16(tenant), counter: -far}
	l.turn.id = uint32(tenant)
	return l
}

// makeBands makes the configured bands, with what those of the same name were
// owed, and whose turn it was in them.
func (q *Queue) makeBands(old []band, same bool) {
	names := q.cfg.Bands
	if len(names) == 0 {
		names = []Band{{Name: "default"}}
	}
	q.bands = make([]band, len(names))
	for i := range names {
		b := &q.bands[i]
		b.cfg = names[i]
		b.order = lookup(q.cfg.Discipline).make(q, b)
		for j := range old {
			if old[j].cfg.Name != b.cfg.Name {
				continue
			}
			b.credit = old[j].credit
			if same {
				b.order.inherit(old[j].order)
			}
		}
	}
}

// refill puts all that waits into the lines and bands there are now. A line that
// stays where it was goes on, another one joins.
func (q *Queue) refill(stays []bool) {
	for id := 1; id < len(q.slots); id++ {
		s := &q.slots[id]
		if s.gen%2 == 0 {
			continue
		}
		l := &q.lines[s.item.Tenant]
		b := &q.bands[l.band]
		s.rank = b.order.rank(s.item.Deadline, s.item.Returned)
		q.put(l, uint32(id))
		q.inVictims[id] = absent
		q.count(b, uint32(id))
	}
	for i := range q.lines {
		l := &q.lines[i]
		if l.root == 0 {
			continue
		}
		b := &q.bands[l.band]
		if stays[i] {
			b.order.again(l)
		} else {
			b.order.join(l)
		}
		b.turns.push(l.turn, q.inTurns)
	}
	for i := range q.bands {
		if b := &q.bands[i]; b.requests == 0 {
			b.credit = 0
		}
	}
}
