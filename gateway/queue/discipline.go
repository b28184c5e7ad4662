package queue

import (
	"fmt"
	"math"

	"foundrylab/internal/tick"
)

// order decides whose turn it is among the lines of one band: the one with
// the least turn. It keeps the turn of every line that waits, and what it must
// remember of one that does not.
type order interface {
	// rank orders the items of one line, the least first; equal ones go by
	// arrival.
	rank(deadline tick.Instant, returned bool) int64
	// join gives a line its turn that begins to wait.
	join(l *line)
	// take charges a line for its item that is served now, still its first.
	take(l *line, cost int64)
	// charge corrects by cost what a line was charged for; it may wait or not.
	charge(l *line, cost int64)
	// again gives a line its turn that waits on, with another first item perhaps.
	again(l *line)
	// leave is told when nothing more waits of a line.
	leave(l *line)
	// ahead is the cost that is served of the band before an item of that cost
	// which joined l now, behind what l has waiting.
	ahead(l *line, cost int64) int64
	// inherit takes over what the same discipline kept of the band before the
	// queue was configured anew.
	inherit(old order)
}

// Discipline is one row of the table of disciplines.
type Discipline struct {
	Name string
	Help string
	make func(q *Queue, b *band) order
}

// Disciplines lists every discipline; adding one is a file, a line here and its
// name in Config's enum.
var Disciplines = []Discipline{
	{"vtc", "Virtual token counters: the tenant that has had least for its weight goes first; whoever comes back from idling starts level with the others.", newVTC},
	{"drr", "Deficit round robin: each tenant in turn is served up to a quantum times its weight, and keeps what it could not use until its line is empty.", newDRR},
	{"fifo", "By arrival, whichever tenant sent it: what a gateway without fair shares does.", newFIFO},
}

func lookup(name string) Discipline {
	for _, d := range Disciplines {
		if d.Name == name {
			return d
		}
	}
	panic(fmt.Sprintf("queue: unknown discipline %q", name))
}

// byDeadline ranks the earliest deadline first, and before all others what was
// dispatched once.
func byDeadline(deadline tick.Instant, returned bool) int64 {
	if returned {
		return int64(deadline) + math.MinInt64
	}
	return int64(deadline)
}

// far is where counters are brought back to the origin, long before they
// overflow; and the farthest that one may lie behind it.
const far = 1 << 61

// rebase moves the origin of a band's turns to base: of all its lines, waiting
// or not, so that their differences stay.
func (q *Queue) rebase(b *band, base int64) {
	for i := range b.turns {
		b.turns[i].major -= base
	}
	for i := range q.lines {
		if l := &q.lines[i]; &q.bands[l.band] == b {
			l.turn.major = max(l.turn.major, -far) - base
			l.counter = max(l.counter-base, -far)
			l.visited = max(l.visited-base, -far)
		}
	}
}
