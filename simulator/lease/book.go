package lease

import (
	"time"

	"foundrylab/internal/tick"
)

// Book is the shared state in memory: what an implementation elsewhere must do,
// to the unit. Time is its caller's, in whole microseconds as a server's clock
// gives it. Not safe for concurrent use.
type Book struct {
	epoch    uint64
	replicas map[string]tick.Instant // latest call
	names    []string
	pages    [Meters]page
}

// page is what counts of one meter.
type page struct {
	used  int64
	slot  int64           // windows: the present one; Sliding: the oldest that counts
	slots map[int64]int64 // Sliding: units by slot
	at    int64           // Bucket: drained until then
	carry int64           // Bucket: undrained rest, in 1/60,000,000 units
}

// NewBook returns an empty state. The epoch tells it from every other; not 0.
func NewBook(epoch uint64) *Book {
	b := &Book{epoch: epoch, replicas: map[string]tick.Instant{}}
	for i := range b.pages {
		b.pages[i].slots = map[int64]int64{}
	}
	return b
}

// Slots of a Sliding meter are a hundredth of its period.
func (m *Meter) slotSize() int64 { return max(int64(m.Period/time.Microsecond)/100, 1) }

// Exchange answers a call of a replica.
func (b *Book) Exchange(now tick.Instant, replica string, c *Call) Reply {
	r := Reply{Epoch: b.epoch, Replicas: b.heard(now, replica)}
	if c.Epoch != 0 && c.Epoch != b.epoch {
		return r
	}
	us := int64(now) / int64(time.Microsecond)
	for i := range c.Lines {
		l := &c.Lines[i]
		switch {
		case l.Name == "":
		case l.Kind == Bucket:
			r.Lines[i] = b.pages[i].bucket(us, l, r.Replicas)
		case l.Kind == Sliding:
			r.Lines[i] = b.pages[i].sliding(us, l, r.Replicas)
		default:
			r.Lines[i] = b.pages[i].fixed(us, l, r.Replicas)
		}
	}
	return r
}

// heard notes a replica and counts those that were heard of lately.
func (b *Book) heard(now tick.Instant, replica string) (n int64) {
	if _, known := b.replicas[replica]; !known {
		b.names = append(b.names, replica)
	}
	b.replicas[replica] = now
	for _, name := range b.names {
		if now.Sub(b.replicas[name]) < Forget {
			n++
		}
	}
	return n
}

// given returns how much of what is free a line gets: all that waits for it if
// there is so much, and what is foreseen within half of an even share of what
// is left, so that nobody's foresight takes what others need at once.
func (l *Line) given(free, replicas int64) int64 {
	fair := (free + 2*replicas - 1) / (2 * replicas)
	n := min(free, max(l.Need, min(l.Want, fair)))
	if n < l.Least {
		return 0
	}
	return n
}

func (p *page) fixed(us int64, l *Line, replicas int64) (g Given) {
	period := int64(l.Period / time.Microsecond)
	if slot := us / period; p.slot != slot {
		p.slot, p.used = slot, 0
	}
	for _, back := range l.Back {
		if back.Slot == p.slot {
			p.used -= back.N
		}
	}
	p.used += l.Count
	if l.Kind == Fixed {
		g.N = l.given(max(l.Limit-p.used, 0), replicas)
		p.used += g.N
	}
	g.Slot, g.Used = p.slot, p.used
	g.Left = time.Duration((p.slot+1)*period-us) * time.Microsecond
	if p.used+l.Wait > l.Limit {
		g.Wait = g.Left
	}
	return g
}

func (p *page) sliding(us int64, l *Line, replicas int64) (g Given) {
	period, size := int64(l.Period/time.Microsecond), l.slotSize()
	for p.used > 0 && (p.slot+1)*size+period <= us {
		p.used -= p.slots[p.slot]
		delete(p.slots, p.slot)
		p.slot++
	}
	if p.used == 0 {
		clear(p.slots)
		p.slot = us / size
	}
	for _, back := range l.Back {
		if back.N > 0 && back.Slot >= p.slot {
			p.put(back.Slot, -back.N)
		}
	}
	p.put(us/size, l.Count)
	g.N = l.given(max(l.Limit-p.used, 0), replicas)
	g.Slot = (us + int64(Life/time.Microsecond)) / size
	p.put(g.Slot, g.N)
	g.Used = p.used
	left, slot := p.used, p.slot
	for left > 0 && left+l.Wait > l.Limit {
		left -= p.slots[slot]
		slot++
		g.Wait = time.Duration(slot*size+period-us) * time.Microsecond
	}
	return g
}

func (p *page) put(slot, n int64) {
	if n != 0 {
		p.slots[slot] += n
		p.used += n
	}
}

func (p *page) bucket(us int64, l *Line, replicas int64) (g Given) {
	p.drain(us, l.Drain)
	for _, back := range l.Back {
		p.used -= back.N
	}
	p.used = max(p.used+l.Count, 0)
	if p.used <= l.Limit {
		g.N = max(l.Least, l.given(l.Limit-p.used, replicas))
		p.used += g.N
	}
	g.Used = p.used
	if over := p.used - l.Limit; over > 0 {
		s := over * 60 / l.Drain
		rest := (over*60%l.Drain)*1_000_000 - p.carry
		g.Wait = time.Duration(s*1_000_000+(rest+l.Drain-1)/l.Drain) * time.Microsecond
	}
	return g
}

// drain takes out what has drained since the last time, an hour's at most, and
// carries the rest.
func (p *page) drain(us, perMinute int64) {
	dt := min(us-p.at, 3600*1_000_000)
	p.at = us
	whole := perMinute * (dt / 1_000_000)
	rest := whole%60*1_000_000 + perMinute*(dt%1_000_000) + p.carry
	p.used -= whole/60 + rest/60_000_000
	if p.carry = rest % 60_000_000; p.used <= 0 {
		p.used, p.carry = 0, 0
	}
}

// Epoch returns what tells this state from every other.
func (b *Book) Epoch() uint64 { return b.epoch }
