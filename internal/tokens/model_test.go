package tokens

import (
	"slices"
	"strings"
	"testing"
)

func TestModelNamed(t *testing.T) {
	for names, want := range map[string]string{
		"gpt-4o gpt-4o-mini-2024-07-18 gpt-4.1 gpt-4.1-nano gpt-4.5-preview gpt-5 gpt-5-chat gpt-5.1-codex gpt-5.4-mini gpt-6-luna gpt-6.1-sol " +
			"o1 o1-pro o3-mini o4-mini-2025-04-16 chatgpt-4o-latest codex-mini model-router gpt-oss-120b ft:gpt-4o:org::id ft:gpt-4.1-mini-2025-04-14:org": O200K,
		"gpt-4 gpt-4-turbo gpt-4-32k gpt-3.5-turbo gpt-35-turbo-16k gpt-35-turbo-0301 text-embedding-3-small text-embedding-ada-002 davinci-002 ft:gpt-3.5-turbo:org::id": CL100K,
		"text-davinci-003 text-davinci-002 code-davinci-001 code-cushman-001":                                                                                             P50K,
		"text-davinci-001 text-curie-001 text-ada-001 davinci curie babbage ada gpt2":                                                                                     R50K,
		"claude-sonnet-4-5 Llama-3 gpt-40 gpt-4.7 gpt-7 gpt o2 o11 text-embedding-4 text-davinci-004 davincix gpt-5x GPT-4o":                                              "",
	} {
		for _, name := range strings.Fields(names) {
			m, known := ModelNamed(name)
			if known != (want != "") || m.Encoding != want {
				t.Errorf("%q: %q, want %q", name, m.Encoding, want)
			}
			if !known && ModelOrNewest(name).Encoding != O200K {
				t.Errorf("%q: is to be counted as the newest are", name)
			}
		}
	}
	if _, known := ModelNamed(""); known {
		t.Error("no name is a name")
	}
}

// Every line can be reached, and has what its kind needs.
func TestModelsTable(t *testing.T) {
	for i := range models {
		m := &models[i]
		name := m.Name
		if strings.HasSuffix(name, ".") {
			name += "0"
		}
		if got, _ := ModelNamed(name); got != *m {
			t.Errorf("%q is hidden by %q", m.Name, got.Name)
		}
		if !slices.Contains(Encodings(), m.Encoding) {
			t.Errorf("%q: vocabulary %q", m.Name, m.Encoding)
		}
		if (m.Chat == ChatRule{}) != (m.Tools == ToolRule{}) {
			t.Errorf("%q has one of the rules of chat and of tools", m.Name)
		}
	}
	if names := ModelNames(); len(names) < 30 || slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ".") }) {
		t.Errorf("names: %q", names)
	}
}

// two is a prompt whose bills were published.
var two = []Message{{Role: "system", Text: "You are a terse assistant."}, {Role: "user", Text: "Say hello."}}

func TestChatRules(t *testing.T) {
	named := []Message{{Role: "user", Name: "Bo", Text: "Say hello."}}
	for _, tt := range []struct {
		model string
		msgs  []Message
		want  int
	}{
		{"gpt-5.4", two, 19},     // billed
		{"gpt-5.6-sol", two, 19}, // billed
		{"gpt-6-luna", two, 19},  // billed
		{"gpt-6.1-sol", two, 19}, // billed
		{"gpt-4.1", two, 3 + 3 + 1 + 6 + 3 + 1 + 3},
		{"gpt-5", two, 20},
		{"o3-mini", two, 20},
		{"unheard-of", two, 20},
		{"gpt-4.1", nil, 3},
		{"gpt-4.1", named, 3 + 3 + 1 + 3 + 1 + 1},
		{"gpt-35-turbo-0301", named, 3 + 4 + 1 + 3 - 1 + 1},
		{"gpt-35-turbo", named, 3 + 3 + 1 + 3 + 1 + 1},
	} {
		m := ModelOrNewest(tt.model)
		c := mustBPE(t, m.Encoding)
		if got := m.Chat.Tokens(c, tt.msgs); got != tt.want {
			t.Errorf("%s %v: %d, want %d", tt.model, tt.msgs, got, tt.want)
		}
		if tt.want == 20 && ChatPrompt(c, tt.msgs) != 20 {
			t.Errorf("ChatPrompt is not the cookbook's rule")
		}
	}
}

// The cookbook's own example of a function, with the parts counted one by one.
func TestToolRules(t *testing.T) {
	weather := []Tool{{Name: "get_current_weather", Description: "Get the current weather in a given location.", Properties: []Property{
		{Name: "location", Type: "string", Description: "The city and state, e.g. San Francisco, CA"},
		{Name: "unit", Type: "string", Description: "The unit of temperature to return.", Enum: []string{"celsius", "fahrenheit"}},
	}}}
	for model, function := range map[string]int{"gpt-4o": 7, "gpt-5": 7, "gpt-4": 10, "gpt-35-turbo": 10} {
		m := ModelOrNewest(model)
		c := mustBPE(t, m.Encoding)
		n := c.Count
		want := function + n("get_current_weather:Get the current weather in a given location") +
			3 + 3 + n("location:string:The city and state, e.g. San Francisco, CA") +
			3 + n("unit:string:The unit of temperature to return") - 3 + 3 + n("celsius") + 3 + n("fahrenheit") + 12
		if got := m.Tools.Tokens(c, weather); got != want {
			t.Errorf("%s: %d, want %d", model, got, want)
		}
		if got := m.Tools.Tokens(c, nil); got != 0 {
			t.Errorf("%s: no tools cost %d", model, got)
		}
		if got, want := m.Tools.Tokens(c, []Tool{{Name: "now"}}), function+n("now:")+12; got != want {
			t.Errorf("%s: a function without properties is %d, want %d", model, got, want)
		}
	}
}

func TestImageRules(t *testing.T) {
	for _, tt := range []struct {
		model         string
		width, height int
		low           bool
		want          int
	}{
		{"gpt-4o", 1024, 1024, false, 85 + 4*170}, // this and the next three: the documentation's examples
		{"gpt-4o", 2048, 4096, false, 85 + 6*170},
		{"gpt-4o", 4096, 8192, true, 85},
		{"gpt-4.1-mini", 1024, 1024, false, 1659}, // 1,024 patches
		{"gpt-4o", 512, 512, false, 85 + 170},
		{"gpt-4o", 513, 512, false, 85 + 2*170},
		{"gpt-4o", 768, 768, false, 85 + 4*170},
		{"gpt-4o", 100_000, 1, false, 85 + 4*170}, // scaled to 2,048 by less than a pixel
		{"gpt-4o", 0, -1, false, 85 + 170},
		{"gpt-4o-mini", 512, 512, false, 2833 + 5667},
		{"gpt-5", 512, 512, false, 70 + 140},
		{"gpt-5.4", 512, 512, true, 70},
		{"o1", 1024, 1024, false, 75 + 4*150},
		{"gpt-5-mini", 33, 32, false, 4}, // 2 patches
		{"gpt-5-nano", 32, 32, false, 3},
		{"o4-mini", 10_000, 10_000, false, 2642}, // 1,536 patches
		{"o4-mini", 1 << 60, 1 << 60, false, 2642},
		{"gpt-4o", 1 << 60, 1 << 60, false, 85 + 4*170},
		{"gpt-35-turbo", 512, 512, false, 0},
	} {
		if got := ModelOrNewest(tt.model).Images.Tokens(tt.width, tt.height, tt.low); got != tt.want {
			t.Errorf("%s %dx%d: %d, want %d", tt.model, tt.width, tt.height, got, tt.want)
		}
	}
}
