package catalog

import (
	"strings"
	"testing"
)

func TestGuess(t *testing.T) {
	for _, tt := range []struct {
		name           string
		needs          Ability
		model, version string
	}{
		{"gpt-4o", Chat, "gpt-4o", "2024-11-20"},
		{"gpt-4o-mini", Chat, "gpt-4o-mini", "2024-07-18"},
		{"team-gpt-4o-mini-eu", Chat, "gpt-4o-mini", "2024-07-18"},
		{"GPT4o", Chat, "gpt-4o", "2024-11-20"},
		{"my_gpt4", Chat, "gpt-4", "0613"},
		{"gpt35-turbo", Chat, "gpt-35-turbo", "0125"},
		{"gpt-4.1-2025-04-14", Responses, "gpt-4.1", "2025-04-14"},
		{"gpt-5.", Chat, "gpt-5", "2025-08-07"},
		{"gpt-5.9", Chat, "gpt-5.9", ""}, // not gpt-5
		{"gpt-6-astra", Chat, "gpt-6-astra", ""},
		{"claude-opus-9", Messages, "claude-opus-9", ""},
		{"demo1", Chat, "gpt-4.1", "2025-04-14"}, // not o1
		{"o1x-o1", Chat, "o1", "2024-12-17"},     // the second one
		{"chat", Chat, "gpt-4.1", "2025-04-14"},
		{"eu-model-router", Chat, "model-router", "2025-11-18"},
		{"chat", Responses, "gpt-4.1", "2025-04-14"},
		{"prod", Embedding, "text-embedding-3-small", "1"},
		{"prod", Completion, "gpt-35-turbo-instruct", "0914"},
		{"prod", Messages, "claude-sonnet-4-5", "20250929"},
		{"gpt-4o", Embedding, "gpt-4o", "2024-11-20"}, // which the service refuses, as here
		{"text-embedding-3-large-prod", Embedding, "text-embedding-3-large", "1"},
		{"", Chat, "gpt-4.1", "2025-04-14"},
		{"gpt", Chat, "gpt-4.1", "2025-04-14"},
	} {
		if got := Guess(tt.name, tt.needs); got != (Release{tt.model, tt.version}) {
			t.Errorf("%q: %+v, want %s %s", tt.name, got, tt.model, tt.version)
		}
	}
}

// Every release is of a model that is known, and is what its own name is taken for.
func TestReleases(t *testing.T) {
	for _, r := range releases {
		if m := Of(r.Model); !m.Known() {
			t.Errorf("%s: what it is able to do is not known", r.Model)
		}
		if got := Guess(r.Model, Chat); got != r {
			t.Errorf("%s is taken for %+v", r.Model, got)
		}
		if strings.ToLower(r.Model) != r.Model || r.Version == "" {
			t.Errorf("%+v: names are in small letters and versions are known", r)
		}
	}
}

func FuzzGuess(f *testing.F) {
	f.Add("gpt")
	f.Add("gpt-4o.")
	f.Fuzz(func(t *testing.T, name string) {
		for _, needs := range []Ability{Chat, Completion, Embedding, Responses, Messages} {
			if Guess(name, needs).Model == "" {
				t.Errorf("%q has no model", name)
			}
		}
	})
}
