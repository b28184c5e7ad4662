package ops

// chatCompletions: facts are those of the Azure OpenAI data plane, stable 2024-10-21 and v1.
var chatCompletions = Operation{
	Name:      "ChatCompletions_Create",
	GenAI:     "chat",
	Method:    "POST",
	Tail:      "/chat/completions",
	In:        InClassic | inOpenAI | InModels,
	AsksUsage: true,
	outlined:  true,
	Example:   chatExample,
	Peek:      (*Peeker).Peek,
	Usage:     Usage,
	Classify:  ClassifySSE,
}

func chatExample(model string) []byte {
	return example(model, `,"messages":[{"role":"system","content":"You are a terse assistant."},{"role":"user","content":"Say hello."}],"max_tokens":16}`)
}

// Usage reads the usage of a non-stream chat completion, or completion. ok is false when either count is missing.
// The body is trusted to be JSON and is not validated beyond what is read.
func Usage(body []byte) (u Used, ok bool) { return usageOf(body, chatUsage) }
