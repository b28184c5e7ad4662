package simulator

import (
	"slices"
	"sync"

	"foundrylab/internal/record"
)

// defaultLedger is how many attempts a Server remembers; they take 9 MB.
const defaultLedger = 100_000

// ledgerPage is how many attempts are allocated, and read, at a time: so neither holds up a deployment.
const ledgerPage = 1024

// ledger remembers the newest attempts at all deployments, in the order in which they ended, and counts all there were.
type ledger struct {
	mu    sync.Mutex // taken under the locks of deployments: never call one with it
	size  int
	pages [][]record.Attempt // a ring; what is not needed yet is not allocated
	total int64
	tally []tally // by deployment
}

// kept is an attempt with its number, from 1.
type kept struct {
	number int64
	record.Attempt
}

func newLedger(size, deployments int) *ledger {
	l := &ledger{size: size, pages: make([][]record.Attempt, 0, (size+ledgerPage-1)/ledgerPage)}
	for range deployments {
		l.tally = append(l.tally, tally{ends: map[end]int64{}})
	}
	return l
}

// add appends an attempt and pushes the oldest out of a full ledger.
func (l *ledger) add(a *record.Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := int(l.total % int64(l.size))
	if place/ledgerPage == len(l.pages) {
		l.pages = append(l.pages, make([]record.Attempt, min(ledgerPage, l.size-place)))
	}
	*l.at(l.total) = *a
	l.total++
	l.tally[a.Backend].add(a)
}

// at returns the place of the attempt before which there were n.
func (l *ledger) at(n int64) *record.Attempt {
	place := int(n % int64(l.size))
	return &l.pages[place/ledgerPage][place%ledgerPage]
}

// counts returns how many attempts there were, and how many of them are no longer kept.
func (l *ledger) counts() (total, pushedOut int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, max(l.total-int64(l.size), 0)
}

// tallied returns how many attempts there were, and a copy of the tally of each deployment at that instant.
func (l *ledger) tallied() (total int64, copies []tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.tally {
		copies = append(copies, l.tally[i].clone())
	}
	return l.total, copies
}

// newest returns the last attempts that match, at most limit of those there are at the call, the newest last. Attempts
// that are pushed out while it reads are left out.
func (l *ledger) newest(limit int, match func(*record.Attempt) bool) []kept {
	var found []kept
	page := make([]record.Attempt, 0, ledgerPage)
	next, _ := l.counts()
	for len(found) < limit {
		if page = l.before(next, page[:0]); len(page) == 0 {
			break
		}
		for i := len(page) - 1; i >= 0 && len(found) < limit; i-- {
			if match(&page[i]) {
				found = append(found, kept{next - int64(len(page)-1-i), page[i]})
			}
		}
		next -= int64(len(page))
	}
	slices.Reverse(found)
	return found
}

// before appends a page of the attempts that come before number next+1, as far as they are kept.
func (l *ledger) before(next int64, page []record.Attempt) []record.Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := max(next-ledgerPage, l.total-int64(l.size), 0); n < next; n++ {
		page = append(page, *l.at(n))
	}
	return page
}
