package catalog

import "testing"

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name      string
		can       Ability
		context   int
		reasoning bool
	}{
		{"gpt-4", Chat, 8_192, false},
		{"gpt-4o-mini", modern, 128_000, false},
		{"gpt-4.1-nano", modern, 1_047_576, false},
		{"gpt-5-mini", modern, 400_000, true},
		{"gpt-5.4-mini", modern, 1_050_000, true},
		{"gpt-5-chat", modern, 128_000, false},
		{"o4-mini", modern, 200_000, true},
		{"gpt-35-turbo", Chat, 16_385, false},
		{"gpt-35-turbo-instruct", Completion, 4_096, false},
		{"text-embedding-3-large", Embedding, 8_192, false},
		{"claude-sonnet-4-5", Chat | Messages, 200_000, false},
		{"my-own-model", modern, 128_000, false},
	} {
		if m := Of(c.name); m.Can != c.can || m.Context != c.context || m.Reasoning != c.reasoning {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

func TestAbilityNames(t *testing.T) {
	for a, want := range map[Ability]string{Chat: "chatCompletion", Completion: "completion", Embedding: "embeddings", Responses: "responses", Messages: "messages"} {
		if a.String() != want {
			t.Errorf("%s, want %s", a, want)
		}
	}
}
