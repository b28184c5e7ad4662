// Package tokens counts tokens: exactly, with the public byte-pair vocabularies, and as the service estimates them.
//
// It owns the choice of vocabulary for a model, the chat rule and the estimate. It refuses requests, quotas and
// prices: a caller hands it text. Everything works offline and is safe for concurrent use.
package tokens

import (
	"strings"

	"foundrylab/internal/ops"
)

// Counter counts the tokens of a text. Implementations are safe for concurrent use and never fail.
type Counter interface{ Count(text string) int }

// Message is one chat message.
type Message = ops.Message

// The chat rule of the OpenAI cookbook, in tokens: fixed cost per message, per name, and once for the answer that
// the prompt is primed for. Models from gpt-5.4 on were seen to bill one token less per prompt; the rule is kept.
const (
	perMessage = 3
	perName    = 1
	perPrompt  = 3
)

// ChatPrompt returns the prompt tokens of a chat request: 3 per message plus its role, content and name, 1 more for
// a name, and 3 once. Images, tools and tool calls are not counted.
func ChatPrompt(c Counter, msgs []Message) int {
	total := perPrompt
	for i := range msgs {
		total += perMessage + c.Count(msgs[i].Role) + c.Count(msgs[i].Text)
		if msgs[i].Name != "" {
			total += perName + c.Count(msgs[i].Name)
		}
	}
	return total
}

// Estimate is the service's own estimate of the prompt tokens of one text part, from its characters (code points):
// floor(chars/4) + 1. Rate limits are charged with it; it is not the billed number.
func Estimate(chars int) int { return chars/4 + 1 }

// EstimateParts is the sum of Estimate over the text parts of a request, as in ops.Peeked.PartChars.
func EstimateParts(partChars []int) int {
	total := 0
	for _, chars := range partChars {
		total += Estimate(chars)
	}
	return total
}

// cl100kModels are the name prefixes of the older models; "gpt-4" itself is matched apart from gpt-4o, 4.1 and 4.5.
var cl100kModels = []string{"gpt-4-", "gpt-3.5", "gpt-35", "text-embedding-"}

// EncodingFor returns the vocabulary of a model name as in tiktoken's model map: CL100K for gpt-4, gpt-3.5 (also
// spelled gpt-35) and text-embedding-*, O200K for everything newer and for unknown names. gpt-oss has its own
// vocabulary, which differs from O200K only in special tokens.
func EncodingFor(model string) string {
	if model == "gpt-4" {
		return CL100K
	}
	for _, prefix := range cl100kModels {
		if strings.HasPrefix(model, prefix) {
			return CL100K
		}
	}
	return O200K
}
