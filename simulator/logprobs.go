package simulator

import (
	"strconv"

	"foundrylab/simulator/catalog"
)

// logprobs returns whether log probabilities are asked for, and of how many alternatives.
func (c *call) logprobs() (asked bool, top int) {
	s := &c.peeked.Sampling
	if n := sampling(c.peeked, "top_logprobs"); n != "" {
		top, _ = strconv.Atoi(n) // checked, or lenient
	}
	switch c.op.needs {
	case catalog.Chat:
		return s.Logprobs, min(max(top, 0), 20)
	case catalog.Completion:
		return s.TopLogprobs != "", min(max(top, 0), 5)
	case catalog.Responses:
		return c.peeked.Response.Logprobs && !c.model.Reasoning, min(max(top, 0), 20)
	}
	return false, 0
}
