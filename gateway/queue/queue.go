// Package queue is where requests wait that no backend can take now, and says
// which of them goes next: by bands of priority with a minimum share each, among
// the tenants of a band by one of the disciplines of this package, a file each,
// and of one tenant by the earliest deadline. It is bounded in requests, bytes
// and time. It refuses clocks, and to know when a backend can take one.
package queue

import (
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Tenant is what the queue knows of a tenant.
type Tenant struct {
	Weight int64 // 1 to MaxWeight; what is outside counts as the nearest
	Band   int   // place in Config.Bands; what is outside counts as the nearest
}

// Bounds of what counts; what is outside counts as the nearest, so that sums
// stay far from overflow.
const (
	MaxCost   = 1 << 31
	MaxWeight = 1_000_000
	maxBytes  = 1 << 40
)

// Item is a request that waits.
type Item struct {
	Ref      record.Ref
	Cost     int64        // what it is charged, such as tokens: 1 to MaxCost
	Bytes    int64        // that it occupies
	Deadline tick.Instant // from here on it is too late; tick.Never: it only has the time that all have
	Tenant   uint16
	Returned bool // it was dispatched before; set by Return
}

// Handle names an item while it waits. Once it does not any more the handle is
// stale and names nothing, as the zero Handle does.
type Handle struct{ slot, gen uint32 }

// Verdict is what became of an item that was to wait.
type Verdict uint8

// The verdicts.
const (
	Queued        Verdict = iota
	Full                  // the queue has no room for one more
	FullBytes             // the queue has no room for its bytes
	BandFull              // its band has no room for one more
	BandFullBytes         // its band has no room for its bytes
	Late                  // its deadline has passed
)

func (v Verdict) String() string {
	return [...]string{"queued", "full", "full-bytes", "band-full", "band-full-bytes", "late"}[v]
}

// Queue is the waiting line of a gateway. Every operation costs O(log n) in what
// waits and allocates nothing once it has been as full before, Ahead and
// Reconfigure apart. A tenant beyond those it was told of is a mistake of the
// caller and panics. Not safe for concurrent use.
type Queue struct {
	cfg      *Config
	bands    []band
	lines    []line // by tenant
	slots    []slot
	free     []uint32
	expiry   heap // of slots, by deadline
	requests int
	bytes    int64
	seq      int64
	largest  int64 // cost of an item so far

	inExpiry, inVictims []int32 // where a slot stands in its heaps
	inTurns             []int32 // where a line stands among the turns of its band

	held   []int32 // tenants that are passed over
	passed []int32 // tenants of whose items some are

	chosen    heap   // memory of makeRoom
	displaced []Item // of which this many are
	handedOut int
}

// New returns an empty queue. cfg must be valid, and tenants are by dense id.
func New(cfg *Config, tenants []Tenant) *Queue {
	q := &Queue{slots: make([]slot, 1), inExpiry: []int32{absent}, inVictims: []int32{absent}}
	q.Reconfigure(cfg, tenants)
	return q
}

// Push lets an item wait, at most as long as its band allows. Where the queue is
// full, items of lower bands make room, see Displaced; where they cannot,
// nothing changes.
func (q *Queue) Push(now tick.Instant, it Item) (Verdict, Handle) {
	l := &q.lines[it.Tenant]
	b := &q.bands[l.band]
	it = bounded(it)
	it.Deadline, it.Returned = min(it.Deadline, now.Add(time.Duration(q.ttl(b)))), false
	if it.Deadline <= now {
		return Late, Handle{}
	}
	if v := b.full(it.Bytes); v != Queued {
		return v, Handle{}
	}
	if v := q.makeRoom(int(l.band), it.Bytes); v != Queued {
		return v, Handle{}
	}
	return Queued, q.add(it)
}

// Return lets an item wait again that was taken, since the backend refused it.
// It goes before all of its tenant that were not taken yet; bounds do not apply,
// and its deadline stays what it is. What it was charged the caller gives back
// with Adjust, before.
func (q *Queue) Return(_ tick.Instant, it Item) Handle {
	it = bounded(it)
	it.Returned = true
	return q.add(it)
}

func bounded(it Item) Item {
	it.Cost = min(max(it.Cost, 1), MaxCost)
	it.Bytes = min(max(it.Bytes, 0), maxBytes)
	return it
}

// add gives an item a slot and its places.
func (q *Queue) add(it Item) Handle {
	id := uint32(len(q.slots))
	if n := len(q.free); n > 0 {
		id, q.free = q.free[n-1], q.free[:n-1]
	} else {
		q.slots = append(q.slots, slot{})
		q.inExpiry, q.inVictims = append(q.inExpiry, absent), append(q.inVictims, absent)
	}
	q.seq++
	s := &q.slots[id]
	*s = slot{item: it, seq: q.seq, draw: draw(q.seq), gen: s.gen + 1}
	l := &q.lines[it.Tenant]
	s.rank = q.bands[l.band].order.rank(it.Deadline, it.Returned)
	q.largest = max(q.largest, it.Cost)
	q.requests++
	q.bytes += it.Bytes
	q.expiry.push(entry{int64(it.Deadline), s.seq, id}, q.inExpiry)
	q.put(l, id)
	q.joinBand(id)
	return Handle{id, s.gen}
}

// drop takes the item of a slot out of everything, and frees the slot.
func (q *Queue) drop(id uint32) {
	s := &q.slots[id]
	q.cut(&q.lines[s.item.Tenant], id)
	q.leaveBand(id)
	q.expiry.remove(id, q.inExpiry)
	q.requests--
	q.bytes -= s.item.Bytes
	s.gen++
	q.free = append(q.free, id)
}

// waits reports whether a handle's item still waits.
func (q *Queue) waits(h Handle) bool {
	return h.slot != 0 && int(h.slot) < len(q.slots) && q.slots[h.slot].gen == h.gen
}

// Peek returns who is served next; false: nobody waits who is not held. It changes nothing. What
// is due to expire at now is the caller's to Expire first.
func (q *Queue) Peek(_ tick.Instant) (Item, Handle, bool) {
	b := q.goesFirst()
	if b == nil {
		return Item{}, Handle{}, false
	}
	id := q.nextOf(b)
	return q.slots[id].item, Handle{id, q.slots[id].gen}, true
}

// Take removes an item that is dispatched, and charges its cost to its tenant
// and its band. A stale handle does nothing.
func (q *Queue) Take(_ tick.Instant, h Handle) {
	if !q.waits(h) {
		return
	}
	it := &q.slots[h.slot].item
	l := &q.lines[it.Tenant]
	b := &q.bands[l.band]
	q.account(b, it.Cost)
	b.order.take(l, it.Cost)
	q.drop(h.slot)
}

// Remove takes out an item whose client left, and reports whether it waited.
func (q *Queue) Remove(h Handle) bool {
	if !q.waits(h) {
		return false
	}
	q.drop(h.slot)
	return true
}

// Adjust charges a tenant and its band by delta more than Take did, or less:
// what was served turned out to cost that, or was served without waiting.
func (q *Queue) Adjust(tenant int, delta int64) {
	l := &q.lines[tenant]
	b := &q.bands[l.band]
	delta = min(max(delta, -MaxCost), MaxCost)
	q.account(b, delta)
	b.order.charge(l, delta)
	if l.root != 0 {
		b.order.again(l)
		b.turns.move(l.turn, q.inTurns)
	}
}

// NextExpiry is the earliest deadline, when Expire has work; or tick.Never.
func (q *Queue) NextExpiry() tick.Instant {
	if len(q.expiry) == 0 {
		return tick.Never
	}
	return tick.Instant(q.expiry[0].major)
}

// Expire removes and returns an item whose deadline has come, the earliest first
// and of equal ones the one that came first, until it returns false.
func (q *Queue) Expire(now tick.Instant) (Item, bool) {
	if now < q.NextExpiry() || len(q.expiry) == 0 {
		return Item{}, false
	}
	id := q.expiry[0].id
	it := q.slots[id].item
	q.drop(id)
	return it, true
}

// Len returns how many wait.
func (q *Queue) Len() int { return q.requests }

// Bytes returns how many bytes those who wait occupy.
func (q *Queue) Bytes() int64 { return q.bytes }

// LenOf returns how many of a tenant wait.
func (q *Queue) LenOf(tenant int) int { return q.lines[tenant].requests }

// LenAbove returns how many wait in bands higher than the one of that place.
func (q *Queue) LenAbove(band int) int {
	n := 0
	for i := range q.bands[:min(band, len(q.bands))] {
		n += q.bands[i].requests
	}
	return n
}

// TTL returns how long a tenant's requests may wait at most.
func (q *Queue) TTL(tenant int) time.Duration {
	return time.Duration(q.ttl(&q.bands[q.lines[tenant].band]))
}
