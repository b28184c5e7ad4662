package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

func at(d time.Duration) tick.Instant { return tick.Instant(0).Add(d) }

// By (time, what is done, what comes of it), in the order of the table.
func TestStore(t *testing.T) {
	s := New[string](Bounds{Count: 3, Bytes: 100, Retention: time.Hour})
	put := func(id, previous string, visible, bytes int) func(tick.Instant) string {
		return func(now tick.Instant) string {
			s.Put(now, Entry[string]{ID: id, Previous: previous, Visible: at(time.Duration(visible) * time.Second), Bytes: int64(bytes), Value: "<" + id + ">"})
			n, bytes := s.Held()
			return fmt.Sprint(n, " ", bytes)
		}
	}
	get := func(id string) func(tick.Instant) string {
		return func(now tick.Instant) string { v, ok := s.Get(now, id); return fmt.Sprint(v, ok) }
	}
	del := func(id string) func(tick.Instant) string {
		return func(now tick.Instant) string { return fmt.Sprint(s.Delete(now, id)) }
	}
	drop := func(value string) func(tick.Instant) string {
		return func(tick.Instant) string {
			s.DeleteFunc(func(v string) bool { return v == value })
			n, bytes := s.Held()
			return fmt.Sprint(n, " ", bytes)
		}
	}
	chain := func(id string, most int) func(tick.Instant) string {
		return func(now tick.Instant) string {
			list, ok := s.Chain(now, id, most)
			return fmt.Sprint(strings.Join(list, ""), ok)
		}
	}
	for i, step := range []struct {
		seconds int
		do      func(tick.Instant) string
		want    string
	}{
		{0, get("a"), "false"},
		{0, put("a", "", 0, 10), "1 10"},
		{1, put("b", "a", 7, 20), "2 30"},
		{6, get("b"), "false"},
		{6, chain("b", 9), "false"},
		{6, del("b"), "false"},
		{6, put("c", "b", 6, 30), "3 60"},
		{6, chain("c", 9), "<a><b><c>true"}, // b is not visible yet, c builds upon it
		{6, chain("c", 2), "<b><c>true"},
		{7, get("b"), "<b>true"},
		{8, put("d", "c", 8, 40), "3 90"}, // a gave way to the count
		{8, get("a"), "false"},
		{8, chain("d", 9), "<b><c><d>true"},
		{9, put("e", "", 9, 50), "2 90"}, // b and c to the bytes
		{9, chain("d", 9), "<d>true"},
		{9, put("d", "", 9, 10), "2 60"}, // takes its own place
		{10, del("e"), "true"},
		{10, del("e"), "false"},
		{10, put("big", "", 0, 1000), "1 1000"},
		{11, put("x", "", 0, 1), "1 1"},
		{11 + 3599, get("x"), "<x>true"},
		{11 + 3600, get("x"), "false"},
		{11 + 3600, put("y", "x", 0, 1), "1 1"},
		{11 + 3600, chain("y", 9), "<y>true"},
		{11 + 3601, put("z", "y", 9999, 7), "2 8"},
		{11 + 3602, drop("<nobody>"), "2 8"},
		{11 + 3602, drop("<y>"), "1 7"},
		{11 + 3602, chain("y", 9), "false"},
		{11 + 3602, drop("<z>"), "0 0"}, // which is not visible
		{11 + 3602, put("y", "", 0, 1), "1 1"},
	} {
		if got := step.do(at(time.Duration(step.seconds) * time.Second)); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
}

// Whatever is done, the bounds hold, the sums are right, and what is found is what a plain list has.
func TestStoreAgainstAList(t *testing.T) {
	type row struct {
		id    string
		put   tick.Instant
		bytes int64
	}
	r := rand.New(rand.NewPCG(1, 2))
	s, list, now := New[int](Bounds{Count: 8, Bytes: 60, Retention: 50 * time.Second}), []row(nil), tick.Instant(0)
	for n := range 20_000 {
		now = now.Add(time.Duration(r.IntN(8)) * time.Second)
		list = slices.DeleteFunc(list, func(e row) bool { return now.Sub(e.put) >= 50*time.Second })
		id := fmt.Sprint(r.IntN(12))
		at := slices.IndexFunc(list, func(e row) bool { return e.id == id })
		switch r.IntN(3) {
		case 0:
			size := int64(r.IntN(30))
			s.Put(now, Entry[int]{ID: id, Bytes: size, Value: n})
			if at >= 0 {
				list = slices.Delete(list, at, at+1)
			}
			list = append(list, row{id, now, size})
			for len(list) > 1 && (len(list) > 8 || sum(list, func(e row) int64 { return e.bytes }) > 60) {
				list = list[1:]
			}
		case 1:
			if _, found := s.Get(now, id); found != (at >= 0) {
				t.Fatalf("step %d: found %v", n, found)
			}
		case 2:
			if s.Delete(now, id) != (at >= 0) {
				t.Fatalf("step %d: deleted or not", n)
			}
			if at >= 0 {
				list = slices.Delete(list, at, at+1)
			}
		}
		if count, bytes := s.Held(); count > 8 || count > 1 && bytes > 60 || count != len(list) || bytes != sum(list, func(e row) int64 { return e.bytes }) {
			t.Fatalf("step %d: %d entries of %d bytes", n, count, bytes)
		}
	}
}

func sum[T any](list []T, of func(T) int64) (n int64) {
	for _, e := range list {
		n += of(e)
	}
	return n
}
