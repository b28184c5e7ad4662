// Package store remembers what a resource keeps for its callers: entries by id, each of which may build upon another.
//
// It owns what is found when: not before it is visible, not after its retention, not once it had to give way. It refuses
// to know what an entry is. Pure: the time is an argument, and never falls. Not safe for concurrent use.
package store

import (
	"container/list"
	"time"

	"foundrylab/internal/tick"
)

// Bounds are what a Store holds at most; what was put first gives way first.
type Bounds struct {
	Count     int           // entries, at least 1
	Bytes     int64         // of all entries together; the newest entry stays, however large
	Retention time.Duration // from when it was put
}

// Entry is one thing that is kept.
type Entry[V any] struct {
	ID       string
	Previous string       // what it builds upon; "" for nothing
	Visible  tick.Instant // nobody finds it before
	Bytes    int64        // that it takes, not negative
	Value    V

	put tick.Instant
}

// Store holds entries. Every method is O(1) but for DeleteFunc and for what it removes, which happens once for each entry.
type Store[V any] struct {
	bounds Bounds
	byID   map[string]*list.Element // of *Entry[V]
	order  *list.List               // as they were put
	bytes  int64
}

// New returns an empty Store.
func New[V any](b Bounds) *Store[V] {
	return &Store[V]{bounds: b, byID: map[string]*list.Element{}, order: list.New()}
}

// Put keeps an entry from now on; it takes the place of one with the same id.
func (s *Store[V]) Put(now tick.Instant, e Entry[V]) {
	if old, found := s.byID[e.ID]; found {
		s.remove(old)
	}
	e.put = now
	s.byID[e.ID] = s.order.PushBack(&e)
	s.bytes += e.Bytes
	s.expire(now)
	for s.order.Len() > 1 && (s.order.Len() > s.bounds.Count || s.bytes > s.bounds.Bytes) {
		s.remove(s.order.Front())
	}
}

// Get returns the entry of an id that is found now.
func (s *Store[V]) Get(now tick.Instant, id string) (V, bool) {
	if e := s.find(now, id); e != nil && now >= e.Visible {
		return e.Value, true
	}
	var none V
	return none, false
}

// Delete forgets an entry that is found now, or reports that there is none.
func (s *Store[V]) Delete(now tick.Instant, id string) bool {
	if e := s.find(now, id); e == nil || now < e.Visible {
		return false
	}
	s.remove(s.byID[id])
	return true
}

// DeleteFunc forgets every entry whose value it is true of, visible or not. O(entries).
func (s *Store[V]) DeleteFunc(of func(V) bool) {
	for at := s.order.Front(); at != nil; {
		next := at.Next()
		if of(at.Value.(*Entry[V]).Value) {
			s.remove(at)
		}
		at = next
	}
}

// Chain returns what an entry that is found now builds upon, oldest first, with the entry itself as the last: so many
// entries at most, and no further than to one that is gone. Whether an earlier one is visible does not matter. O(most).
func (s *Store[V]) Chain(now tick.Instant, id string, most int) (chain []V, found bool) {
	if _, found = s.Get(now, id); !found {
		return nil, false
	}
	for e := s.find(now, id); e != nil && len(chain) < most; e = s.find(now, e.Previous) {
		chain = append(chain, e.Value)
	}
	for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
		chain[i], chain[j] = chain[j], chain[i]
	}
	return chain, true
}

// Held returns how many entries there are, and their bytes; those whose retention is over may be among them.
func (s *Store[V]) Held() (count int, bytes int64) { return s.order.Len(), s.bytes }

func (s *Store[V]) find(now tick.Instant, id string) *Entry[V] {
	s.expire(now)
	at, found := s.byID[id]
	if !found {
		return nil
	}
	return at.Value.(*Entry[V])
}

// expire removes those whose retention is over: they were put first.
func (s *Store[V]) expire(now tick.Instant) {
	for first := s.order.Front(); first != nil && now.Sub(first.Value.(*Entry[V]).put) >= s.bounds.Retention; first = s.order.Front() {
		s.remove(first)
	}
}

func (s *Store[V]) remove(at *list.Element) {
	e := s.order.Remove(at).(*Entry[V])
	delete(s.byID, e.ID)
	s.bytes -= e.Bytes
}
