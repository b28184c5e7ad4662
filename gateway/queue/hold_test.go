package queue

import (
	"fmt"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// What is passed over is served later, and in its order; what comes after it now, and nobody else's turn is lost.
func TestPass(t *testing.T) {
	for _, d := range Disciplines {
		q := New(&Config{Discipline: d.Name, MaxRequests: 100, MaxBytes: 1 << 20, TTL: unit.Duration(time.Minute), Quantum: 100}, []Tenant{{Weight: 1}, {Weight: 1}})
		for i := range 12 {
			q.Push(0, Item{Ref: record.Ref{Slot: uint32(i)}, Cost: int64(10 + i), Deadline: tick.Never, Tenant: uint16(i % 3 % 2)})
		}
		serve := func(passed func(slot uint32) bool) (served [2][]uint32) {
			for it, h, ok := q.Peek(0); ok; it, h, ok = q.Peek(0) {
				switch {
				case !passed(it.Ref.Slot):
					q.Take(0, h)
					served[it.Tenant] = append(served[it.Tenant], it.Ref.Slot)
				case q.Pass(int(it.Tenant)):
				case !q.Hold(int(it.Tenant)):
					t.Fatalf("%s: %+v is first, and does not wait", d.Name, it)
				}
			}
			q.Release()
			return served
		}
		if got := fmt.Sprint(serve(func(slot uint32) bool { return slot%2 == 0 })); got != "[[3 5 9 11] [1 7]]" {
			t.Errorf("%s: odd ones were served as %s", d.Name, got)
		}
		if got := fmt.Sprint(serve(func(uint32) bool { return true })); got != "[[] []]" || q.Len() != 6 {
			t.Errorf("%s: %s, %d wait", d.Name, got, q.Len())
		}
		if got := fmt.Sprint(serve(func(uint32) bool { return false })); got != "[[0 2 6 8] [4 10]]" || q.Len() != 0 {
			t.Errorf("%s: then %s, %d wait", d.Name, got, q.Len())
		}
	}
}
