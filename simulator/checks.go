package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"foundrylab/internal/ops"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
)

// Checks says how much a resource refuses.
type Checks string

// The profiles of checks.
const (
	Strict  Checks = "strict"  // what the service refuses; the default
	Lenient Checks = "lenient" // only what cannot be answered at all
)

// check is one reason to refuse a request that can be read, whatever the limits say.
type check struct {
	of   catalog.Ability // operations that have it
	test func(c *call) *content.Answer
}

// checks are made in this order, the first that fails answers; docs/fidelity.md says where each is from. What can only be
// said once the prompt is counted comes after them, in the operation's refuse.
var checks = []check{
	{catalog.Chat, newerVersion},
	{catalog.Chat, atMost("messages", maxMessages, func(p *ops.Peeked) int { return len(p.Messages) })},
	{catalog.Chat, someMessages},
	{catalog.Chat, knownRoles},
	{catalog.Chat, sayingMessages},
	{catalog.Messages, messagesOfClaude},
	{catalog.Chat, atMost("tools", maxTools, countTools)},
	{catalog.Chat | catalog.Completion, atMost("stop", ops.MaxStops, func(p *ops.Peeked) int { return len(p.Sampling.Stops) })},
	{sampled, within("temperature", 0, 2)},
	{sampled, within("top_p", 0, 1)},
	{sampled, within("presence_penalty", -2, 2)},
	{sampled, within("frequency_penalty", -2, 2)},
	{catalog.Chat | catalog.Responses, within("top_logprobs", 0, 20)},
	{catalog.Completion, within("logprobs", 0, 5)},
	{catalog.Chat, logprobsAsked},
	{catalog.Chat, notReasoning("max_tokens", "max_completion_tokens", func(p *ops.Peeked) bool { return p.MaxTokens >= 0 })},
	{catalog.Chat, notReasoning("logprobs", "", func(p *ops.Peeked) bool { return p.Sampling.Logprobs })},
	{catalog.Chat | catalog.Responses, notReasoning("top_logprobs", "", func(p *ops.Peeked) bool { return sampling(p, "top_logprobs") != "" })},
	{catalog.Chat, notReasoning("logit_bias", "", func(p *ops.Peeked) bool { return p.Sampling.Biased })},
	{catalog.Chat | catalog.Responses, onlyDefault("temperature", "1")},
	{catalog.Chat | catalog.Responses, onlyDefault("top_p", "1")},
	{catalog.Chat | catalog.Responses, onlyDefault("presence_penalty", "0")},
	{catalog.Chat | catalog.Responses, onlyDefault("frequency_penalty", "0")},
	{catalog.Chat | catalog.Responses, effortWithoutReasoning},
	{catalog.Chat | catalog.Completion | catalog.Responses | catalog.Messages, shortEnough},
}

// The operations that choose tokens as OpenAI's do; documented maxima.
const (
	sampled     = catalog.Chat | catalog.Completion | catalog.Responses
	maxMessages = 2048
	maxTools    = 128
)

// checked returns the first thing that the service has against the request, or nil. Generated load is the same for all
// models, and is not checked.
func (c *call) checked(marked bool) *content.Answer {
	if marked || c.srv.lenient {
		return nil
	}
	for i := range checks {
		if checks[i].of&c.op.needs == 0 {
			continue
		}
		if refusal := checks[i].test(c); refusal != nil {
			return refusal
		}
	}
	return nil
}

// newerVersion: reasoning models are not in the older versions of the classic API.
func newerVersion(c *call) *content.Answer {
	if c.model.Reasoning && c.family == "" && c.version < "2024-12-01" {
		a := content.NewerVersionNeeded()
		return &a
	}
	return nil
}

func atMost(param string, most int, count func(*ops.Peeked) int) func(*call) *content.Answer {
	return func(c *call) *content.Answer {
		n := count(c.peeked)
		if n <= most {
			return nil
		}
		return invalid(param, "array_above_max_length", fmt.Sprintf(
			"Invalid '%s': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", param, most, n))
	}
}

// countTools counts the entries of tools; of what is no list there are none, and it is refused elsewhere.
func countTools(p *ops.Peeked) int {
	if p.Tools == nil {
		return 0
	}
	var list []json.RawMessage
	if json.Unmarshal(p.Tools, &list) != nil {
		return 0
	}
	return len(list)
}

