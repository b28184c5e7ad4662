package ops

// chatCompletions: facts are those of the Azure OpenAI data plane, stable 2024-10-21 and v1.
var chatCompletions = Operation{
	Name:     "ChatCompletions_Create",
	GenAI:    "chat",
	Method:   "POST",
	Tail:     "/chat/completions",
	In:       InClassic | inOpenAI | InModels,
	Example:  chatExample,
	Peek:     (*Peeker).Peek,
	Usage:    Usage,
	Classify: ClassifySSE,
}

func chatExample(model string) []byte {
	return example(model, `,"messages":[{"role":"system","content":"You are a terse assistant."},{"role":"user","content":"Say hello."}],"max_tokens":16}`)
}

// Usage reads usage.prompt_tokens and usage.completion_tokens of a non-stream chat completion.
// ok is false when either is missing. The body is trusted to be JSON and is not validated beyond what is read.
func Usage(body []byte) (prompt, completion int, ok bool) {
	s := scan{b: body}
	if !s.seek("usage", '{') {
		return 0, 0, false
	}
	return s.usage()
}
