// Package catalog says what the models of the service are able to do: which operations work with them, how much text
// they take and give, what they refuse. It owns facts about models that answers depend on; limits, pace and token rules
// are in simulator/deployment, simulator/latency and internal/tokens. Exact; all functions are safe for concurrent use.
package catalog

import "strings"

// Ability is an operation that works with a model, by the name that the service's refusals use.
type Ability uint8

// The abilities.
const (
	Chat Ability = 1 << iota
	Completion
	Embedding
	Responses
	Messages // Anthropic's
)

// String returns the name in the service's refusals: chatCompletion, completion, embeddings.
func (a Ability) String() string {
	switch a {
	case Chat:
		return "chatCompletion"
	case Completion:
		return "completion"
	case Embedding:
		return "embeddings"
	case Responses:
		return "responses"
	}
	return "messages"
}

// Model is what is known of a family of models. Sizes are in tokens.
type Model struct {
	prefix     string // of model names; the longest that fits counts
	Can        Ability
	Context    int  // prompt and answer together
	Output     int  // answer at most
	Reasoning  bool // thinks before it answers, and refuses sampling parameters
	Dimensions int  // embeddings: natural length of a vector
	Shortens   bool // embeddings: dimensions may be asked for
}

// Known reports whether the model is one of the table.
func (m *Model) Known() bool { return m.prefix != "" }

const modern = Chat | Responses

// models: context windows from Microsoft's model pages (2026); abilities from the pages of the operations. A name that
// fits none is taken for a modern chat model.
var models = []Model{
	{"", modern, 128_000, 16_384, false, 0, false},
	{"gpt-3.5", Chat, 16_385, 4_096, false, 0, false},
	{"gpt-35", Chat, 16_385, 4_096, false, 0, false},
	{"gpt-3.5-turbo-instruct", Completion, 4_096, 4_096, false, 0, false},
	{"gpt-35-turbo-instruct", Completion, 4_096, 4_096, false, 0, false},
	{"davinci-002", Completion, 16_384, 16_384, false, 0, false},
	{"babbage-002", Completion, 16_384, 16_384, false, 0, false},
	{"gpt-4", Chat, 8_192, 8_192, false, 0, false},
	{"gpt-4-32k", Chat, 32_768, 32_768, false, 0, false},
	{"gpt-4-turbo", modern, 128_000, 4_096, false, 0, false},
	{"gpt-4o", modern, 128_000, 16_384, false, 0, false},
	{"gpt-4.1", modern, 1_047_576, 32_768, false, 0, false},
	{"gpt-4.5", modern, 128_000, 16_384, false, 0, false},
	{"gpt-5", modern, 400_000, 128_000, true, 0, false},
	{"gpt-5-chat", modern, 128_000, 16_384, false, 0, false},
	{"gpt-5-pro", Responses, 400_000, 128_000, true, 0, false},
	{"gpt-5-codex", Responses, 400_000, 128_000, true, 0, false},
	{"gpt-5.4", modern, 1_050_000, 128_000, true, 0, false},
	{"gpt-6", modern, 1_050_000, 128_000, true, 0, false},
	{Router, modern, 200_000, 32_768, false, 0, false}, // the smallest of what it chooses from; what a reasoning model does not take is dropped on the way
	{"o1", modern, 200_000, 100_000, true, 0, false},
	{"o1-pro", Responses, 200_000, 100_000, true, 0, false},
	{"o3", modern, 200_000, 100_000, true, 0, false},
	{"o3-pro", Responses, 200_000, 100_000, true, 0, false},
	{"o4", modern, 200_000, 100_000, true, 0, false},
	{"text-embedding-ada-002", Embedding, 8_192, 0, false, 1_536, false},
	{"text-embedding-3-small", Embedding, 8_192, 0, false, 1_536, true},
	{"text-embedding-3-large", Embedding, 8_192, 0, false, 3_072, true},
	// chat completions too: generated load asks for nothing else
	{"claude-", Chat | Messages, 200_000, 64_000, false, 0, false},
}

// Of returns what is known of a model by its name.
func Of(name string) Model {
	best := 0
	for i := range models {
		if p := models[i].prefix; len(p) > len(models[best].prefix) && strings.HasPrefix(name, p) {
			best = i
		}
	}
	return models[best]
}
