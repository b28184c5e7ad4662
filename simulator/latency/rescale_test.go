package latency

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

// timeline is a schedule as a plain list of instants that are moved one by one.
type timeline struct {
	first time.Duration
	paced []time.Duration // without the pause
	after int             // tokens before the pause; 0: none is to come
	pause time.Duration
}

func (l *timeline) at(k int) time.Duration {
	if l.after > 0 && k > l.after {
		return l.paced[k-1] + l.pause
	}
	return l.paced[k-1]
}

func (l *timeline) rescale(d time.Duration, num, den int64) {
	from := max(d, l.first)
	if l.after > 0 && l.paced[l.after-1] <= d { // the pause has begun
		from = max(d, l.paced[l.after-1]+l.pause)
		for i := l.after; i < len(l.paced); i++ {
			l.paced[i] += l.pause
		}
		l.after = 0
	}
	for i, at := range l.paced {
		if at > from {
			l.paced[i] = from + time.Duration(int64(at-from)*num/den)
		}
	}
}

// However often an answer is rescaled, with bursts and pauses: what had come
// has come, the rest comes when it would in a list that is moved token by token,
// within a grid unit for each time, and At and Count stay each other's inverse.
func TestRescaleAgainstAList(t *testing.T) {
	dice := rand.New(rand.NewSource(9))
	moved := 0
	for range 3000 {
		s := random(dice)
		if s.BreaksOff() {
			s.After = 0
		}
		list := timeline{first: s.First.Span(), after: int(s.After), pause: s.Pause.Span()}
		bare := s
		bare.After, bare.Pause = 0, 0
		list.paced = dumb(bare)
		d := time.Duration(0)
		for times := 1; times < 6; times++ {
			d += time.Duration(dice.Int63n(int64(s.Over().Span())/2 + 1))
			num, den := int64(600_000+50_000*dice.Intn(9)), int64(600_000+50_000*dice.Intn(9))
			had, was := s.Count(d), s
			s.Rescale(d, num, den)
			list.rescale(d, num, den)
			if n := s.Count(d); n != had {
				t.Fatalf("%+v had %d tokens at %v, rescaled %+v has %d", was, had, d, s, n)
			}
			if s.First != was.First || s.Head != was.Head || s.Count(s.Over().Span()) != s.Tokens {
				t.Fatalf("%+v rescaled at %v by %d/%d: %+v", was, d, num, den, s)
			}
			for k := had + 1; k <= s.Tokens; k++ {
				at := s.At(k)
				if off := at - list.at(int(k)); off < -tick.Grid || off > time.Duration(times)*2*tick.Grid {
					t.Fatalf("%+v rescaled at %v by %d/%d: %+v: token %d at %v, in the list at %v", was, d, num, den, s, k, at, list.at(int(k)))
				}
				if at < d || s.Count(at) < k || s.Count(at-1) >= k && at > d {
					t.Fatalf("%+v at %v: token %d at %v, %d then and %d a nanosecond before", s, d, k, at, s.Count(at), s.Count(at-1))
				}
				moved++
			}
		}
	}
	if moved < 100_000 {
		t.Errorf("only %d tokens were compared", moved)
	}
}

// What is not streamed ends earlier or later; what breaks off does, unless it
// has.
func TestRescaleOfOthers(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Schedule
		d    tick.Units
		want tick.Units // Ends after half the pace from d on
	}{
		{"whole", Schedule{First: 100, Next: 100, End: 300, Tokens: 201, Whole: true}, 200, 400},
		{"whole, before its first token", Schedule{First: 100, Next: 100, End: 300, Tokens: 201, Whole: true}, 50, 500},
		{"whole, in its pause", Schedule{First: 100, Next: 100, End: 300, Tokens: 201, After: 3, Pause: 200, Whole: true}, 400, 500},
		{"whole, at its end", Schedule{First: 100, Next: 100, End: 300, Tokens: 201, Whole: true}, 300, 300},
		{"before a break", Schedule{First: 100, Next: 100, End: 300, Tokens: 201, After: 101}, 150, 250},
		{"after a break", Schedule{First: 100, Next: 100, End: 300, Tokens: 201, After: 101}, 200, 200},
		{"all is out", Schedule{First: 100, Next: 100, End: 300, Tokens: 1}, 150, 300},
	} {
		c.s.Rescale(c.d.Span(), 2, 1)
		if got := c.s.Ends(); got != c.want {
			t.Errorf("%s: ends at %d, want %d: %+v", c.name, got, c.want, c.s)
		}
	}
}

// The level follows the load by whole steps, and stays for anything less.
func TestLevel(t *testing.T) {
	l := Load{Knee: 800_000, Floor: 600_000}
	for _, c := range []struct {
		ppm           int64
		present, want uint8
	}{
		{0, 0, 0}, {800_000, 0, 0}, {824_999, 0, 0}, {825_000, 0, 1}, {840_000, 0, 2}, {900_000, 0, 4}, {1_000_000, 0, 8}, {9_000_000, 0, 8},
		{980_000, 7, 7}, {999_999, 7, 7}, {1_000_000, 7, 8}, {980_000, 8, 8}, {975_000, 8, 7}, {0, 8, 0}, {800_001, 1, 1}, {800_000, 1, 0},
	} {
		if got := l.Level(c.ppm, c.present); got != c.want {
			t.Errorf("%d ppm at level %d: %d, want %d", c.ppm, c.present, got, c.want)
		}
	}
	if l.Pace(0) != 1_000_000 || l.Pace(4) != 800_000 || l.Pace(8) != 600_000 {
		t.Errorf("pace %d, %d, %d", l.Pace(0), l.Pace(4), l.Pace(8))
	}
	for _, c := range []struct {
		cfg         Config
		provisioned bool
		want        int64 // pace at full utilization
	}{
		{Config{}, true, 600_000}, {Config{}, false, 1_000_000}, {Config{Load: &Load{Knee: 500_000, Floor: 900_000}}, false, 900_000},
		{Config{Load: &Load{Knee: 800_000, Floor: 1_000_000}}, true, 1_000_000},
	} {
		l := LoadOf(c.cfg, c.provisioned)
		if got := l.Pace(l.Level(2_000_000, 0)); got != c.want {
			t.Errorf("%+v, provisioned %v: pace %d, want %d", c.cfg, c.provisioned, got, c.want)
		}
	}
}
