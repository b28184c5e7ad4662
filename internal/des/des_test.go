package des

import (
	"math/rand"
	"slices"
	"testing"

	"foundrylab/internal/tick"
)

// The heap agrees with a sorted list on random pushes, pops and replacements,
// with many equal instants.
func TestHeapAgainstSortedList(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var h Heap
	var list []Item
	seq := uint64(0)
	add := func(at tick.Instant, prio uint8, val uint64) {
		seq++
		list = append(list, Item{at, uint64(prio)<<56 | seq, val})
		slices.SortFunc(list, func(a, b Item) int {
			if before(&a, &b) {
				return -1
			}
			return 1
		})
	}
	for i := range uint64(20000) {
		at, prio := tick.Instant(r.Intn(50)), uint8(r.Intn(3))
		switch op := r.Intn(5); {
		case op < 2 || len(list) == 0:
			h.Push(at, prio, i)
			add(at, prio, i)
		case op == 2:
			h.Replace(at, prio, i)
			list = list[1:]
			add(at, prio, i)
		default:
			if got := h.Pop(); got != list[0] {
				t.Fatalf("step %d: popped %v, want %v", i, got, list[0])
			}
			list = list[1:]
		}
		if len(list) > 0 && h.Next() != list[0].At || h.Len() != len(list) {
			t.Fatalf("step %d: next %v len %d", i, h.Next(), h.Len())
		}
	}
}

func TestEmpty(t *testing.T) {
	var h Heap
	if h.Next() != tick.Never {
		t.Fatal("an empty heap is never due")
	}
}

// BenchmarkPopPush is the bare rate of the queue with 10,000 deadlines
// waiting: the bound that the virtual run is compared with.
func BenchmarkPopPush(b *testing.B) {
	r := rand.New(rand.NewSource(1))
	gaps := make([]tick.Instant, 4096)
	for i := range gaps {
		gaps[i] = tick.Instant(r.ExpFloat64() * 1e6)
	}
	for _, waiting := range []int{10, 10_000, 100_000} {
		b.Run(map[int]string{10: "10", 10_000: "10k", 100_000: "100k"}[waiting], func(b *testing.B) {
			var h Heap
			for i := range waiting {
				h.Push(gaps[i%4096], PrioEnd, uint64(i))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				it := h.Pop()
				h.Push(it.At+gaps[i%4096], PrioEnd, it.Val)
			}
		})
	}
}