var roles = []string{"system", "assistant", "user", "function", "tool", "developer"}

func knownRoles(c *call) *content.Answer {
	for i := range c.peeked.Messages {
		if role := c.peeked.Messages[i].Role; !slices.Contains(roles, role) {
			return invalid(fmt.Sprintf("messages[%d].role", i), "invalid_value", "Invalid value: '"+role+
				"'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.")
		}
	}
	return nil
}

// sampling returns a number of the request, as it was written; "" where absent.
func sampling(p *ops.Peeked, name string) string {
	if p.Response != nil {
		return string(p.Response.Echo[name])
	}
	switch s := &p.Sampling; name {
	case "temperature":
		return s.Temperature
	case "top_p":
		return s.TopP
	case "presence_penalty":
		return s.PresencePenalty
	case "frequency_penalty":
		return s.FrequencyPenalty
	default:
		return s.TopLogprobs
	}
}

// within refuses a number below least or above most.
func within(name string, least, most float64) func(*call) *content.Answer {
	return func(c *call) *content.Answer {
		raw := sampling(c.peeked, name)
		if raw == "" {
			return nil
		}
		switch v, err := strconv.ParseFloat(raw, 64); {
		case v < least:
			return invalid(name, "decimal_below_min_value", fmt.Sprintf("Invalid '%s': decimal below minimum value. Expected a value >= %v, but got %s instead.", name, least, raw))
		case v > most || err != nil: // a number too large for a float is the only error there is
			return invalid(name, "decimal_above_max_value", fmt.Sprintf("Invalid '%s': decimal above maximum value. Expected a value <= %v, but got %s instead.", name, most, raw))
		}
		return nil
	}
}

func logprobsAsked(c *call) *content.Answer {
	if s := &c.peeked.Sampling; s.TopLogprobs != "" && !s.Logprobs {
		return invalid("top_logprobs", "", "'top_logprobs' is only allowed when 'logprobs' is true.")
	}
	return nil
}

// notReasoning refuses a parameter that reasoning models do not have.
func notReasoning(param, instead string, given func(*ops.Peeked) bool) func(*call) *content.Answer {
	return func(c *call) *content.Answer {
		if !c.model.Reasoning || !given(c.peeked) {
			return nil
		}
		a := content.UnsupportedParameter(param, instead)
		return &a
	}
}

// onlyDefault refuses a value of a parameter for which reasoning models have one alone.
func onlyDefault(name, only string) func(*call) *content.Answer {
	return func(c *call) *content.Answer {
		raw := sampling(c.peeked, name)
		if raw == "" || !c.model.Reasoning {
			return nil
		}
		want, _ := strconv.ParseFloat(only, 64)
		if got, err := strconv.ParseFloat(raw, 64); err == nil && got == want {
			return nil
		}
		a := content.UnsupportedValue(name, raw, only)
		return &a
	}
}

func effortWithoutReasoning(c *call) *content.Answer {
	if c.peeked.Effort == "" || c.model.Reasoning {
		return nil
	}
	name := "reasoning_effort"
	if c.peeked.Response != nil {
		name = "reasoning.effort"
	}
	a := content.UnsupportedParameter(name, "")
	return &a
}

// shortEnough refuses a cap above what the model can answer at most.
func shortEnough(c *call) *content.Answer {
	p, most := c.peeked, c.model.Output
	asked := p.OutputLimit()
	switch {
	case asked <= most || !c.model.Known():
		return nil
	case c.op.needs == catalog.Messages:
		return invalid("", "", fmt.Sprintf("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s", asked, most, c.backend.cfg.Model))
	case c.op.needs == catalog.Responses:
		return invalid("max_output_tokens", "integer_above_max_value", fmt.Sprintf("Invalid 'max_output_tokens': integer above maximum value. Expected a value <= %d, but got %d instead.", most, asked))
	}
	name := "max_tokens"
	if p.MaxCompletionTokens >= 0 {
		name = "max_completion_tokens"
	}
	return invalid(name, "", fmt.Sprintf("%s is too large: %d. This model supports at most %d completion tokens, whereas you provided %d.", name, asked, most, asked))
}
