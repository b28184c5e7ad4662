package simulator

import (
	"hash/fnv"
	"math"
	"net/http"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// chat brings a checked request before its deployment and answers as that decides.
func (c *call) chat(op *ops.Operation) {
	ask, ok := c.asked()
	if !ok {
		return
	}
	ev, err := c.meter()
	ev.Ask = ask
	c.request = ev.Key
	if err != nil { // the vocabularies are part of the binary
		c.srv.log.Error().Err(err).Msg("counting tokens failed")
		c.answer(content.InternalServerError())
		return
	}
	c.body = nil // a long answer needs not hold it
	f := c.backend.start(ev, c.text, c.r.Context().Done())
	defer func() {
		f.land()
		c.end = &f.end
	}()
	if f.ended && deployment.Spills(&f.end) {
		if to := c.spillover(); to != nil {
			f = c.spill(f, ev, to)
		}
	}
	switch {
	case f.ended:
		c.refuse(op, &f.end)
	case c.peeked.Stream:
		c.stream(f)
	default:
		c.whole(f)
	}
}

// meter says what the deployment has to know of the request. A generated prompt carries its key, its wanted output and
// its token count; the count is believed if the text has the length that the marker gives, else a gateway has changed
// it. Any other prompt is counted, named by its body, compared with what came before, and answered at a length that the
// deployment draws.
func (c *call) meter() (deployment.Event, error) {
	p := &c.peeked
	ev := deployment.Event{PromptEstimate: clamp(tokens.EstimateParts(p.PartChars)), OutputTokens: -1, MaxTokens: clamp(p.OutputLimit()),
		N: uint16(p.N), Stream: p.Stream}
	m, marked := p.Marker()
	if marked {
		ev.Key, ev.Try, ev.Marked, ev.OutputTokens = m.Key, uint16(m.Try), true, clamp(m.Output)
	} else {
		h := fnv.New64a()
		h.Write(c.body)
		ev.Key = h.Sum64()
	}
	if marked && m.Chars == p.TextChars {
		ev.PromptTokens = clamp(m.Prompt)
		if prefix, ok := p.PrefixMarker(); ok {
			ev.Prefix, ev.Shared = withCacheKey(prefix.Name, p.PromptCacheKey), clamp(prefix.Tokens)
		}
		return ev, nil
	}
	counter, err := tokens.NewBPE(tokens.EncodingFor(c.backend.cfg.Model))
	if err != nil {
		return ev, err
	}
	ev.PromptTokens = clamp(tokens.ChatPrompt(counter, p.Messages))
	text := blocksOf(p.Messages)
	if ev.Prefix = text.name(p.PromptCacheKey); ev.Prefix != 0 {
		c.text = &text
	}
	return ev, nil
}

func clamp(n int) int32 { return int32(min(n, math.MaxInt32)) }

// Room for a whole answer, in bytes: a good guess saves copying.
const bodySize, choiceSize, tokenSize = 900, 500, 7

// whole answers without streaming: everything at the planned end.
func (c *call) whole(f *flight) {
	for !f.ended {
		if !f.wait(f.done()) {
			f.finish()
		}
	}
	if f.end.Kind == deployment.Cut && f.end.Status == 0 {
		c.reset()
		return
	}
	c.backend.limits.Load().set(c.w.Header(), &f.plan)
	room := bodySize + max(c.peeked.N, 1)*(choiceSize+tokenSize*int(f.plan.Completion))
	body := c.completion(f).AppendBody(make([]byte, 0, room))
	if f.end.Kind == deployment.Cut {
		c.wrongLength(body, int(f.end.RemainingTokens))
		return
	}
	c.answer(content.Answer{Status: http.StatusOK, Body: body})
}

// completion prepares what the answer says.
func (c *call) completion(f *flight) content.Writer {
	r := content.Reply{
		Key:          c.backend.text.Draw(c.request, f.plan.Attempt),
		Created:      int64(f.plan.At) / int64(time.Second),
		Model:        c.backend.engine,
		Fingerprint:  c.backend.fingerprint,
		Choices:      c.peeked.N,
		PromptTokens: int(f.plan.Prompt),
		CachedTokens: int(f.plan.Cached),
		OutputTokens: int(f.plan.Completion),
		IncludeUsage: c.peeked.IncludeUsage,
		Obfuscation:  !c.peeked.OmitObfuscation,
	}
	if f.plan.Length {
		r.Finish = ops.FinishLength
	}
	return content.NewChat(r)
}
