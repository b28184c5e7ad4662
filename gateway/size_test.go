package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"

	"foundrylab/gateway/core"
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
				x := &exchange{g: gw, pool: gw.present.Load().pools[0].pool, route: rt, body: []byte(c.body), r: httptest.NewRequest("POST", classicPrefix+url.PathEscape(c.called)+"/chat/completions", nil)}
				ev := gw.describe(x)
				if x.countPrompt(); ev.PromptTokens != 0 || x.prompt != c.tokens || ev.PromptEstimate != c.estimate {
					t.Errorf("%+v: %d tokens, taken for %d", c, x.prompt, ev.PromptEstimate)
				}
			}
		}
		if !found {
			t.Errorf("there is no route %s", c.route)
		}
		gw.Close()
	}
}

// The count is there when an answer begins, after another attempt too, and over a transport that is not ours.
func TestPromptIsCountedBeforeItsAnswer(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			lb := newLab(t, []*fake{always(status(503)), always(ok)}, func(cfg *Config) {
				for i := range cfg.Backends {
					if foreign {
						cfg.Backends[i].Transport = struct{ http.RoundTripper }{cfg.Backends[i].Transport}
					}
				}
			})
			lb.post(v1, chat)
			var heads []int32
			for _, s := range lb.Tape().Steps {
				if s.Event.Kind == core.Head {
					heads = append(heads, s.Event.PromptTokens)
				}
			}
			if len(heads) != 1 || heads[0] != 10 {
				t.Errorf("foreign %v: heads with %v tokens", foreign, heads)
			}
		})
	}
}
