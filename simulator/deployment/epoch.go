package deployment

import (
	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// sample tells the load of the last ten seconds. Where it has moved the pace of
// answers, an epoch begins: all that run are planned anew, which costs
// O(streams). A second in which the level stays costs O(1).
func (c *Core) sample(at tick.Instant, out []Effect) []Effect {
	ppm := c.limits.load.sample(at)
	out = append(out, Effect{Kind: Utilization, At: at, RemainingTokens: ppm})
	level := c.cfg.load.Level(int64(ppm), c.level)
	if level == c.level {
		return out
	}
	c.level = level
	for slot := range c.streams {
		if s := &c.streams[slot]; s.state != free && !s.cut && c.keepPace(at, s) && s.state != reserving {
			c.arm(uint32(slot), s)
			out = append(out, c.replanned(uint32(slot), s))
		}
	}
	return out
}

// keepPace moves a stream to the pace of the present level and reports whether
// that moves any of its tokens.
func (c *Core) keepPace(at tick.Instant, s *stream) bool {
	load, from := c.configs.at[s.cfg].load, s.level
	s.level = c.level
	if load.Pace(from) == load.Pace(c.level) {
		return false
	}
	since := at.Sub(s.start)
	if s.state == reserving { // its answer has not begun to count
		since = 0
	}
	before := s.schedule
	if n := s.schedule.Count(since); n > s.schedule.From { // afterwards the schedule no longer says when
		s.came = tick.ToUnits(s.schedule.At(n))
	}
	s.schedule.Rescale(since, load.Pace(from), load.Pace(c.level))
	return s.schedule != before
}

// turn returns when the next thing of a stream is due: its headers, or its end.
func (s *stream) turn() tick.Instant {
	if s.state == waiting {
		return s.start.After(s.schedule.HeadIn())
	}
	return s.start.After(s.schedule.Ends())
}

// arm lets a stream's turn come when it is due. A timer that is early is wound
// anew when it goes off, so that an answer which is put off again and again has
// no more timers: it needs another one only where it has become faster than it
// ever was, which the number of levels bounds.
func (c *Core) arm(slot uint32, s *stream) {
	s.due = s.turn()
	if s.due < s.armed {
		s.armed = s.due
		c.timers.Push(s.due, des.PrioEnd, uint64(s.gen)<<32|uint64(slot))
	}
}

// replanned tells how an answer unfolds from now on.
func (c *Core) replanned(slot uint32, s *stream) Effect {
	return Effect{Kind: Replan, Ref: record.Ref{Slot: slot, Gen: s.gen}, At: s.start, Schedule: s.schedule,
		Prompt: s.prompt, Cached: s.cached, Completion: s.completion, Charged: s.charged, Status: 200, Tier: s.tier, Length: s.length}
}
