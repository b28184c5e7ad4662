package route

import (
	"testing"
	"time"

	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
)

// What a backend's answers are taken to need is learned from streams and whole
// answers apart, forgets what is old, and notices silence.
func TestSeen(t *testing.T) {
	var s Seen
	at := func(d time.Duration) tick.Instant { return tick.Instant(time.Hour + d) }
	check := func(now time.Duration, stream bool, want int64) {
		t.Helper()
		if got := s.Begins(at(now), stream); got != want {
			t.Errorf("at %v stream %v: begins in %d units, want %d", now, stream, got, want)
		}
	}
	check(0, true, 0) // nobody asked: it is asked next
	s.Sent(at(0), true)
	check(0, true, unknown) // the answer is awaited: nobody else finds out
	s.Began(at(time.Second), at(0), true)
	check(time.Second, true, 10_000)
	check(time.Second, false, 0) // of whole answers nothing is known
	s.Ended(at(2*time.Second), true, true)
	s.Sent(at(2*time.Second), true)
	check(2500*time.Millisecond, true, 10_000)
	check(4*time.Second, true, 20_000) // silent for longer than its mean
	s.Began(at(2*time.Second+time.Second), at(2*time.Second), true)
	check(3*time.Second, true, 10_000)
	check(13*time.Second, true, 0) // old: it is asked again
	s.Sent(at(13*time.Second), true)
	check(13*time.Second, true, unknown) // by one, until that answers
	s.Began(at(13*time.Second+50*time.Millisecond), at(13*time.Second), true)
	check(13*time.Second+50*time.Millisecond, true, 500) // what is new replaces what is old
	s.Ended(at(14*time.Second), true, true)
	s.Ended(at(14*time.Second), true, true)
	if s.InFlight != 0 {
		t.Errorf("%d are in flight, all have ended", s.InFlight)
	}
	s.Sent(at(15*time.Second), false)
	s.Ended(at(16*time.Second), false, false) // failed: nothing learned
	check(16*time.Second, false, 0)
	s.Heard(at(20*time.Second), 300_000)
	if a, b := s.Free(at(29*time.Second)), s.Free(at(30*time.Second)); a != 300_000 || b != 1_000_000 {
		t.Errorf("free %d then %d, want 300000 until it is old", a, b)
	}
}

func TestFree(t *testing.T) {
	for _, c := range []struct {
		got, want int32
	}{
		{FreeOf(600, 1000, 90, 100), 600_000}, {FreeOf(600, 1000, 5, 100), 50_000}, {FreeOf(0, 0, 0, 0), 1_000_000},
		{FreeOf(-1, 10, 0, 0), 1}, {FreeAt(0), 1_000_000}, {FreeAt(432_000), 568_000}, {FreeAt(1_200_000), 1},
	} {
		if c.got != c.want {
			t.Errorf("free %d, want %d", c.got, c.want)
		}
	}
}

// backend returns one with so many attempts under way, whose streams begin after
// that long.
func backend(inFlight int64, begins time.Duration, free int32) (s Seen) {
	s.Sent(1, true)
	s.Began(1+tick.Instant(begins), 1, true)
	s.InFlight = inFlight
	s.Heard(1, free)
	return s
}

// Each policy prefers what it is for; shares are of ten thousand choices.
func TestPoliciesPrefer(t *testing.T) {
	const now = tick.Instant(time.Second)
	busy, idle := backend(9, 100*time.Millisecond, 100_000), backend(1, 100*time.Millisecond, 900_000)
	slow, fast := backend(2, 400*time.Millisecond, 500_000), backend(2, 100*time.Millisecond, 500_000)
	fresh := Seen{}
	asked := Seen{}
	asked.Sent(now, true)
	for _, c := range []struct {
		policy      string
		a, b        Seen
		weightOfA   int64
		least, most int // that go to a
	}{
		{"least-busy", busy, idle, 1, 0, 0},
		{"least-busy", busy, idle, 10, 10_000, 10_000}, // 0.9 of its weight, against 1
		{"least-busy", slow, fast, 1, 4_700, 5_300},
		{"lowest-ttft", slow, fast, 9, 0, 0},
		{"lowest-ttft", busy, idle, 3, 7_300, 7_700},
		{"lowest-ttft", fresh, fast, 1, 10_000, 10_000}, // nobody knows: it is asked
		{"lowest-ttft", asked, slow, 1, 0, 0},           // but by one only
		{"power-of-two", slow, fast, 1, 0, 0},
		{"power-of-two", busy, idle, 1, 0, 0},
		{"power-of-two", fresh, fast, 1, 10_000, 10_000},
		{"power-of-two", asked, slow, 1, 0, 0},
		{"utilization-aware", busy, idle, 1, 850, 1_150},
		{"utilization-aware", busy, idle, 9, 4_700, 5_300},
		{"weighted", busy, idle, 1, 4_700, 5_300},
	} {
		seen, count, next := []Seen{c.a, c.b}, 0, uint64(0)
		for key := range uint64(10_000) {
			if Lookup(c.policy)([]Member{{0, c.weightOfA}, {1, 1}}, Pick{Key: key, Stream: true, Now: now, Seen: seen}, rng.New(1, rng.RouteChoice, 0), &next) == 0 {
				count++
			}
		}
		if count < c.least || count > c.most {
			t.Errorf("%s, weight %d: %d of 10,000 go to the first, want %d to %d", c.policy, c.weightOfA, count, c.least, c.most)
		}
	}
}

// Two are drawn of several: the worst of three is never chosen, and the middle
// one only where the best was not drawn.
func TestPowerOfTwoDrawsTwo(t *testing.T) {
	seen := []Seen{backend(9, time.Millisecond, 1), backend(5, time.Millisecond, 1), backend(1, time.Millisecond, 1)}
	var count [3]int
	for key := range uint64(9_000) {
		count[powerOfTwo([]Member{{0, 1}, {1, 1}, {2, 1}}, Pick{Key: key, Stream: true, Now: tick.Instant(time.Second), Seen: seen}, rng.New(1, rng.RouteChoice, 0), nil)]++
	}
	if count[0] != 0 || count[1] < 2_700 || count[1] > 3_300 {
		t.Errorf("%v of 9,000, want about 0, 3000, 6000", count)
	}
}
