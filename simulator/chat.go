package simulator

import (
	"math"
	"net/http"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/prompt"
	"foundrylab/internal/record"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// serving answers the requests of an operation that are read.
func serving(op *ops.Operation) endpoint {
	line := operationOf(op)
	return func(c *call) {
		c.op = line
		c.serve()
	}
}

// serve brings a checked request before its deployment; see answers as that decides.
func (c *call) serve() {
	if !c.able(c.op.needs) {
		return
	}
	ask, ok := c.asked()
	if !ok {
		return
	}
	if c.op.recall != nil {
		if refusal := c.op.recall(c); refusal != nil {
			c.answer(*refusal)
			return
		}
	}
	ev, err := c.meter()
	ev.Ask, ev.Missed, c.prompt = ask, c.missed(), ev.PromptTokens
	c.request = ev.Key
	if err != nil { // the vocabularies are part of the binary
		c.srv.log.Error().Err(err).Msg("counting tokens failed")
		c.answer(content.InternalServerError())
		return
	}
	refusal := c.checked(ev.Marked)
	if refusal == nil {
		refusal = c.op.refuse(c)
	}
	if refusal == nil {
		refusal = c.judgePrompt()
	}
	if refusal == nil {
		refusal = c.prepare(&ev)
	}
	c.raw = nil // a long answer needs not hold it
	if refusal != nil {
		c.answer(*refusal)
		return
	}
	c.blocked = c.stopped(&ev)
	if !c.blocked && c.peeked.Response != nil && c.peeked.Response.Background {
		c.inBackground(ev)
		return
	}
	c.launched = c.launch(ev, c.r.Context().Done())
}

// see sees what was launched to its end. It is called last, where what it takes to check a request is off the stack: most
// of an open stream's memory is its stack.
func (c *call) see() {
	f := c.launched
	if f == nil {
		return
	}
	defer func() {
		f.land()
		c.end = &f.end
	}()
	switch {
	case f.ended:
		c.refuse(&f.end)
	case c.blocked:
		c.filtered(f)
	case c.peeked.Stream:
		c.stream(f)
	default:
		c.whole(f)
	}
}

// launch brings a request before its deployment, and before another where that one refuses and may spill over.
func (c *call) launch(ev deployment.Event, gone <-chan struct{}) *flight {
	f := c.backend.start(ev, c.text, gone)
	if f.ended && deployment.Spills(&f.end) {
		if to := c.spillover(); to != nil {
			return c.spill(f, ev, to)
		}
	}
	return f
}

// meter says what the deployment has to know of the request. A generated prompt carries its key, its wanted output and
// its token count; the count is believed if the text has the length that the marker gives, else a gateway has changed
// it. Any other prompt is counted, named by its body, compared with what came before, and answered at a length that the
// deployment draws.
func (c *call) meter() (deployment.Event, error) {
	p := c.peeked
	size := prompt.Of(c.op.name)
	wanted, choices := c.op.wanted(p)
	ev := deployment.Event{PromptEstimate: clamp(size.Estimate(p)), OutputTokens: wanted, MaxTokens: clamp(p.OutputLimit()),
		N: uint16(min(choices, math.MaxUint16)), Stream: p.Stream, Effort: effortOf(p),
		Chained: p.Response != nil && p.Response.Previous != ""}
	ev.Tier, _ = record.TierNamed(p.ServiceTier) // scale and fast are those of others: as the deployment has it
	m, marked := p.Marker()
	if marked {
		ev.Key, ev.Try, ev.Marked = m.Key, uint16(m.Try), true
		if wanted != 0 { // else the operation has no answer in tokens
			ev.OutputTokens = clamp(m.Output)
		}
	} else {
		ev.Key = c.digest
	}
	if marked && m.Chars == p.TextChars {
		ev.PromptTokens = clamp(m.Prompt)
		if prefix, ok := p.PrefixMarker(); ok {
			ev.Prefix, ev.Shared = withCacheKey(prefix.Name, p.PromptCacheKey), clamp(prefix.Tokens)
		}
		return ev, nil
	}
	counter, err := tokens.NewBPE(c.backend.counting.Encoding)
	if err != nil {
		return ev, err
	}
	c.counter = counter
	ev.PromptTokens = clamp(size.Count(&c.backend.counting, counter, p))
	text := blocksOf(p.Messages)
	if ev.Prefix = text.name(p.PromptCacheKey); ev.Prefix != 0 {
		c.text = &text
	}
	return ev, nil
}

func clamp(n int) int32 { return int32(min(n, math.MaxInt32)) }

// whole answers without streaming: everything at the planned end.
func (c *call) whole(f *flight) {
	for !f.ended {
		if f.wait(f.done()) {
			f.finish()
		}
	}
	if f.end.Kind == deployment.Cut && f.end.Status == 0 {
		c.reset()
		return
	}
	c.backend.limits.Load().set(c, &f.plan)
	p := newSheet()
	defer p.free()
	p.text = c.writer(f).AppendBody(p.text)
	if f.end.Kind == deployment.Cut {
		c.wrongLength(p.text, int(f.end.RemainingTokens))
		return
	}
	c.remember()
	c.answer(content.Answer{Status: http.StatusOK, Body: p.text})
}

// writer prepares what the answer says.
func (c *call) writer(f *flight) content.Writer {
	_, choices := c.op.wanted(c.peeked)
	c.flight = f
	r := content.Reply{
		Key:             c.backend.text.Draw(c.request, f.plan.Attempt),
		Created:         int64(f.plan.At) / int64(time.Second),
		Model:           c.engine(),
		Fingerprint:     c.backend.fingerprint,
		Choices:         choices,
		PromptTokens:    int(f.plan.Prompt),
		CachedTokens:    int(f.plan.Cached),
		OutputTokens:    int(f.plan.Tokens),
		ReasoningTokens: int(f.plan.Completion - f.plan.Tokens),
		ServiceTier:     f.plan.Tier.String(),
		IncludeUsage:    c.peeked.IncludeUsage,
		Obfuscation:     !c.peeked.OmitObfuscation,
	}
	r.WritesCache, r.Older = c.backend.writesCache(), c.backend.setting.Load().cfg.Profile == "azure-2024"
	r.Asynchronous, r.PromptChars = c.asynchronous(), c.peeked.TextChars
	r.Logprobs, r.TopLogprobs = c.logprobs()
	c.scripted(&r, f)
	if c.backend.limits.Load().checkpoint {
		r.Timing = &f.plan.Schedule // as it will be in the end
	}
	if f.plan.Length {
		r.Finish = ops.FinishLength
	}
	return c.op.writer(c, r)
}
