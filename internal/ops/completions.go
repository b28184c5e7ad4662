package ops

// completions is the older operation that goes on with a text: the service's stable 2024-10-21 and v1.
var completions = Operation{
	Name:      "Completions_Create",
	GenAI:     "text_completion",
	Method:    "POST",
	Tail:      "/completions",
	In:        InClassic | inOpenAI,
	AsksUsage: true,
	outlined:  true,
	Example:   completionsExample,
	Peek:      (*Peeker).PeekCompletions,
	Usage:     Usage,
	Classify:  ClassifySSE,
}

func completionsExample(model string) []byte {
	return example(model, `,"prompt":"Once upon a time","max_tokens":16}`)
}

// MaxStops is the documented maximum of stop sequences.
const MaxStops = 4

// PeekCompletions reads the body of a completions request, by the rules of Peek. max_tokens is 16 where it is absent,
// as OpenAI's specification has it.
func (k *Peeker) PeekCompletions(body []byte) (Peeked, error) {
	p := Peeked{MaxTokens: 16, MaxCompletionTokens: -1, N: 1, BestOf: 1}
	r := k.begin(body)
	seen := false
	r.enter('{', place{})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"model"`:
			p.Model = r.text(place{name: "model"})
		case `"prompt"`:
			if r.null() { // the end-of-text token
				p.Inputs, seen = []Input{{}}, true
				continue
			}
			seen, p.TextChars = true, 0
			r.inputs(&p, "prompt")
		case `"echo"`:
			p.Echo = r.bool(place{name: "echo"}, false)
		case `"stream"`:
			p.Stream = r.bool(place{name: "stream"}, false)
		case `"stream_options"`:
			r.streamOptions(&p)
		case `"max_tokens"`:
			p.MaxTokens = r.int(place{name: "max_tokens"}, 16, MaxOutputLimit)
		case `"n"`:
			p.N = r.int(place{name: "n"}, 1, MaxChoices)
		case `"best_of"`:
			p.BestOf = r.int(place{name: "best_of"}, 1, 20)
		case `"logprobs"`:
			p.Sampling.TopLogprobs = r.number(place{name: "logprobs"})
		default:
			r.sampling(&p.Sampling, name)
		}
	}
	return p, r.finish(seen, "prompt")
}
