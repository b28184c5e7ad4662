package simulator

import (
	"slices"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
	"foundrylab/simulator/latency"
)

// refuseResponse refuses a context beyond the model's window.
func refuseResponse(c *call) *content.Answer {
	if int(c.prompt) > c.model.Context && !c.peeked.Response.Truncates && !c.srv.lenient {
		a := content.InputTooLong()
		return &a
	}
	return nil
}

// effortOf returns how much a request lets the model think.
func effortOf(p *ops.Peeked) latency.Effort {
	return latency.Effort(slices.Index(ops.Efforts(), p.Effort) + 1) // in the same order, after the default
}

func writeResponse(c *call, r content.Reply) content.Writer {
	form := c.responseForm(&r)
	c.memo.reply, c.memo.form, c.memo.backend = r, form, c.backend
	return content.NewResponse(r, form)
}

// responseKey names the response that answers this request. Another resource has other ones, whatever its seed: it is
// called at other instants.
func (c *call) responseKey() uint64 { return c.srv.ids.Draw(c.serial^uint64(c.began), 9) }

// responseForm fills in what a response has beside its reply, which it completes.
func (c *call) responseForm(r *content.Reply) content.ResponseForm {
	if c.backend.cfg.Model != catalog.Router { // which names its choice here too
		r.Model = c.backend.cfg.Name
	}
	plan := &c.flight.plan
	form := content.ResponseForm{ID: c.responseKey(), Asked: *c.peeked, PromptChars: c.peeked.TextChars,
		Completed: func() int64 { return int64(plan.EndsAt()) / int64(time.Second) }}
	form.Asked.Messages, form.Asked.PartChars = nil, nil
	if c.model.Reasoning {
		form.Effort = "none"
		if r.ReasoningTokens > 0 {
			form.Effort = "medium"
		}
	}
	return form
}
