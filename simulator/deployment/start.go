package deployment

import (
	"math"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// start decides over one arriving request: faults of the network first, then
// the limiter, then the plan.
func (c *Core) start(now tick.Instant, ev *Event, out []Effect) []Effect {
	attempt := uint32(ev.Try)
	if !ev.Marked {
		attempt = c.seen.count(ev.Key)
	}
	hit := c.struck(now, ev, attempt)
	if ev.Missed && hit.status != 0 || ev.Missed && hit.why == record.NoReason {
		hit.why, hit.status, hit.retryMs = record.ConnectError, 0, 0 // whatever kept it away is over by now
	}
	if hit.why != record.NoReason && hit.status == 0 {
		return append(out, hit.refusal(ev, now)) // nobody is there, not even to say that there is no room
	}
	if prev := c.slot(ev.Ref.Slot); prev == nil || prev.state != free {
		return append(out, Effect{Kind: Refuse, Ref: ev.Ref, At: now, Prompt: ev.PromptTokens, Status: 503,
			Outcome: record.Failed, Reason: record.InFlightBound})
	}
	if hit.why != record.NoReason {
		return append(out, hit.refusal(ev, now))
	}
	was := c.limits.narrow(now, c.cfg, hit.share)
	out = c.admit(now, ev, attempt, &hit, out)
	c.limits.scale(now, c.cfg, was)
	return out
}

// admit brings a request that no fault has refused before the limiter.
func (c *Core) admit(now tick.Instant, ev *Event, attempt uint32, hit *blow, out []Effect) []Effect {
	if e, refused := c.tierRefusal(now, ev, hit.peak); refused {
		return append(out, e)
	}
	s := &c.streams[ev.Ref.Slot]
	*s = stream{cfg: c.current, key: ev.Key, start: now, gen: ev.Ref.Gen, prompt: ev.PromptTokens,
		attempt: attempt, choices: uint8(min(max(ev.N, 1), math.MaxUint8)), share: hit.share, state: reserving, armed: tick.Never, level: c.level}
	cache := c.cache.look(now, ev)
	s.cached = cache.cached
	asked, no := c.limits.admit(now, c.cfg, ev, s.cached)
	if no.why != record.NoReason && !c.asksOn(no) {
		s.state = free
		return append(out, no.effect(now, ev, &c.limits))
	}
	s.charged = asked.total()
	c.active++
	c.cfg.users++
	if no.why != record.NoReason {
		s.denied = no
		return append(out, Effect{Kind: Reserve, Ref: ev.Ref, At: now, Charged: int32(asked.tokens), Reason: no.why})
	}
	s.tier = c.tier(now, ev, s.charged, hit.peak)
	wait, vain := c.cfg.flex.of(s)
	if vain {
		c.waitInVain(now, ev.Ref, s, wait)
		return out
	}
	seen, thought, length := c.answerLength(ev, attempt)
	s.completion, s.length, s.filtered = seen+thought, length, ev.Filtered
	s.schedule = c.cfg.latency.Plan(&latency.Request{Key: s.key, Attempt: attempt, Prompt: int64(s.prompt), Cached: int64(s.cached), Output: int64(seen), Reasoning: int64(thought),
		Stream: ev.Stream && !ev.Filtered, Delay: hit.delay, Slow: c.slowDown(), Target: c.target(s.tier), Pace: c.cfg.load.Pace(c.level)})
	s.schedule.PutOff(tick.ToUnits(hit.hold + wait))
	if b := hit.breaks; b != 0 && !ev.Filtered && seen >= int32(c.interruptions[b-1].after) {
		s.breaks, s.schedule.After, s.schedule.Pause = b, c.interruptions[b-1].after, tick.ToUnits(c.interruptions[b-1].pause)
	}
	if c.remote {
		c.willTake(ev.Ref.Slot, cache)
		return append(out, Effect{Kind: Reserve, Ref: ev.Ref, At: now, Charged: int32(asked.tokens)})
	}
	c.cache.take(now, cache)
	c.limits.take(now, asked)
	return c.plan(now, ev.Ref, s, out)
}

// asksOn reports whether a refused request asks a shared pool too how long it
// has to wait: the answer names the longest wait, or a retry would be in vain.
func (c *Core) asksOn(no refusal) bool {
	return c.remote && c.limits.bucket == nil && !c.limits.elsewhere && no.retryMs < neverFits
}

// blow is what the faults of the moment do to one request together.
type blow struct {
	why     record.Reason // it is refused; NoReason: it is not
	status  uint16        // refused: 0 where nobody is there to answer
	retryMs uint32
	peak    bool          // priority and flex have nothing to gain
	share   int32         // of the limits it is admitted by, ppm, where it asks for that; 0: those of the moment
	delay   time.Duration // before the first token
	hold    time.Duration // before the headers
	breaks  uint16        // place in interruptions, plus 1, of the first that breaks answers off or pauses them; 0: none does
}

func (c *Core) struck(now tick.Instant, ev *Event, attempt uint32) (b blow) {
	for _, i := range c.lasting {
		if f := &c.cfg.faults.rules[i]; f.Strikes(now, ev.Key, attempt) {
			b.add(f, c.cfg.faults.breaks[i], f.Delay(ev.Key, attempt), ev)
		}
	}
	if ev.Ask.Kind > 0 {
		f := ev.Ask.Of(c.asked[ev.Ask.Kind-1])
		b.add(&f, c.intern(&f), f.Add, ev)
		b.share = f.Share
	}
	return b
}

// add joins what a fault does, to answers under way as breaks says. Where
// nobody is there to answer, nobody does, whatever else is wrong. Else of
// several refusals and of several breaks the first counts; delays add up.
func (b *blow) add(f *fault.Rule, breaks uint16, delay time.Duration, ev *Event) {
	b.peak = b.peak || f.Peak
	if f.Refuse != record.NoReason && (ev.Chained || !f.Chained) && (b.why == record.NoReason || f.Status == 0 && b.status != 0) {
		b.why, b.status, b.retryMs = f.Refuse, f.Status, f.RetryMs
	}
	if b.breaks == 0 && (ev.Stream && f.OnStreams || !ev.Stream && f.OnWhole) {
		b.breaks = breaks
	}
	if f.Headers {
		b.hold += delay
	} else {
		b.delay += delay
	}
}

func (b *blow) refusal(ev *Event, now tick.Instant) Effect {
	o := record.Failed
	if b.status == 429 {
		o = record.Throttled
	}
	return Effect{Kind: Refuse, Ref: ev.Ref, At: now, Prompt: ev.PromptTokens, Status: b.status, RetryMs: b.retryMs, Outcome: o, Reason: b.why}
}

// maxSlots bounds what a slot number can make the core allocate. It is not
// MaxInFlight: a gateway's slots are shared by all its deployments, so one of
// them sees high numbers while little of its own is in flight.
const maxSlots = 1 << 21

// slot returns the stream of a slot, growing to it within the bounds.
func (c *Core) slot(slot uint32) *stream {
	if slot >= maxSlots || c.active >= c.cfg.MaxInFlight {
		return nil
	}
	for int(slot) >= len(c.streams) {
		c.streams = append(c.streams, stream{})
	}
	return &c.streams[slot]
}

// answerLength returns the tokens of each choice that are seen, and those that
// the model thinks in before. max_tokens counts both, the latter first.
func (c *Core) answerLength(ev *Event, attempt uint32) (tokens, thought int32, cut bool) {
	if ev.Filtered {
		return 0, 0, false
	}
	tokens = ev.OutputTokens
	if tokens < 0 {
		tokens = int32(min(c.cfg.output.At(c.cfg.draw.Draw(ev.Key, attempt)), math.MaxInt32))
	}
	if ev.EndsBy > 0 {
		tokens = min(tokens, ev.EndsBy)
	}
	thought = c.cfg.latency.Reasoning(ev.Key, attempt, ev.Effort)
	most := ev.MaxTokens
	if most < 0 {
		most = math.MaxInt32
	}
	cut = int64(tokens)+int64(thought) > int64(most)
	thought = min(thought, most)
	return min(tokens, most-thought), thought, cut
}

// plan admits the stream: its timer runs from now on.
func (c *Core) plan(now tick.Instant, ref record.Ref, s *stream, out []Effect) []Effect {
	s.start = now
	s.state = waiting
	if !s.cut { // else a fault struck while it was reserving, and its end is due
		c.arm(ref.Slot, s)
	}
	tokens, requests := c.limits.remaining(now)
	return append(out, Effect{Kind: Plan, Ref: ref, At: now, Schedule: s.schedule, Prompt: s.prompt, Cached: s.cached, Completion: s.completion,
		Charged: s.charged, Status: 200, Tier: s.tier, Length: s.length, Attempt: s.attempt, RemainingTokens: tokens, RemainingRequests: requests})
}

// reserved continues or refuses a request whose reservation was answered. Only
// now is it charged here: what is refused there has cost nothing.
func (c *Core) reserved(now tick.Instant, ev *Event, out []Effect) []Effect {
	s := c.find(ev.Ref)
	if s == nil || s.state != reserving || s.vain {
		return append(out, Effect{Kind: Stray, Ref: ev.Ref, At: now})
	}
	was := c.limits.narrow(now, c.cfg, s.share)
	out = c.answered(now, ev, s, out)
	c.limits.scale(now, c.cfg, was)
	return out
}

// answered is reserved under the limits that the request is admitted by.
func (c *Core) answered(now tick.Instant, ev *Event, s *stream, out []Effect) []Effect {
	c.limits.follow(now, ev)
	if ev.Granted && s.denied.why == record.NoReason {
		if c.configs.at[s.cfg].since == c.cfg.since { // else the limiter that admitted it is no more
			c.limits.take(now, c.limits.demandOf(s))
		}
		c.cache.take(now, c.visits[ev.Ref.Slot])
		out = c.plan(now, ev.Ref, s, out)
		out[len(out)-1].sharedLeft(ev)
		return out
	}
	no := refusal{ev.Why, ev.RetryMs}
	if c.limits.bucket == nil && !c.limits.elsewhere {
		if s.denied.why == record.NoReason && c.limits.evidence.countRejected {
			c.limits.countRequest(now)
		}
		own := c.limits.waits(now, c.cfg, c.limits.demandOf(s), no.retryMs)
		if own.retryMs > 0 && own.why != record.NoReason {
			no.why = own.why
		}
		no.retryMs = own.retryMs
	}
	if s.denied.why != record.NoReason && no.why == record.NoReason {
		no = s.denied // what refused it has given way to other limits
	}
	status, outcome := refusedStatus(no.why)
	out = c.end(now, ev.Ref, s, Refuse, outcome, no.why, out)
	last := &out[len(out)-1]
	if last.Kind == Drained {
		last = &out[len(out)-2]
	}
	last.Status, last.RetryMs = status, no.retryMs
	last.RemainingTokens, last.RemainingRequests = c.limits.remaining(now)
	last.sharedLeft(ev)
	return out
}
