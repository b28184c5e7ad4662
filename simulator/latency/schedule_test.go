package latency

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

func TestTokensOfASchedule(t *testing.T) {
	const ms = time.Millisecond
	s := Schedule{First: 4000, Next: 4000, End: 4003, Tokens: 4} // tokens at 400.0, 400.1, 400.2, 400.3 ms
	for _, c := range []struct {
		after time.Duration
		want  int32
	}{
		{0, 0}, {400*ms - 1, 0}, {400 * ms, 1}, {400*ms + ms/10 - 1, 1}, {400*ms + ms/10, 2}, {400*ms + ms*2/10, 3},
		{400*ms + ms*3/10 - 1, 3}, {400*ms + ms*3/10, 4}, {9 * time.Second, 4},
	} {
		if got := s.Count(c.after); got != c.want {
			t.Errorf("after %v: %d tokens, want %d", c.after, got, c.want)
		}
	}
	whole := Schedule{First: 4000, Next: 4000, End: 5000, Tokens: 9, Whole: true}
	if a, b := whole.Count(time.Second/2-1), whole.Count(time.Second/2); a != 0 || b != 9 || whole.At(1) != time.Second/2 {
		t.Errorf("an answer that is not streamed has %d tokens before its end and %d at it, want 0 and 9", a, b)
	}
	none := Schedule{First: 5000, Next: 5000, End: 5001}
	for _, d := range []time.Duration{0, time.Second / 2, time.Second/2 + 5, 9 * time.Second} {
		if n := none.Count(d); n != 0 {
			t.Errorf("an answer without tokens has %d after %v", n, d)
		}
	}
}

// random returns a schedule of any kind and size.
func random(dice *rand.Rand) Schedule {
	first := tick.Units(dice.Intn(100_000))
	s := Schedule{Head: first / headShare, First: first, Next: first, End: first + 1 + tick.Units(dice.Intn(1<<dice.Intn(20))),
		Tokens: int32(dice.Intn(1 << dice.Intn(12)))}
	if dice.Intn(2) == 0 {
		s.Bursts = newBursts(dice.Uint64())
	}
	if dice.Intn(2) == 0 && s.Tokens > 0 {
		s.After, s.Pause = uint16(1+dice.Intn(int(s.Tokens))), tick.Units(dice.Intn(2)*dice.Intn(50_000))
	}
	return s
}

// dumb is when each token comes, worked out one by one.
func dumb(s Schedule) []time.Duration {
	var ends []int64 // of the burst of each token, the last one
	for i := 0; len(ends) < int(s.Tokens); i++ {
		size := int64(1)
		if s.Bursts != 0 {
			size = s.Bursts.size(i % burstSizes)
		}
		last := min(int64(len(ends))+size, int64(s.Tokens))
		for int64(len(ends)) < last {
			ends = append(ends, last)
		}
	}
	var list []time.Duration
	for k, end := range ends {
		at := s.First.Span()
		if made := end - ends[0]; made > 0 {
			all := int64(s.Tokens) - ends[0]
			at += time.Duration((int64((s.End-s.First).Span())*made + all - 1) / all) // rounded up
		}
		if k >= int(s.After) {
			at += s.Pause.Span()
		}
		list = append(list, at)
	}
	return list
}

// sameAs compares a schedule with a list: At is the instant of each token, and
// Count counts it from that nanosecond on.
func sameAs(t *testing.T, s *Schedule, list []time.Duration, from int32) {
	t.Helper()
	for k := from + 1; k <= s.Tokens; k++ {
		at := list[k-1]
		if got := s.At(k); got != at {
			t.Fatalf("%+v: token %d comes at %v, not at %v", s, k, got, at)
		}
		before, then := int32(0), int32(0)
		for _, x := range list {
			if x < at {
				before++
			}
			if x <= at {
				then++
			}
		}
		if a, b := s.Count(at-1), s.Count(at); a != before || b != then {
			t.Fatalf("%+v: %d tokens at token %d, %d a nanosecond before; want %d, %d", s, b, k, a, then, before)
		}
		if at > s.Over().Span() {
			t.Fatalf("%+v: token %d comes at %v, after the end", s, k, at)
		}
	}
	if n := s.Count(s.Over().Span()); n != s.Tokens {
		t.Fatalf("%+v: %d tokens at its end", s, n)
	}
}

// At and Count say the same as a plain list of instants.
func TestScheduleAgainstAList(t *testing.T) {
	dice := rand.New(rand.NewSource(4))
	for range 400 {
		s := random(dice)
		sameAs(t, &s, dumb(s), 0)
		if s.At(0) != s.At(1) && s.After > 0 {
			t.Fatalf("%+v: token 0 at %v, token 1 at %v", s, s.At(0), s.At(1))
		}
		if end := s.Ends(); s.BreaksOff() {
			if late := end.Span() - s.At(int32(s.After)); late < 0 || late >= tick.Grid {
				t.Fatalf("%+v: breaks off %v after its token", s, late)
			}
		} else if end != s.Over() {
			t.Fatalf("%+v: ends at %v", s, end.Span())
		}
	}
}

func TestScheduleDoesNotAllocate(t *testing.T) {
	s := Schedule{First: 4000, Next: 4000, End: 400_000, Tokens: 997, Bursts: newBursts(12345)}
	n := int32(0)
	if a := testing.AllocsPerRun(1000, func() { n += s.Count(s.At(500)) }); a != 0 || n == 0 {
		t.Errorf("%v allocations", a)
	}
}
