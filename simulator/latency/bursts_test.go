package latency

import (
	"math"
	"testing"

	"foundrylab/internal/rng"
)

// Bursts say of every token the same as laying them end to end does, at the
// greatest answer too.
func TestBurstsEndToEnd(t *testing.T) {
	for key := range uint64(500) {
		b := newBursts(rng.New(1, rng.BurstSizes, 2).Draw(key, 0))
		for from, i := int32(0), 0; from < 500; i++ {
			size := int32(b.size(i % burstSizes))
			if size < 1 || size > longestBurst {
				t.Fatalf("%x: a burst of %d", uint32(b), size)
			}
			for k := from + 1; k <= from+size; k++ {
				if got := b.last(k); got != from+size {
					t.Fatalf("%x: token %d comes with %d, want with %d", uint32(b), k, got, from+size)
				}
				want := from
				if k == from+size {
					want = k
				}
				if got := b.within(k); got != want {
					t.Fatalf("%x: %d of %d tokens are released, want %d", uint32(b), got, k, want)
				}
			}
			from += size
		}
		if n := b.last(math.MaxInt32); n != math.MaxInt32 {
			t.Fatalf("%x: the last token comes with %d", uint32(b), n)
		}
	}
	if single := Bursts(0); single.last(7) != 7 || single.within(7) != 7 {
		t.Error("without a buffer tokens do not come one by one")
	}
}

// Every size from 1 to 20 is drawn, none more than twice as often as another.
func TestBurstSizes(t *testing.T) {
	m := Compile(Config{}, "gpt-4.1", 3, 4)
	seen := map[int64]int{}
	for key := range uint64(20_000) {
		s := m.Plan(&Request{Key: key, Output: 100, Stream: true})
		for i := range burstSizes {
			seen[s.Bursts.size(i)]++
		}
	}
	for size := int64(1); size <= longestBurst; size++ {
		if n := seen[size]; n < 3_500 || n > 8_000 {
			t.Errorf("%d bursts of %d of 120000", n, size)
		}
	}
	if len(seen) != longestBurst {
		t.Errorf("sizes %v", seen)
	}
}

// The filter changes when the tokens between come, and neither the first nor
// the end; an answer that is not streamed knows nothing of it.
func TestFilter(t *testing.T) {
	for _, c := range []struct {
		cfg      Config
		model    string
		buffered bool
	}{
		{Config{}, "gpt-4.1", true},
		{Config{}, "gpt-99", true},
		{Config{}, "claude-sonnet-4-5", false},
		{Config{Filter: "default"}, "claude-sonnet-4-5", true},
		{Config{Filter: "asynchronous"}, "gpt-4.1", false},
		{Config{Preset: "claude-sonnet-4-5"}, "gpt-4.1", false},
	} {
		plain := c.cfg
		plain.Filter = "asynchronous"
		m, without := Compile(c.cfg, c.model, 1, 2), Compile(plain, c.model, 1, 2)
		for _, stream := range []bool{true, false} {
			r := &Request{Key: 7, Output: 200, Stream: stream}
			a, b := m.Plan(r), without.Plan(r)
			if got := a.Bursts != 0; got != (c.buffered && stream) {
				t.Errorf("%+v of %s, streamed %v: buffered %v", c.cfg, c.model, stream, got)
			}
			if a.Head != b.Head || a.At(1) != b.At(1) || a.At(200) != b.At(200) || a.Ends() != b.Ends() || b.Bursts != 0 {
				t.Errorf("%+v of %s: %+v, asynchronous %+v", c.cfg, c.model, a, b)
			}
		}
	}
}
