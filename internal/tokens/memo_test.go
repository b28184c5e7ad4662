package tokens

import (
	"fmt"
	"sync"
	"testing"
)

func TestMemo(t *testing.T) {
	m := make(memo, 4)
	seven := word{a: 7, b: 1, hash: 1}
	if n := m.get(seven, 9); n != 0 {
		t.Errorf("an empty memo knows %d", n)
	}
	m.put(seven, 9, 3)
	for _, tt := range []struct {
		w      word
		length int
		want   int
	}{
		{seven, 9, 3},
		{seven, 10, 0},
		{word{a: 7, b: 2, hash: 1}, 9, 0},
		{word{a: 8, b: 1, hash: 1}, 9, 0},
		{word{a: 7, b: 1, hash: 2}, 9, 0},
	} {
		if n := m.get(tt.w, tt.length); n != tt.want {
			t.Errorf("%+v of %d bytes: %d, want %d", tt.w, tt.length, n, tt.want)
		}
	}
	m.put(word{a: 9, hash: 5}, 2, 2) // the same place
	if n := m.get(seven, 9); n != 0 {
		t.Errorf("what was pushed out is still %d", n)
	}
	m[2].state.Store(1<<8 | 1 | memoWriting)
	m.put(word{a: 1, hash: 2}, 1, 1) // somebody else writes
	if n := m.get(word{hash: 2}, 1); n != 0 {
		t.Errorf("read %d while it was written", n)
	}
}

// Whatever several do to one place, a count that is read is that of the piece.
func TestMemoUnderContention(t *testing.T) {
	m := make(memo, 1)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200_000 {
				k := uint64((g + i) % 2)
				w := word{a: k, b: k * k}
				if n := m.get(w, 9); n != 0 && n != int(k)+1 {
					t.Errorf("%d: read %d", k, n)
					return
				}
				m.put(w, 9, int(k)+1)
			}
		})
	}
	wg.Wait()
}

// Eight at once, on pieces that push each other out of the memo, count what one alone does.
func TestConcurrentUse(t *testing.T) {
	texts := make([]string, 200)
	for i := range texts {
		texts[i] = fmt.Sprintf("ka%xro%dmi zeb%xolan ", i, i*i, i*i*i)
	}
	want := map[string][]int{}
	for _, name := range Encodings() {
		e := *mustBPE(t, name)
		e.memo = make(memo, 1)
		for _, text := range texts {
			want[name] = append(want[name], e.Count(text))
		}
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := Encodings()[i%4]
			e, err := NewBPE(name)
			if err != nil {
				t.Error(err)
				return
			}
			for j, text := range texts {
				if n := e.Count(text); n != want[name][j] {
					t.Errorf("%s %q: %d, want %d", name, text, n, want[name][j])
				}
			}
		})
	}
	wg.Wait()
}
