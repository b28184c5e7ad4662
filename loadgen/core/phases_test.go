package core

import (
	"math/rand"
	"testing"

	"foundrylab/internal/tick"
)

// Every phase from 1 to the grid's end is given out once, whatever the names;
// then they are shared, and come back when their owners release them.
func TestPhasesAreUniqueUntilAllAreTaken(t *testing.T) {
	var p phases
	p.init()
	dice := rand.New(rand.NewSource(1))
	const all = int(tick.Grid) - 1
	owned := make([]bool, all+1)
	for range all {
		at, shared := p.take(dice.Uint64())
		if shared || at == 0 || int(at) > all || owned[at] {
			t.Fatalf("phase %d, shared %v, is given out twice or is nobody's", at, shared)
		}
		owned[at] = true
	}
	for name := range uint64(3) {
		if at, shared := p.take(name + 41); !shared || at != uint32(42+name) {
			t.Errorf("with all taken: phase %d, shared %v; want the one of its name", at, shared)
		}
	}
	p.release(777)
	if at, shared := p.take(dice.Uint64()); shared || at != 777 {
		t.Errorf("the only free phase is 777, not %d", at)
	}
	for at := 1; at <= all; at++ {
		p.release(uint32(at))
	}
	if p.used != 0 {
		t.Errorf("%d are still taken", p.used)
	}
}

// The phase is the name's own, else the next free one, around the end.
func TestPhaseOfAName(t *testing.T) {
	var p phases
	p.init()
	const count = uint64(tick.Grid) - 1
	for _, c := range []struct {
		name uint64
		want uint32
	}{{0, 1}, {0, 2}, {1, 3}, {count, 4}, {62, 63}, {62, 64}, {62, 65}, {count - 1, uint32(count)}, {count - 1, 5}, {5 * count, 6}, {count - 2, uint32(count) - 1}, {count - 2, 7}} {
		if at, _ := p.take(c.name); at != c.want {
			t.Errorf("name %d: phase %d, want %d", c.name, at, c.want)
		}
	}
}

func TestInPhase(t *testing.T) {
	const grid = tick.Instant(tick.Grid)
	for _, c := range []struct {
		now   tick.Instant
		phase uint32
		want  tick.Instant
	}{{7 * grid, 5, 7*grid + 5}, {7*grid + 5, 5, 7*grid + 5}, {7*grid + 6, 5, 8*grid + 5}, {8*grid - 1, 0, 8 * grid}, {8 * grid, 0, 8 * grid}} {
		if got := inPhase(c.now, c.phase); got != c.want {
			t.Errorf("at %d in phase %d: %d, want %d", c.now, c.phase, got, c.want)
		}
	}
}
