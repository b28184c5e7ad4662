package queue

import (
	"cmp"
	"slices"
	"time"

	"foundrylab/internal/tick"
)

// dumb is the queue once more, as plainly as it can be said: a list of items,
// and every question answered by going through it. Round robin walks the rounds.
type dumb struct {
	cfg     *Config
	tenants []dumbTenant
	bands   []dumbBand
	items   []dumbItem
	seq     int64
	largest int64
	gone    []Item // displaced
}

type dumbItem struct {
	Item
	seq int64
}

type dumbTenant struct {
	Tenant
	units   int64 // vtc: counter times weight, the remainder with it
	deficit int64
	joined  int64 // drr: place in the round
}

type dumbBand struct {
	start  int64 // vtc: counter of who was served last, before that
	place  int64 // drr: the place in the round of the visit that goes on
	joins  int64
	credit int64
}

func newDumb(cfg *Config, tenants []Tenant) *dumb {
	d := &dumb{cfg: cfg, bands: make([]dumbBand, len(cfg.Bands))}
	for _, t := range tenants {
		d.tenants = append(d.tenants, dumbTenant{Tenant: t, units: -(1 << 50) * t.Weight})
	}
	return d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// line returns what waits of a tenant, in its order.
func (d *dumb) line(tenant int) []dumbItem {
	var line []dumbItem
	for _, it := range d.items {
		if int(it.Tenant) == tenant {
			line = append(line, it)
		}
	}
	slices.SortFunc(line, func(a, b dumbItem) int {
		switch {
		case a.Returned != b.Returned && a.Returned:
			return -1
		case a.Returned != b.Returned:
			return 1
		case d.cfg.Discipline != "fifo" && a.Deadline != b.Deadline:
			return cmp.Compare(a.Deadline, b.Deadline)
		}
		return cmp.Compare(a.seq, b.seq)
	})
	return line
}

func (d *dumb) counter(t int) int64 { return floorDiv(d.tenants[t].units, d.tenants[t].Weight) }

// lift brings a counter up to least and keeps the remainder.
func (d *dumb) lift(t int, least int64) {
	if up := least - d.counter(t); up > 0 {
		d.tenants[t].units += up * d.tenants[t].Weight
	}
}

// waiting returns the tenants of a band that wait, by id.
func (d *dumb) waiting(band int) []int {
	var ids []int
	for t := range d.tenants {
		if d.tenants[t].Band == band && len(d.line(t)) > 0 {
			ids = append(ids, t)
		}
	}
	return ids
}

func (d *dumb) inBand(band int) (n int, bytes int64) {
	for _, it := range d.items {
		if d.tenants[it.Tenant].Band == band {
			n++
			bytes += it.Bytes
		}
	}
	return n, bytes
}

// turn returns whose turn it is in a band where somebody waits; commit moves
// round robin there.
func (d *dumb) turn(band int, commit bool) int {
	ids := d.waiting(band)
	switch d.cfg.Discipline {
	case "vtc":
		return slices.MinFunc(ids, func(a, b int) int { return cmp.Compare(d.counter(a), d.counter(b)) })
	case "fifo":
		return slices.MinFunc(ids, func(a, b int) int {
			x, y := d.line(a)[0], d.line(b)[0]
			if x.Returned != y.Returned {
				if x.Returned {
					return -1
				}
				return 1
			}
			return cmp.Compare(x.seq, y.seq)
		})
	}
	return d.walk(band, commit)
}

// walk visits one tenant of the band after the other until one can be served.
func (d *dumb) walk(band int, commit bool) int {
	deficit := map[int]int64{}
	var ring []int
	for t := range d.tenants {
		if d.tenants[t].Band == band {
			ring = append(ring, t)
			deficit[t] = d.tenants[t].deficit
		}
	}
	slices.SortStableFunc(ring, func(a, b int) int { return cmp.Compare(d.tenants[a].joined, d.tenants[b].joined) })
	at := d.bands[band].place
	found := -1
	for _, t := range ring { // a visit that goes on
		if line := d.line(t); d.tenants[t].joined == at && len(line) > 0 && line[0].Cost <= deficit[t] {
			found = t
		}
	}
	next, _ := slices.BinarySearchFunc(ring, at+1, func(t int, at int64) int { return cmp.Compare(d.tenants[t].joined, at) })
	for i := next; found < 0; i++ {
		t := ring[i%len(ring)]
		each := int64(d.cfg.Quantum) * d.tenants[t].Weight
		line := d.line(t)
		if len(line) == 0 { // only works off its debt
			if deficit[t] < 0 {
				deficit[t] = min(deficit[t]+each, 0)
			}
			continue
		}
		if deficit[t] += each; line[0].Cost <= deficit[t] {
			found, at = t, d.tenants[t].joined
		}
	}
	if commit {
		d.bands[band].place = at
		for t, v := range deficit {
			d.tenants[t].deficit = v
		}
	}
	return found
}

// begin is called for a tenant before its first item comes.
func (d *dumb) begin(it Item) {
	t := &d.tenants[it.Tenant]
	if len(d.line(int(it.Tenant))) > 0 {
		return
	}
	b := &d.bands[t.Band]
	d.lift(int(it.Tenant), b.start)
	most := int64(0)
	if it.Returned {
		most = it.Cost
	}
	t.deficit = min(t.deficit, most)
	b.joins++
	t.joined = b.joins
}

func (d *dumb) add(it Item) int64 {
	d.begin(it)
	d.seq++
	d.largest = max(d.largest, it.Cost)
	d.items = append(d.items, dumbItem{it, d.seq})
	return d.seq
}

// drop takes an item out, and lets its tenant leave the band.
func (d *dumb) drop(seq int64) Item {
	i := slices.IndexFunc(d.items, func(it dumbItem) bool { return it.seq == seq })
	it := d.items[i].Item
	d.items = slices.Delete(d.items, i, i+1)
	t := &d.tenants[it.Tenant]
	if len(d.line(int(it.Tenant))) > 0 {
		return it
	}
	t.deficit = min(t.deficit, 0)
	if len(d.waiting(t.Band)) == 0 {
		d.bands[t.Band].credit = 0
	}
	return it
}

func (d *dumb) push(now tick.Instant, it Item) (Verdict, int64) {
	band := d.tenants[it.Tenant].Band
	cfg := d.cfg.Bands[band]
	ttl := cfg.TTL
	if ttl == 0 {
		ttl = d.cfg.TTL
	}
	it.Deadline = min(it.Deadline, now.Add(time.Duration(ttl)))
	n, bytes := d.inBand(band)
	switch {
	case it.Deadline <= now:
		return Late, 0
	case cfg.MaxRequests > 0 && n+1 > cfg.MaxRequests:
		return BandFull, 0
	case cfg.MaxBytes > 0 && bytes+it.Bytes > int64(cfg.MaxBytes):
		return BandFullBytes, 0
	}
	if v := d.makeRoom(band, it.Bytes); v != Queued {
		return v, 0
	}
	return Queued, d.add(it)
}

func (d *dumb) bytes() (sum int64) {
	for _, it := range d.items {
		sum += it.Bytes
	}
	return sum
}

func (d *dumb) makeRoom(band int, bytes int64) Verdict {
	fits := func(n int, had int64) bool {
		return n+1 <= d.cfg.MaxRequests && had+bytes <= int64(d.cfg.MaxBytes)
	}
	n, had := len(d.items), d.bytes()
	if fits(n, had) {
		return Queued
	}
	lower := slices.DeleteFunc(slices.Clone(d.items), func(it dumbItem) bool { return d.tenants[it.Tenant].Band <= band })
	slices.SortFunc(lower, func(a, b dumbItem) int {
		return cmp.Or(cmp.Compare(d.tenants[b.Tenant].Band, d.tenants[a.Tenant].Band), cmp.Compare(b.Deadline, a.Deadline), cmp.Compare(b.seq, a.seq))
	})
	for i, it := range lower[:min(len(lower), maxDisplaced)] {
		n--
		if had -= it.Bytes; fits(n, had) {
			for _, it := range lower[:i+1] {
				d.gone = append(d.gone, d.drop(it.seq))
			}
			return Queued
		}
	}
	if len(d.items)+1 > d.cfg.MaxRequests {
		return Full
	}
	return FullBytes
}

func (d *dumb) peek() (dumbItem, bool) {
	if len(d.items) == 0 {
		return dumbItem{}, false
	}
	for band := len(d.bands) - 1; band > 0; band-- {
		if len(d.waiting(band)) == 0 || d.cfg.Bands[band].MinShare == 0 {
			continue
		}
		if it := d.line(d.turn(band, false))[0]; d.bands[band].credit >= it.Cost*1_000_000 {
			return it, true
		}
	}
	for band := range d.bands {
		if len(d.waiting(band)) > 0 {
			return d.line(d.turn(band, false))[0], true
		}
	}
	panic("somebody waits in no band")
}

func (d *dumb) account(served int, cost int64) {
	for i := range d.bands {
		b, share := &d.bands[i], int64(d.cfg.Bands[i].MinShare)
		if share == 0 || len(d.waiting(i)) == 0 {
			continue
		}
		b.credit += cost * share
		if i == served {
			b.credit -= cost * 1_000_000
		}
		b.credit = min(max(b.credit, 0), int64(len(d.bands)+1)*d.largest*1_000_000)
	}
}

func (d *dumb) charge(tenant int, cost int64) {
	t := &d.tenants[tenant]
	idle := len(d.waiting(t.Band)) == 0
	if len(d.line(tenant)) == 0 {
		d.lift(tenant, d.bands[t.Band].start)
	}
	if b := &d.bands[t.Band]; idle && cost > 0 {
		b.start = max(b.start, d.counter(tenant))
	}
	t.units += cost * scale
	if !idle || cost < 0 {
		t.deficit -= cost
	}
}

func (d *dumb) take(seq int64) {
	i := slices.IndexFunc(d.items, func(it dumbItem) bool { return it.seq == seq })
	it := d.items[i]
	band := d.tenants[it.Tenant].Band
	d.account(band, it.Cost)
	if d.turn(band, false) == int(it.Tenant) {
		d.turn(band, true)
		d.bands[band].start = max(d.bands[band].start, d.counter(int(it.Tenant)))
	}
	d.charge(int(it.Tenant), it.Cost)
	d.drop(seq)
}

func (d *dumb) giveBack(it Item) int64 {
	it.Returned = true
	return d.add(it)
}

func (d *dumb) adjust(tenant int, delta int64) {
	d.account(d.tenants[tenant].Band, delta)
	d.charge(tenant, delta)
}

// reconfigure takes other weights and bounds; bands stay.
func (d *dumb) reconfigure(cfg *Config, tenants []Tenant) {
	d.cfg = cfg
	for i := range d.tenants {
		if len(d.line(i)) == 0 {
			d.lift(i, d.bands[tenants[i].Band].start)
		}
		if t := &d.tenants[i]; t.Weight != tenants[i].Weight {
			t.units = d.counter(i) * tenants[i].Weight
			t.Weight = tenants[i].Weight
		}
	}
}

// expire returns the item whose deadline came first, if it has come.
func (d *dumb) expire(now tick.Instant) (Item, bool) {
	if len(d.items) == 0 {
		return Item{}, false
	}
	it := slices.MinFunc(d.items, func(a, b dumbItem) int {
		return cmp.Or(cmp.Compare(a.Deadline, b.Deadline), cmp.Compare(a.seq, b.seq))
	})
	if it.Deadline > now {
		return Item{}, false
	}
	return d.drop(it.seq), true
}
