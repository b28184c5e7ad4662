package limit

import (
	"math/big"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
)

const s = tick.Instant(time.Second)

func TestWindow(t *testing.T) {
	w := NewWindow(100, time.Minute, 5*s)
	for _, c := range []struct {
		at    tick.Instant
		n     int64
		fits  bool
		left  int64
		reset time.Duration
	}{
		{5 * s, 60, true, 40, 60 * time.Second},
		{6 * s, 41, false, 40, 59 * time.Second},
		{6 * s, 40, true, 0, 59 * time.Second},
		{65*s - 1, 1, false, 0, 1},
		{65 * s, 100, true, 0, 60 * time.Second},
		{65 * s, 1, false, 0, 60 * time.Second},
		{1000 * s, 1, true, 99, 25 * time.Second},
	} {
		fits := w.Fits(c.at, c.n)
		if fits {
			w.Take(c.at, c.n)
		}
		if fits != c.fits || w.Remaining(c.at) != c.left || w.Reset(c.at) != c.reset {
			t.Errorf("at %v: fits %v left %d reset %v; want %+v", c.at, fits, w.Remaining(c.at), w.Reset(c.at), c)
		}
	}
}

// However often it is looked at, the bucket drains what big integers say.
func TestBucketDrainsExactly(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for range 200 {
		rate := r.Int63n(360_000_000) + 1
		level := r.Int63n(1_000_000_000) + 1
		b := NewBucket(rate, 0)
		b.Add(0, level)
		now := tick.Instant(0)
		for range 50 {
			now += tick.Instant(r.Int63n(int64(time.Second)))
			got := b.Level(now)
			drained := new(big.Int).Mul(big.NewInt(rate), big.NewInt(int64(now)))
			drained.Div(drained, big.NewInt(int64(time.Minute)))
			want := max(level-drained.Int64(), 0)
			if got != want {
				t.Fatalf("rate %d level %d at %d: %d, want %d", rate, level, now, got, want)
			}
		}
	}
}

// TimeTo is the least wait: one nanosecond earlier the level is still above.
func TestTimeToIsLeast(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for range 2000 {
		rate := r.Int63n(360_000_000) + 1
		b := NewBucket(rate, 0)
		b.Add(0, r.Int63n(1_000_000)+2)
		now := tick.Instant(r.Int63n(int64(time.Second)))
		level := b.Level(now)
		if level < 2 {
			continue
		}
		target := r.Int63n(level)
		wait := b.TimeTo(now, target)
		before, after := *b, *b
		if got := after.Level(now.Add(wait)); got > target {
			t.Fatalf("after %v level %d, want <= %d", wait, got, target)
		}
		if got := before.Level(now.Add(wait - 1)); wait > 1 && got <= target {
			t.Fatalf("wait %v is not least: level %d <= %d one ns earlier", wait, got, target)
		}
	}
}

// What drains is by the rate of the time; a change of it neither adds nor takes.
func TestBucketResize(t *testing.T) {
	b := NewBucket(600, 0)
	b.Add(0, 1000)
	const second = tick.Instant(time.Second)
	for _, step := range []struct {
		at   tick.Instant
		rate int64
		want int64
	}{{30*second + 1, 600, 700}, {30*second + 1, 60, 700}, {90*second + 1, 60, 640}, {90*second + 1, 6000, 640}, {96 * second, 6000, 41}, {97 * second, 6000, 0}} {
		b.Resize(step.at, step.rate)
		if got := b.Level(step.at); got != step.want {
			t.Errorf("at %v: %d, want %d", time.Duration(step.at), got, step.want)
		}
	}
}
