package simulator

import (
	"slices"
	"sync"
	"testing"

	"foundrylab/internal/record"
)

func every(*kept) bool { return true }

func testLedger(size int) *ledger {
	l := newLedger(size)
	l.join()
	return l
}

// A ledger holds the newest attempts and no more, whatever its size is beside a page's.
func TestLedgerRing(t *testing.T) {
	tests := []struct{ size, added, limit int }{
		{1, 0, 5}, {1, 1, 5}, {1, 7, 5}, {3, 2, 5}, {3, 3, 3}, {3, 8, 2},
		{ledgerPage, ledgerPage, 2 * ledgerPage}, {ledgerPage, ledgerPage + 1, 2 * ledgerPage}, {ledgerPage + 1, 3 * ledgerPage, 2 * ledgerPage},
		{3*ledgerPage - 1, 10 * ledgerPage, 4 * ledgerPage}, {3*ledgerPage - 1, 10*ledgerPage + 7, ledgerPage + 5},
	}
	for _, tt := range tests {
		l := testLedger(tt.size)
		var all []kept
		for n := range tt.added {
			k := kept{int64(n + 1), item{Attempt: record.Attempt{Key: uint64(n + 1)}}}
			l.add(&k.item)
			all = append(all, k)
		}
		left := all[max(len(all)-tt.size, 0):]
		want := left[max(len(left)-tt.limit, 0):]
		if got, _ := l.newest(tt.limit, every); !slices.Equal(got, want) {
			t.Errorf("%+v: %d entries, want %d, or others", tt, len(got), len(want))
		}
		odd := func(a *kept) bool { return a.Key%2 == 1 }
		left = slices.DeleteFunc(slices.Clone(left), func(k kept) bool { return !odd(&k) })
		want = left[max(len(left)-tt.limit, 0):]
		if got, _ := l.newest(tt.limit, odd); !slices.Equal(got, want) {
			t.Errorf("%+v: %d odd entries, want %d, or others", tt, len(got), len(want))
		}
		held := 0
		for _, page := range l.pages {
			held += len(page)
		}
		total, pushedOut := l.counts()
		if held > tt.size || total != int64(tt.added) || pushedOut != int64(max(tt.added-tt.size, 0)) {
			t.Errorf("%+v: room for %d, %d in all, %d pushed out", tt, held, total, pushedOut)
		}
	}
}

// What is read while others write is a run of numbers without a gap.
func TestLedgerReadWhileWritten(t *testing.T) {
	l := testLedger(2*ledgerPage + 100)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 * ledgerPage {
				l.add(&item{Attempt: record.Attempt{Key: 1}})
			}
		})
	}
	for range 50 {
		found, _ := l.newest(l.size, every)
		for i := range found {
			if found[i].Key != 1 || found[i].number != found[0].number+int64(i) {
				t.Fatalf("%d of %d: %+v after %+v", i, len(found), found[i], found[0])
			}
		}
	}
	wg.Wait()
	if total, _ := l.counts(); total != 20*ledgerPage {
		t.Errorf("%d attempts", total)
	}
}

// A full ledger allocates nothing.
func TestLedgerAllocates(t *testing.T) {
	l := testLedger(10)
	a := item{Attempt: record.Attempt{Status: 200}}
	for range 10 {
		l.add(&a)
	}
	if n := testing.AllocsPerRun(1000, func() { l.add(&a) }); n != 0 {
		t.Errorf("%v allocations an attempt", n)
	}
}
