package simulator

import (
	"slices"
	"sync"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// defaultLedger is how many attempts a Control remembers; they take 13 MB.
const defaultLedger = 100_000

// ledgerPage is how many attempts are allocated, and read, at a time: so neither holds up a deployment.
const ledgerPage = 1024

// ledger remembers the newest attempts at all deployments, in the order in which they ended, and counts all there were.
type ledger struct {
	mu        sync.Mutex // taken under the locks of deployments: never call one with it
	size      int
	pages     [][]item // a ring; what is not needed yet is not allocated
	total     int64
	tally     []tally // by deployment
	followers []*follower
}

// item is an attempt with what the ledger of a run has no need of.
type item struct {
	record.Attempt // its Backend is the deployment's place in the Control
	decision
}

// decision is what was known of a request when it was admitted or refused, and what became of its answer.
type decision struct {
	decided           bool // by the limiter, and not by a fault
	admitted          bool // there was an answer, or there was to be one
	streamed          bool
	choices           uint16
	remainingTokens   int32 // in the limiter afterwards; -1: not counted
	remainingRequests int32
	utilization       int32      // ppm; -1: not counted
	estimated         int32      // what was charged at admission
	first             tick.Units // admitted: from the plan to the first token, as planned in the end
	seen              int32      // tokens of each choice that came, without those of reasoning
}

// kept is an attempt with its number, from 1.
type kept struct {
	number int64
	item
}

func newLedger(size int) *ledger {
	return &ledger{size: size, pages: make([][]item, 0, (size+ledgerPage-1)/ledgerPage)}
}

// join makes room for a further deployment.
func (l *ledger) join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally = append(l.tally, newTally())
}

// add appends an attempt and pushes the oldest out of a full ledger.
func (l *ledger) add(a *item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := int(l.total % int64(l.size))
	if place/ledgerPage == len(l.pages) {
		l.pages = append(l.pages, make([]item, min(ledgerPage, l.size-place)))
	}
	if old := l.at(l.total); l.shows(l.total-int64(l.size), old) {
		l.tally[old.Backend].held--
	}
	*l.at(l.total) = *a
	l.total++
	l.tally[a.Backend].add(a)
	for _, f := range l.followers {
		f.nudge()
	}
}

// at returns the place of the attempt before which there were n.
func (l *ledger) at(n int64) *item {
	place := int(n % int64(l.size))
	return &l.pages[place/ledgerPage][place%ledgerPage]
}

// shows reports whether the attempt before which there were n is to be seen: there is one, and it has come since the last
// reset of its deployment.
func (l *ledger) shows(n int64, a *item) bool { return n >= 0 && n >= l.tally[a.Backend].forgotten }

// forget hides the attempts at a deployment that there are, and counts anew. Numbers go on.
func (l *ledger) forget(deployment int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally[deployment] = newTally()
	l.tally[deployment].forgotten = l.total
}

// counts returns how many attempts there were since the last reset, and how many of them are no longer kept.
func (l *ledger) counts() (total, pushedOut int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.tally {
		total += l.tally[i].count
		pushedOut += l.tally[i].count - l.tally[i].held
	}
	return total, pushedOut
}

// tallied returns a copy of the tally of each deployment, all of one instant.
func (l *ledger) tallied() (copies []tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.tally {
		copies = append(copies, l.tally[i].clone())
	}
	return copies
}

// newest returns the last attempts that match, at most limit of those there are at the call, the newest last, and how many
// there were in all. Attempts that are pushed out while it reads are left out.
func (l *ledger) newest(limit int, match func(*kept) bool) (found []kept, read int64) {
	l.mu.Lock()
	read = l.total
	l.mu.Unlock()
	page := make([]kept, 0, ledgerPage)
	for next := read; next > 0 && len(found) < limit; next -= ledgerPage {
		page, _, _ = l.between(max(next-ledgerPage, 0), next, page[:0])
		for i := len(page) - 1; i >= 0 && len(found) < limit; i-- {
			if match(&page[i]) {
				found = append(found, page[i])
			}
		}
	}
	slices.Reverse(found)
	return found, read
}

// between appends the attempts that show, from number from+1 to number to or the last, and returns that number and how many
// were pushed out before they could be read.
func (l *ledger) between(from, to int64, page []kept) (_ []kept, last, missed int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last = min(to, l.total)
	oldest := min(max(l.total-int64(l.size), from), last)
	for n := oldest; n < last; n++ {
		if a := l.at(n); l.shows(n, a) {
			page = append(page, kept{n + 1, *a})
		}
	}
	return page, last, oldest - from
}
