package deployment

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// busy is a provisioned deployment with long answers, whose load a test sets.
func busy(answers int) *Core {
	cfg := provisioned(100_000)
	cfg.Latency = paced(time.Second, 10)
	c := New(cfg, Options{Seed: 1})
	for slot := range uint32(answers) {
		c.Step(tick.Instant(slot), Event{Kind: Start, Ref: record.Ref{Slot: slot}, Key: uint64(slot), OutputTokens: 20_000, MaxTokens: 1, Stream: slot%2 == 0}, nil)
		c.streams[slot].completion, c.streams[slot].schedule.Tokens = 20_000, 20_000
		c.streams[slot].schedule.End = 20_000_000
	}
	return c
}

// at lets a second pass with a load, in percent, and returns the effects.
func (c *Core) at(second int, percent int64, out []Effect) []Effect {
	now := tick.Instant(second) * tick.Instant(time.Second)
	c.limits.load.roll(now - 1)
	c.limits.load.seconds = [10]int64{c.limits.load.perMinute / 600 * percent}
	return c.Step(now, Event{Kind: Wake}, out)
}

// However often the load changes, an answer has no more timers than there are
// levels, and it has a new plan in no second in which the level stayed.
func TestEpochsAreBounded(t *testing.T) {
	const answers = 50
	c, dice := busy(answers), rand.New(rand.NewSource(2))
	most, level, epochs := 0, c.level, 0
	var out []Effect
	for second := 1; second <= 1800; second++ {
		out = c.at(second, int64(70+dice.Intn(40)), out[:0])
		replans := 0
		for _, e := range out {
			if e.Kind == Replan {
				replans++
			}
		}
		if changed := c.level != level; changed && replans != answers || !changed && replans != 0 {
			t.Fatalf("second %d: level %d, then %d; %d plans", second, level, c.level, replans)
		} else if changed {
			epochs++
		}
		level = c.level
		most = max(most, c.timers.Len())
	}
	if c.active != answers || epochs < 500 || most > answers*3+1 {
		t.Errorf("%d answers in flight, %d epochs, %d timers", c.active, epochs, most)
	}
}

func TestEpochDoesNotAllocate(t *testing.T) {
	c := busy(100)
	out := make([]Effect, 0, 200)
	second, replans := 1, 0
	if n := testing.AllocsPerRun(200, func() {
		out = c.at(second, int64(70+second%3*20), out[:0])
		replans += len(out) - 1
		second++
	}); n != 0 || replans < 10_000 {
		t.Errorf("%v allocations an epoch, %d plans", n, replans)
	}
}
