package simulator

import (
	"fmt"

	"foundrylab/simulator/content"
	"foundrylab/simulator/embed"
)

// maxEmbedTokens bounds all inputs of one request together, as OpenAI's specification has it.
const maxEmbedTokens = 300_000

// refuseEmbeddings refuses dimensions that the model does not have, and inputs beyond its window.
func refuseEmbeddings(c *call) *content.Answer {
	p, m := c.peeked, c.model
	if c.srv.lenient {
		return nil
	}
	switch {
	case p.Dimensions > 0 && !m.Shortens:
		return invalid("", "", "This model does not support specifying dimensions.")
	case p.Dimensions > m.Dimensions:
		return invalid("dimensions", "", fmt.Sprintf("Invalid value for 'dimensions' = %d. Must be less than or equal to %d.", p.Dimensions, m.Dimensions))
	case int(c.prompt) > maxEmbedTokens:
		return invalid("input", "", fmt.Sprintf("Requested %d tokens, max %d tokens per request.", c.prompt, maxEmbedTokens))
	}
	for i, chars := range p.PartChars {
		if chars <= m.Context { // a token has a character at least
			continue
		}
		n := p.Inputs[i].Tokens
		if n == 0 && c.counter != nil {
			n = c.counter.Count(p.Inputs[i].Text)
		}
		if n > m.Context {
			return invalid("", "", fmt.Sprintf("This model's maximum context length is %d tokens, however you requested %d tokens (%d in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
				m.Context, n, n))
		}
	}
	return nil
}

func writeEmbeddings(c *call, r content.Reply) content.Writer {
	p, natural := c.peeked, c.model.Dimensions
	wanted := natural
	if p.Dimensions > 0 {
		wanted = min(p.Dimensions, natural)
	}
	return &content.Embeddings{Model: c.backend.cfg.Model, Inputs: len(p.Inputs), PromptTokens: r.PromptTokens,
		Vector: func(dst []byte, i int) []byte {
			v := embed.Vector(p.Inputs[i].Text, natural, wanted)
			if p.Base64 {
				return embed.AppendBase64(dst, v)
			}
			return embed.AppendFloats(dst, v)
		}}
}
