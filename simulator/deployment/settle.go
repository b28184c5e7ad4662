package deployment

import (
	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/latency"
)

// settle does everything due at or before now, in (due, priority, seq) order.
func (c *Core) settle(now tick.Instant, out []Effect) []Effect {
	for {
		due := c.timers.Next()
		if c.edgeAt <= due && c.edgeAt <= now { // edges of the world come before what happens in it
			out = c.faultEdge(out)
			continue
		}
		if due > now {
			return out
		}
		it := c.timers.Peek()
		slot := uint32(it.Val)
		if slot == sampleSlot {
			c.timers.Replace(it.At.Add(sampleEvery), des.PrioFault, it.Val)
			out = c.sample(it.At, out)
			continue
		}
		s := &c.streams[slot]
		ref := record.Ref{Slot: slot, Gen: uint32(it.Val >> 32)}
		if s.gen != ref.Gen || s.armed != it.At || s.state == free {
			c.timers.Pop() // stale: the request is over, or has an earlier timer
			continue
		}
		if s.due > it.At { // put off
			if s.cut && s.state == waiting { // but its head was due before the cut
				s.state = flowing
				out = append(out, Effect{Kind: Head, Ref: ref, At: it.At, Status: 200})
			}
			s.armed = s.due
			c.timers.Replace(s.due, des.PrioEnd, it.Val)
			continue
		}
		if s.cut {
			c.timers.Pop()
			out = c.cutNow(it.At, ref, s, out)
			continue
		}
		if s.vain {
			c.timers.Pop()
			out = c.waited(it.At, ref, s, out)
			continue
		}
		if s.state == waiting && !s.schedule.Whole {
			s.state = flowing
			s.due = s.turn()
			s.armed = s.due
			c.timers.Replace(s.due, des.PrioEnd, it.Val)
			out = append(out, Effect{Kind: Head, Ref: ref, At: it.At, Status: 200})
			continue
		}
		c.timers.Pop()
		why := record.NoReason
		if s.breaks != 0 {
			why = c.interruptions[s.breaks-1].why
		}
		switch {
		case s.filtered:
			out = c.end(it.At, ref, s, Finish, record.Failed, record.PromptFiltered, out)
		case why == record.NoReason:
			out = c.end(it.At, ref, s, Finish, record.Succeeded, why, out)
		case why == record.WrongLengthFault: // the headers go out, and the whole body with them
			s.state = flowing
			out = append(out, Effect{Kind: Head, Ref: ref, At: it.At, Status: 200})
			out = c.end(it.At, ref, s, Cut, record.Failed, why, out)
		default:
			out = c.end(it.At, ref, s, Cut, record.Failed, why, out)
		}
	}
}

// cutLater cuts a stream at a fault's edge plus the stream's own phase, so
// that no two reactions share an instant.
func (c *Core) cutLater(at tick.Instant, slot uint32, s *stream) {
	cut := at + s.start - s.start.Floor()
	if s.due <= cut && (s.state == flowing || s.state == waiting && s.schedule.Whole) {
		return // it ends first, or at that very instant
	}
	if s.state == waiting && !s.schedule.Whole && s.due < cut { // a fault that begins by a change, off the grid
		if s.armed != s.due {
			s.armed = s.due
			c.timers.Push(s.due, des.PrioEnd, uint64(s.gen)<<32|uint64(slot))
		}
		s.cut, s.due = true, cut
		return
	}
	s.cut, s.due, s.armed = true, cut, cut
	c.timers.Push(cut, des.PrioEnd, uint64(s.gen)<<32|uint64(slot))
}

// replan puts off an answer that has not begun.
func (c *Core) replan(slot uint32, s *stream, late tick.Units) Effect {
	s.schedule.PutOff(late)
	c.arm(slot, s)
	return c.replanned(slot, s)
}

// cutNow ends a stream that a fault struck.
func (c *Core) cutNow(at tick.Instant, ref record.Ref, s *stream, out []Effect) []Effect {
	reason := record.OutageFault
	if s.state == flowing {
		reason = record.CutFault
	}
	return c.end(at, ref, s, Cut, record.Failed, reason, out)
}

// produced returns the tokens of each choice that are there at a stream's end.
func (s *stream) produced(at tick.Instant, kind EffectKind) (seen, thought int32) {
	seen, thought = s.schedule.Tokens, s.completion-s.schedule.Tokens
	switch {
	case s.state == reserving, kind == Cut && s.state != flowing: // nothing was sent
		return 0, 0
	case kind == Cut:
		thought = s.schedule.Reasoned(at.Sub(s.start), thought)
		seen = s.schedule.Count(at.Sub(s.start))
		if s.schedule.BreaksOff() { // its break is up to a grid unit after the token
			seen = min(seen, int32(s.schedule.After))
		}
	}
	return seen, thought
}

// end settles a stream's charge and frees its slot.
func (c *Core) end(at tick.Instant, ref record.Ref, s *stream, kind EffectKind, o record.Outcome, why record.Reason, out []Effect) []Effect {
	seen, thought := s.produced(at, kind)
	produced := seen + thought
	status := uint16(200)
	if kind != Finish && s.state != flowing {
		status = 0 // nothing was sent yet
	}
	off, cached := int32(0), s.cached
	if kind == Refuse {
		cached = 0 // it reached no machine
	}
	if why == record.WrongLengthFault {
		off = c.interruptions[s.breaks-1].off
	}
	charged := int32(0) // what was still reserving has not been charged
	if s.state != reserving {
		charged = c.limits.settle(at, c.configs.at[s.cfg], c.cfg, s, produced, why == record.ClientGone)
	}
	if status == 200 { // and what is filtered too
		c.billed += int64(s.prompt) + int64(produced)*int64(s.choices)
	}
	if why == record.PromptFiltered {
		status = 400
	}
	first := s.schedule.FirstIn()
	came := latency.Schedule{First: first, Next: first, End: tick.ToUnits(at.Sub(s.start)), Tokens: seen}
	out = append(out, Effect{Kind: kind, Ref: ref, At: at, Schedule: came,
		Prompt: s.prompt, Cached: cached, Completion: produced, Charged: charged, Status: status, Outcome: o, Reason: why, Length: s.length,
		RemainingTokens: off, Tier: s.tier})
	s.state = free
	c.active--
	c.configs.at[s.cfg].users--
	return c.release(at, s.cfg, out)
}
