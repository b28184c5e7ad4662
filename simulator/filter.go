package simulator

import (
	"net/http"

	"foundrylab/internal/ops"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/filter"
)

// filterHeader asks for what the content filter shall find for this one request, as violence=high, or
// answer:violence=high.
const filterHeader = "X-Foundrylab-Filter"

// wishedToken is where an answer is found guilty that says nothing bad and was only wished to be.
const wishedToken = 10

// verdicts are what the content filter finds.
type verdicts struct {
	prompt, answer filter.Verdict
	found          int // token of the first finding in the answer
	wish           filter.Wish
}

// judgePrompt finds what is wrong with the prompt, or refuses a wish that is not understood. Embeddings are not judged.
func (c *call) judgePrompt() *content.Answer {
	wish, v := c.r.Header.Get(filterHeader), &c.verdicts
	if c.op.needs == catalog.Embedding {
		return nil
	}
	if wish != "" {
		var err error
		if v.wish, err = filter.ParseWish(wish); err != nil {
			return invalid(filterHeader, "invalid_filter", "What the content filter shall find is not understood: "+err.Error()+".")
		}
		v.prompt, v.prompt.Least = v.wish.Prompt, c.backend.filter.Least()
	}
	if c.backend.filter == nil {
		return nil
	}
	for i := range c.peeked.Messages {
		c.backend.filter.Prompt(c.peeked.Messages[i].Text, &v.prompt)
	}
	for i := range c.peeked.Inputs {
		c.backend.filter.Prompt(c.peeked.Inputs[i].Text, &v.prompt)
	}
	return nil
}

// judgesAnswers reports whether anything may be found in the answer.
func (c *call) judgesAnswers() bool {
	return !c.verdicts.wish.Answer.Safe() || c.backend.filter.ReadsAnswers()
}

// judgeAnswer finds what is wrong with the answer, and stops it there. A stream that is judged asynchronously goes on
// until the filter looks.
func (c *call) judgeAnswer(text string) {
	answer, first, stop := c.backend.filter.Answer(text)
	if wish := c.verdicts.wish.Answer; !wish.Safe() {
		at := c.script.ByteAt(wishedToken)
		wish.Least = c.backend.filter.Least()
		if wish.Stopped() && (stop < 0 || at < stop) {
			answer, stop = wish, at
		} else {
			answer.Add(&wish)
		}
		if first < 0 || at < first {
			first = at
		}
	}
	c.verdicts.answer, c.verdicts.found = answer, 0
	if first >= 0 {
		c.verdicts.found = c.script.TokenAt(first)
	}
	switch {
	case stop < 0:
	case c.asynchronous():
		c.finish = ops.FinishContentFilter
		c.script = c.script.Cut((c.script.TokenAt(stop)/content.JudgedTokens + 1) * content.JudgedTokens)
	default:
		c.finish = ops.FinishContentFilter
		c.script = c.script.Before(stop)
	}
}

// asynchronous reports whether the filter annotates the answer behind its back.
func (c *call) asynchronous() bool {
	return c.peeked.Stream && c.op.needs == catalog.Chat && c.backend.setting.Load().cfg.Latency.Filter == "asynchronous"
}

// stopped tells the deployment of a prompt that the filter stops. Anthropic's API has no refusal for it: the answer is an
// empty one.
func (c *call) stopped(ev *deployment.Event) bool {
	switch {
	case !c.verdicts.prompt.Stopped():
		return false
	case c.op.needs == catalog.Messages:
		c.script, c.finish, c.prose, ev.OutputTokens, ev.EndsBy = new(content.Script), ops.FinishContentFilter, false, 0, 0
		return false
	}
	ev.Filtered = true
	return true
}

// filtered answers a prompt that was stopped, once the deployment has billed it.
func (c *call) filtered(f *flight) {
	for !f.ended {
		if f.wait(f.done()) {
			f.finish()
		}
	}
	if f.end.Status != http.StatusBadRequest {
		c.reset()
		return
	}
	c.backend.limits.Load().set(c, &f.plan)
	c.answer(content.PromptFiltered(&c.verdicts.prompt))
}
