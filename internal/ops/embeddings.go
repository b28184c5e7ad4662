package ops

// embeddings: OpenAI's specification, and the operation's name as 429s of the service spell it.
var embeddings = Operation{
	Name:     "Embeddings_Create",
	GenAI:    "embeddings",
	Method:   "POST",
	Tail:     "/embeddings",
	In:       InClassic | inOpenAI | InModels,
	Example:  embeddingsExample,
	Peek:     (*Peeker).PeekEmbeddings,
	Usage:    EmbeddingsUsage,
	Classify: ClassifySSE,
}

func embeddingsExample(model string) []byte {
	return example(model, `,"input":["The food was delicious."]}`)
}

// PeekEmbeddings reads the body of an embeddings request, by the rules of Peek. Nothing of it streams.
func (k *Peeker) PeekEmbeddings(body []byte) (Peeked, error) {
	p := Peeked{MaxTokens: -1, MaxCompletionTokens: -1, N: 1}
	r := k.begin(body)
	seen := false
	r.enter('{', place{})
	for r.more('}') {
		switch name := r.name(); string(name) {
		case `"model"`:
			p.Model = r.text(place{name: "model"})
		case `"input"`:
			seen, p.TextChars = true, 0
			r.inputs(&p, "input")
		case `"dimensions"`:
			p.Dimensions = r.int(place{name: "dimensions"}, 0, MaxOutputLimit)
		case `"encoding_format"`:
			p.Base64 = r.encodingFormat()
		default:
			r.skip()
		}
	}
	return p, r.finish(seen, "input")
}

func (r *reader) encodingFormat() (base64 bool) {
	at := place{name: "encoding_format"}
	if r.null() {
		return false
	}
	switch format := r.text(at); format {
	case "base64":
		return true
	case "float", "":
	default:
		r.fail(at, "invalid_value", "Invalid value: '"+format+"'. Supported values are: 'float' and 'base64'.")
	}
	return false
}

// EmbeddingsUsage reads usage.prompt_tokens of an embeddings response; there are no completion tokens.
func EmbeddingsUsage(body []byte) (u Used, ok bool) {
	s := scan{b: body}
	if !s.seek("usage", '{') {
		return Used{}, false
	}
	u, ok, _ = s.used(chatUsage)
	return Used{Prompt: u.Prompt}, ok
}
