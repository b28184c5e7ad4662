// Package prompt says how large the prompt of a request is: in tokens, as the service bills it, and as the limits of the
// service take it for at arrival.
//
// It owns which of both rules an operation has. It refuses vocabularies and models, which are those of internal/tokens, and
// every other thing in a body. All functions are safe for concurrent use.
package prompt

import (
	"foundrylab/internal/ops"
	"foundrylab/internal/tokens"
)

// Rule is how the prompts of an operation are counted.
type Rule struct {
	operation string
	// Estimate is what the limits count at arrival, in tokens, whatever the model.
	Estimate func(p *ops.Peeked) int
	// Count is what is billed, in tokens; counter is of the model's vocabulary.
	Count func(model *tokens.Model, counter tokens.Counter, p *ops.Peeked) int
}

var rules = [...]Rule{
	{"ChatCompletions_Create", parts, Chat},
	{"Completions_Create", parts, inputs},
	{"Embeddings_Create", quarters, inputs},
	{"Messages_Create", parts, Chat},
	{"Responses_Create", parts, Chat},
}

// Of returns the rule of an operation, by its name in internal/ops; a test sees that each has one.
func Of(operation string) Rule {
	for _, r := range rules {
		if r.operation == operation {
			return r
		}
	}
	panic("prompt: no rule for operation " + operation)
}

func parts(p *ops.Peeked) int { return tokens.EstimateParts(p.PartChars) }

// quarters is the estimate of embeddings: a quarter of the characters, rounded up.
func quarters(p *ops.Peeked) (n int) {
	for _, chars := range p.PartChars {
		n += (chars + 3) / 4
	}
	return n
}

// Chat counts messages and the functions that are declared beside them.
func Chat(model *tokens.Model, counter tokens.Counter, p *ops.Peeked) int {
	return model.Chat.Tokens(counter, p.Messages) + model.Tools.Tokens(counter, declared(p.Tools))
}

func inputs(_ *tokens.Model, counter tokens.Counter, p *ops.Peeked) (n int) {
	for _, input := range p.Inputs {
		if input.Tokens > 0 {
			n += input.Tokens
		} else {
			n += counter.Count(input.Text)
		}
	}
	return n
}
