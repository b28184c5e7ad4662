package ops

import "github.com/go-json-experiment/json/jsontext"

// chatCompletions: facts are those of the Azure OpenAI data plane, stable 2024-10-21 and v1.
var chatCompletions = Operation{
	Name:     "ChatCompletions_Create",
	Method:   "POST",
	Tail:     "/chat/completions",
	In:       InClassic | inOpenAI | InModels,
	Example:  chatExample,
	Peek:     (*Peeker).Peek,
	Usage:    Usage,
	Classify: ClassifySSE,
}

func chatExample(model string) []byte {
	b := []byte(`{"model":`)
	b, _ = jsontext.AppendQuote(b, model) // the error only reports that invalid UTF-8 was replaced
	return append(b, `,"messages":[{"role":"system","content":"You are a terse assistant."},{"role":"user","content":"Say hello."}],"max_tokens":16}`...)
}

// Usage reads usage.prompt_tokens and usage.completion_tokens of a non-stream chat completion.
// ok is false when either is missing. The body is trusted to be JSON and is not validated beyond what is read.
func Usage(body []byte) (prompt, completion int, ok bool) {
	s := scan{b: body}
	s.open('{')
	for n := 0; ; n++ {
		name, more := s.member(n)
		if !more {
			return 0, 0, false
		}
		if string(name) == "usage" && s.peek() == '{' {
			return s.usage()
		}
		s.skip()
	}
}
