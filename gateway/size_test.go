package gateway

import (
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
)

// Prompts are counted by the vocabulary of the backends' model, else by that of the name that a client uses, else by the
// newest; the limits of embeddings take a prompt for less than others do.
func TestPromptsAreCounted(t *testing.T) {
	const said = "Grüße aus Zürich, 你好世界"
	chat := `{"messages":[{"role":"user","content":"` + said + `"}]}`
	for _, c := range []struct {
		model, route, called, body string
		tokens, estimate           int32
	}{
		{"gpt-4.1@2025-04-14", "ChatCompletions_Create/classic", "prod", chat, 16, 6},
		{"gpt-4@0613", "ChatCompletions_Create/classic", "prod", chat, 21, 6},
		{"", "ChatCompletions_Create/classic", "gpt-4", chat, 21, 6},
		{"", "ChatCompletions_Create/classic", "prod", chat, 16, 6},
		{"", "ChatCompletions_Create/v1", "", `{"model":"gpt-35-turbo",` + chat[1:], 21, 6},
		{"", "Embeddings_Create/classic", "text-embedding-3-small", `{"input":["` + said + `","` + said + `"]}`, 28, 12},
		{"", "ChatCompletions_Create/classic", "prod", "{}", 3, 0},
	} {
		gw, err := New(Config{Core: Policy([]string{"a"}), Model: c.model, Backends: []Backend{{Name: "a", URL: "http://a"}}})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, rt := range routes() {
			if rt.name == c.route {
				found = true
				r := mux.SetURLVars(httptest.NewRequest("POST", "/", nil), map[string]string{"deployment": c.called})
				if ev := gw.describe(rt, r, []byte(c.body), 0); ev.PromptTokens != c.tokens || ev.PromptEstimate != c.estimate {
					t.Errorf("%+v: %d tokens, taken for %d", c, ev.PromptTokens, ev.PromptEstimate)
				}
			}
		}
		if !found {
			t.Errorf("there is no route %s", c.route)
		}
		gw.Close()
	}
}
