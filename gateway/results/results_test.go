package results

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

// The count of a sliding window is that of what ended within it, give or take one part of it, whether or not anything
// ended meanwhile.
func TestWindow(t *testing.T) {
	dice := rand.New(rand.NewSource(1))
	type end struct {
		at     tick.Instant
		failed bool
	}
	var all []end
	var w Window
	now := tick.Instant(1_700_000_000_000_000_000)
	for range 5000 {
		now = now.Add(time.Duration(dice.Intn(800)) * time.Millisecond)
		if dice.Intn(200) == 0 {
			now = now.Add(time.Minute)
		}
		if dice.Intn(4) > 0 {
			failed := dice.Intn(3) == 0
			all = append(all, end{now, failed})
			w.Note(now, 10*time.Second, failed)
		}
		n, bad := w.Count(now, 10*time.Second)
		from := (now/tick.Instant(time.Second) - parts + 1) * tick.Instant(time.Second)
		wantN, wantBad := int64(0), int64(0)
		for _, old := range all {
			if old.at >= from {
				wantN++
				if old.failed {
					wantBad++
				}
			}
		}
		if n != wantN || bad != wantBad {
			t.Fatalf("at %v: %d of %d, want %d of %d", now, bad, n, wantBad, wantN)
		}
	}
}
