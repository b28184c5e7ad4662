package ops

import "slices"

// Beside lists what the APIs have beside their operations, in the same families.
// But for Responses_Compact none asks anything of a model: they have no Peek.
// Never mutated.
var Beside = append(slices.Clip(aboutResponses), CountTokens)

// CountTokens is how Anthropic's API says how long a prompt is.
var CountTokens = Operation{
	Name: "Messages_CountTokens", GenAI: "count_input_tokens", Method: "POST", Tail: messages.Tail + "/count_tokens", In: messages.In,
	Usage: noUsage, Classify: ClassifyMessages,
}

// noUsage is the usage of an answer that nothing was used for: a response that
// is shown again has been counted when it was made.
func noUsage([]byte) (Used, bool) { return Used{}, false }
