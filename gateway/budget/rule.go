package budget

// Rule is how a backend charges, in its own unit: tokens, of which those of the
// answer may weigh more.
type Rule struct {
	actual       bool // what was used in the end, not what was asked for
	outputOnly   bool // nothing for the prompt
	outputWeight int64
	absentOutput int64
}

// RuleOf returns the rule of a backend: that of its limit, else the one of a
// standard deployment.
func (c *Config) RuleOf(backend string) Rule {
	for _, l := range c.Limits {
		if l.Backend == backend {
			return Rule{actual: l.Charge == "actual", outputOnly: l.Charge == "output", outputWeight: l.OutputWeight, absentOutput: l.AbsentOutput}
		}
	}
	return Rule{outputWeight: 1}
}

// AtArrival returns what a request is charged at arrival: for a prompt of so many
// tokens, which the backend takes for estimate, and at most maxTokens of output,
// negative where the request says nothing. Where it counts what was used in the
// end, that is the prompt, and expected is how much output to expect; negative:
// nobody knows.
func (r Rule) AtArrival(prompt, estimate, maxTokens, expected int32) int64 {
	switch {
	case r.outputOnly:
		prompt = 0
	case !r.actual:
		prompt = estimate
	}
	out := int64(maxTokens)
	if maxTokens < 0 {
		out = r.absentOutput
	}
	if r.actual && expected >= 0 && (maxTokens < 0 || int64(expected) < out) {
		out = int64(expected)
	}
	return max(int64(prompt)+r.outputWeight*out, 1)
}

// InTheEnd returns what a request has been charged that is over: at arrival by
// estimate and maxTokens, or for the tokens that it used, of the prompt without
// what the prompt cache knew.
func (r Rule) InTheEnd(estimate, maxTokens, prompt, completion int32) int64 {
	if r.actual {
		return r.used(prompt, completion)
	}
	return r.AtArrival(prompt, estimate, maxTokens, -1)
}

func (r Rule) used(prompt, completion int32) int64 {
	return max(int64(prompt)+r.outputWeight*int64(completion), 1)
}
