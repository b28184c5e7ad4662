// Package lease is one replica's part in limits that several replicas share, as
// a pure state machine. A replica leases small parts of every limit from the
// shared state ahead of need and admits from them at once. A request that they
// do not hold waits, for a bounded time, until more was asked for; it is
// refused only when the shared limit is used up. While the shared state is away
// the replica goes on alone, as it is told to.
//
// Leases are counted as used from the moment they are given, and for as long as
// the last unit of them could count: so no window admits more than its limit,
// and what is given back is given back exactly. It refuses clocks, sockets and
// to know what a unit is. Book is the other side.
package lease

import (
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Kind says how a limit counts.
type Kind uint8

// The kinds of limits. The clock is the shared state's.
const (
	Fixed   Kind = iota // up to Limit units between two multiples of Period
	Sliding             // up to Limit units in every span of Period, to a hundredth of it
	Bucket              // drains Drain units a minute; takes anything while it holds at most Limit
	Tally               // counts as Fixed does, and refuses nothing
)

// Meter is one limit that is shared.
type Meter struct {
	Name   string // "": there is none
	Kind   Kind
	Limit  int64
	Period time.Duration // not of a Bucket
	Drain  int64         // of a Bucket: units a minute
	Reason record.Reason // of its refusals
}

// Meters is the most limits that one Machine shares.
const Meters = 4

// Amounts are units of every meter, by its place.
type Amounts [Meters]int64

// Away says what a replica does while the shared state is out of reach.
type Away uint8

// The ways to go on alone.
const (
	LocalShare Away = iota // with the limit divided by the replicas last known
	Closed                 // refuse everything
	Open                   // admit everything
)

// Options are what a Machine is made with. Only Meters is required.
type Options struct {
	Meters   []Meter
	Away     Away
	Patience time.Duration // longest wait of a request for an answer of the shared state; 0: 20 ms
	Queue    int           // most requests that wait at once; 0: 4096
}

// The rhythm of a replica.
const (
	Life      = 200 * time.Millisecond // of a lease: afterwards what is left of it goes back
	Heartbeat = time.Second            // longest time between two calls
	Forget    = 3 * Heartbeat          // a replica that has not called for so long is none
	interval  = 100 * time.Millisecond // what is asked for ahead is the demand of one interval
	pace      = 20 * time.Millisecond  // least time between calls that nobody waits for; an answer is good for so long
	probe     = 100 * time.Millisecond // between calls while the shared state is away
	grace     = Heartbeat              // alone with a state that came back empty, so that the others report before more is given
)

// Machine is one replica. Not safe for concurrent use: its driver serialises.
type Machine struct {
	opt      Options
	meters   []meter
	waiting  []waiter // oldest first
	inFlight bool
	called   tick.Instant // the latest call
	replied  tick.Instant // the latest answer; 0: none yet
	replicas int64        // as last known, this one included; at least 1
	epoch    uint64       // of the shared state that it joined; 0: none yet

	away    bool
	since   tick.Instant // of away
	probeAt tick.Instant // away: the next call
	recount bool         // the state came back empty: report all that still counts
	alone   tick.Instant // away, and answers come again: until then it stays so; 0: none has come

	stats Stats
}

// waiter is a request that waits for an answer of the shared state.
type waiter struct {
	ref   record.Ref
	cost  Amounts
	until tick.Instant
}

// Verdict answers one Reserve. Reason is NoReason where it was granted.
type Verdict struct {
	Ref    record.Ref
	Reason record.Reason
	Wait   time.Duration // refused: until a lone request for as much is admitted, as far as is known
	Left   Amounts       // of each meter, shared, as Left has it
}

// Stats count what a Machine did. Away is the time without the shared state
// until the latest event.
type Stats struct {
	Replicas  int64
	Calls     int64 // answered
	Failures  int64
	Waited    int64 // requests that had to wait
	Leased    Amounts
	Returned  Amounts
	Held      Amounts // leased and unused now
	Connected bool
	Away      time.Duration
}

// New returns a replica that has not called yet. opt must be valid.
func New(opt Options, now tick.Instant) *Machine {
	if opt.Patience == 0 {
		opt.Patience = pace
	}
	if opt.Queue == 0 {
		opt.Queue = 4096
	}
	m := &Machine{opt: opt, replicas: 1, called: now.Add(-Heartbeat)}
	for _, of := range opt.Meters {
		m.meters = append(m.meters, newMeter(of, now))
	}
	return m
}

// Resize gives the meters other limits; what is used stays used. Meters of
// other kinds begin anew, without what was leased.
func (m *Machine) Resize(now tick.Instant, to []Meter) {
	m.roll(now)
	if !m.alike(to) {
		m.meters = m.meters[:0]
		for _, of := range to {
			m.meters = append(m.meters, newMeter(of, now))
		}
		m.replied = 0
		return
	}
	for i := range to {
		m.meters[i].resize(to[i])
	}
}

func (m *Machine) alike(to []Meter) bool {
	if len(to) != len(m.meters) {
		return false
	}
	for i := range to {
		if of := m.meters[i].Meter; of.Kind != to[i].Kind || of.Period != to[i].Period {
			return false
		}
	}
	return true
}

// Away reports whether the replica goes on alone.
func (m *Machine) Away() bool { return m.away }

// Stats returns what was done until now.
func (m *Machine) Stats(now tick.Instant) Stats {
	m.roll(now)
	s := m.stats
	s.Replicas, s.Connected = m.replicas, !m.away && m.replied != 0
	if m.away {
		s.Away += now.Sub(m.since)
	}
	for i := range m.meters {
		s.Held[i] = m.meters[i].held()
	}
	return s
}

// roll brings every meter to now.
func (m *Machine) roll(now tick.Instant) {
	for i := range m.meters {
		m.meters[i].roll(now)
	}
}
