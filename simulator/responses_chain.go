package simulator

import (
	"unicode/utf8"

	"foundrylab/internal/ops"
	"foundrylab/simulator/content"
)

// recallResponse puts what previous responses said between the instructions, which are not inherited, and what the
// request says itself.
func recallResponse(c *call) *content.Answer {
	p, ask := c.peeked, c.peeked.Response
	own := p.Messages
	if ask.Instructions != "" {
		own = own[1:]
	}
	c.memo = &remembered{messages: own}
	if ask.Background && ask.Unstored {
		return invalid("background", "", "Invalid 'background': background responses must be stored, but 'store' is false.")
	}
	if ask.Previous == "" {
		return nil
	}
	context, found := c.backend.memory.chain(c.srv.clock.Now(), ask.Previous)
	if !found && !c.srv.lenient { // else the chain begins here
		a := content.PreviousNotFound(ask.Previous)
		return &a
	}
	var all []ops.Message
	if ask.Instructions != "" {
		all = append(all, p.Messages[0])
	}
	p.Messages = append(append(all, context...), own...)
	for i := range context {
		chars := utf8.RuneCountInString(context[i].Text)
		p.PartChars = append(p.PartChars, chars)
		p.TextChars += chars
	}
	return nil
}
