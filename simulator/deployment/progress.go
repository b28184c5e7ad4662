package deployment

import (
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// Progress returns how many tokens of each choice of an answer under way have
// come, and when the last of its tokens did, or its headers, to the nearest point of the
// grid; ok is false where nothing of it has come. It settles nothing: step a Wake before.
func (c *Core) Progress(now tick.Instant, ref record.Ref) (tokens int32, last tick.Instant, ok bool) {
	s := c.find(ref)
	if s == nil || s.state != flowing {
		return 0, 0, false
	}
	tokens, _ = s.produced(now, Cut)
	came := s.schedule.HeadIn()
	switch {
	case tokens > s.schedule.From:
		came = max(came, tick.ToUnits(s.schedule.At(tokens)))
	case tokens > 0:
		came = max(came, s.came)
	}
	return tokens, s.start.After(came), true
}
