package simulator

import (
	"fmt"
	"net/http"
	"time"

	"foundrylab/internal/ops"
	"foundrylab/internal/prompt"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
)

// unmetered are what the Responses API does without asking a deployment's limits.
var unmetered = []struct {
	name, tail string
	answer     func(c *call, tokens int)
}{
	{"input_tokens", "/input_tokens", (*call).countInput},
	{"compact", "/compact", (*call).compact},
}

// counted answers with what comes of the tokens of a context.
func counted(family string, answer func(c *call, tokens int)) endpoint {
	return inBody(family, (*ops.Peeker).PeekResponses, named(catalog.Responses), func(c *call) { c.countContext(answer) })
}

func (c *call) countContext(answer func(c *call, tokens int)) {
	if !c.able(catalog.Responses) {
		return
	}
	if refusal := recallResponse(c); refusal != nil {
		c.answer(*refusal)
		return
	}
	encoding, err := tokens.NewBPE(c.backend.counting.Encoding)
	if err != nil { // the vocabularies are part of the binary
		c.answer(content.InternalServerError())
		return
	}
	answer(c, prompt.Chat(&c.backend.counting, encoding, c.peeked))
}

func (c *call) countInput(tokens int) {
	c.answer(content.Answer{Status: http.StatusOK, Body: fmt.Appendf(nil, `{"object":"response.input_tokens","input_tokens":%d}`, tokens)})
}

// compact answers with what the user said and one sealed item that stands for the rest: a fifth of it.
func (c *call) compact(tokens int) {
	key := c.responseKey()
	k := &remembered{form: content.ResponseForm{ID: key, Asked: *c.peeked}}
	out := fmt.Appendf(nil, `{"id":"%s","object":"response.compaction","created_at":%d,"output":[`, content.ResponseID(key), int64(c.srv.clock.Now())/int64(time.Second))
	for i, it := range itemsOf(k) {
		if c.peeked.Response.Items[i].Message.Role == "user" {
			out = append(append(out, it.json...), ',')
		}
	}
	rest := tokens/5 + 1
	item := content.AppendItemID(nil, "cmp_", key, 0)
	out = fmt.Appendf(out, `{"id":"%s","type":"compaction","encrypted_content":"%s"}],"usage":{"input_tokens":%d,"input_tokens_details":{"cached_tokens":0},`+
		`"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":%d}}`, item, content.Sealed(key, rest), tokens, rest, tokens+rest)
	c.answer(content.Answer{Status: http.StatusOK, Body: out})
}
