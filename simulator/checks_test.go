package simulator

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"foundrylab/internal/distribution"
	"foundrylab/internal/unit"
	"foundrylab/simulator/deployment"
)

// ofModel is a deployment of that model that answers at once.
func ofModel(name string) deployment.Config {
	d := swift(name)
	d.Model, d.Version = name, "1"
	return d
}

// readAll reads an answer to its end.
func readAll(l *lab, resp *http.Response) string {
	l.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		l.Error(err)
	}
	return string(b)
}

// Each check refuses what it is for, in the envelope of the service, and the lenient profile accepts the same.
func TestRequestChecks(t *testing.T) {
	const say = `"messages":[{"role":"user","content":"hi"}]`
	chat := func(more string) string { return `{` + say + more + `}` }
	many := func(n int, item string) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	tests := []struct {
		model, body, param, code, message string // of the refusal; message "" where it is accepted
	}{
		{"gpt-4o", chat(`,"temperature":2,"top_p":1.0,"presence_penalty":-2,"frequency_penalty":2e0,"n":2,"stop":["a","b","c","d"],"logprobs":true,"top_logprobs":20,"seed":7,"logit_bias":{"50256":-100},"max_tokens":16384`), "", "", ""},
		{"gpt-4o", `{"messages":` + many(2049, `{"role":"user","content":"a"}`) + `}`, "messages", "array_above_max_length", "maximum length 2048, but got an array with length 2049"},
		{"gpt-4o", `{"messages":[{"role":"user","content":"a"},{"role":"robot","content":"a"}]}`, "messages[1].role", "invalid_value", "Invalid value: 'robot'"},
		{"gpt-4o", chat(`,"tools":` + many(129, `{"type":"function","function":{"name":"f"}}`)), "tools", "array_above_max_length", "maximum length 128, but got an array with length 129"},
		{"gpt-4o", chat(`,"stop":["a","b","c","d","e"]`), "stop", "array_above_max_length", "maximum length 4"},
		{"gpt-4o", chat(`,"temperature":2.01`), "temperature", "decimal_above_max_value", "Expected a value <= 2, but got 2.01 instead."},
		{"gpt-4o", chat(`,"temperature":-1e-3`), "temperature", "decimal_below_min_value", "Expected a value >= 0, but got -1e-3 instead."},
		{"gpt-4o", chat(`,"temperature":1e999`), "temperature", "decimal_above_max_value", "but got 1e999 instead."},
		{"gpt-4o", chat(`,"top_p":1.5`), "top_p", "decimal_above_max_value", "<= 1"},
		{"gpt-4o", chat(`,"presence_penalty":-2.5`), "presence_penalty", "decimal_below_min_value", ">= -2"},
		{"gpt-4o", chat(`,"frequency_penalty":3`), "frequency_penalty", "decimal_above_max_value", "<= 2"},
		{"gpt-4o", chat(`,"logprobs":true,"top_logprobs":21`), "top_logprobs", "decimal_above_max_value", "<= 20"},
		{"gpt-4o", chat(`,"top_logprobs":2`), "top_logprobs", "", "only allowed when 'logprobs' is true"},
		{"gpt-4o", chat(`,"n":129`), "n", "integer_above_max_value", "<= 128"},
		{"gpt-4o", chat(`,"n":0`), "n", "integer_below_min_value", ">= 1"},
		{"gpt-4o", chat(`,"max_tokens":16385`), "max_tokens", "", "max_tokens is too large: 16385. This model supports at most 16384 completion tokens"},
		{"gpt-4o", chat(`,"reasoning_effort":"low"`), "reasoning_effort", "unsupported_parameter", "'reasoning_effort' is not supported with this model."},
		{"gpt-4o", chat(`,"reasoning_effort":"huge"`), "reasoning_effort", "invalid_value", "'none', 'minimal', 'low', 'medium', 'high', 'xhigh'"},
		{"o4-mini", chat(`,"temperature":1.0,"top_p":1,"presence_penalty":0,"max_completion_tokens":9,"reasoning_effort":"low"`), "", "", ""},
		{"o4-mini", chat(`,"max_tokens":9`), "max_tokens", "unsupported_parameter", "Use 'max_completion_tokens' instead."},
		{"o4-mini", chat(`,"temperature":0.7`), "temperature", "unsupported_value", "'temperature' does not support 0.7 with this model. Only the default (1) value is supported."},
		{"o4-mini", chat(`,"top_p":0.5`), "top_p", "unsupported_value", "default (1)"},
		{"o4-mini", chat(`,"presence_penalty":0.5`), "presence_penalty", "unsupported_value", "default (0)"},
		{"o4-mini", chat(`,"frequency_penalty":1`), "frequency_penalty", "unsupported_value", "default (0)"},
		{"o4-mini", chat(`,"logprobs":true`), "logprobs", "unsupported_parameter", "Unsupported parameter: 'logprobs' is not supported with this model."},
		{"o4-mini", chat(`,"logit_bias":{"1":1}`), "logit_bias", "unsupported_parameter", ""},
		// the order: ranges come before what the model has, and that before sizes
		{"o4-mini", chat(`,"max_tokens":900000,"temperature":3`), "temperature", "decimal_above_max_value", ""},
		{"o4-mini", chat(`,"max_tokens":900000,"temperature":0`), "max_tokens", "unsupported_parameter", ""},
	}
	for _, checks := range []Checks{Strict, Lenient} {
		inLab(t, Config{Checks: checks, Deployments: []deployment.Config{ofModel("gpt-4o"), ofModel("o4-mini")}}, func(l *lab) {
			for _, tt := range tests {
				resp, err := l.do(l.Context(), "POST", "/openai/deployments/"+tt.model+"/chat/completions?api-version=2025-04-01-preview", tt.body, "Api-Key", "foundrylab-key")
				if err != nil {
					l.Fatal(err)
				}
				text := readAll(l, resp)
				if checks == Lenient || tt.param == "" {
					if resp.StatusCode != 200 {
						l.Errorf("%s %s %.80s: %d %s", checks, tt.model, tt.body, resp.StatusCode, text)
					}
					continue
				}
				code := `"code":null`
				if tt.code != "" {
					code = fmt.Sprintf(`"code":%q`, tt.code)
				}
				if resp.StatusCode != 400 || !strings.Contains(text, fmt.Sprintf(`"type":"invalid_request_error","param":%q,%s`, tt.param, code)) || !strings.Contains(text, tt.message) {
					l.Errorf("%s %.80s: %d %s\nwant %q %q %q", tt.model, tt.body, resp.StatusCode, text, tt.param, tt.code, tt.message)
				}
			}
		})
	}
}

// Checks of other operations, and of the version of the API.
func TestRequestChecksOfOperations(t *testing.T) {
	inLab(t, Config{Deployments: []deployment.Config{ofModel("gpt-5"), ofModel("gpt-35-turbo-instruct"), ofModel("claude-sonnet-4-5"), ofModel("gpt-4"), ofModel("gpt-4o")}}, func(l *lab) {
		const chat = `"messages":[{"role":"user","content":"hi"}]`
		for _, c := range []struct{ path, body, want string }{
			{"/openai/deployments/gpt-5/chat/completions?api-version=2024-10-21", `{` + chat + `}`, `"code":"BadRequest","message":"Model {modelName} is enabled only for api versions 2024-12-01-preview and later"`},
			{"/openai/deployments/gpt-5/chat/completions?api-version=2024-12-01-preview", `{` + chat + `}`, `"chat.completion"`},
			{"/openai/v1/chat/completions", `{"model":"gpt-5",` + chat + `}`, `"chat.completion"`},
			{"/openai/v1/completions", `{"model":"gpt-35-turbo-instruct","prompt":"a","logprobs":6}`, `"param":"logprobs"`},
			{"/openai/v1/completions", `{"model":"gpt-35-turbo-instruct","prompt":"a","temperature":9}`, `"param":"temperature"`},
			{"/openai/v1/completions", `{"model":"gpt-35-turbo-instruct","prompt":"a","max_tokens":5000}`, `max_tokens is too large: 5000`},
			{"/openai/v1/responses", `{"model":"gpt-5","input":"a","temperature":0.5}`, `'temperature' does not support 0.5`},
			{"/openai/v1/responses", `{"model":"gpt-5","input":"a","temperature":5}`, `"decimal_above_max_value"`},
			{"/openai/v1/responses", `{"model":"gpt-4o","input":"a","reasoning":{"effort":"low"}}`, `"param":"reasoning.effort"`},
			{"/openai/v1/responses", `{"model":"gpt-4","input":"a"}`, `"OperationNotSupported"`},
			{"/anthropic/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":64001,` + chat + `}`, `max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5`},
		} {
			resp, err := l.do(l.Context(), "POST", c.path, c.body, "Api-Key", "foundrylab-key", "Anthropic-Version", "2023-06-01")
			if err != nil {
				l.Fatal(err)
			}
			if text := readAll(l, resp); !strings.Contains(text, c.want) {
				l.Errorf("%s %s: %s, want %s", c.path, c.body, text, c.want)
			}
		}
	})
}

// Efforts are those of the request, and the model's own where it names none.
func TestEffort(t *testing.T) {
	d := ofModel("gpt-5")
	thought := unit.Count(100)
	d.Latency.Reasoning = &distribution.Config{Constant: &thought}
	efforts := []struct {
		more string
		want int32
	}{{"", 100}, {"none", 0}, {"minimal", 0}, {"low", 25}, {"medium", 100}, {"high", 250}, {"xhigh", 500}}
	inLab(t, Config{Deployments: []deployment.Config{d}}, func(l *lab) {
		for i, effort := range efforts {
			more := ""
			if effort.more != "" {
				more = `,"reasoning_effort":"` + effort.more + `"`
			}
			resp, err := l.do(l.Context(), "POST", "/openai/v1/chat/completions", `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]`+more+`}`, "Api-Key", "foundrylab-key")
			if err != nil {
				l.Fatal(err)
			}
			readAll(l, resp)
			if plan := l.plan(0, i); plan.Completion-plan.Tokens != effort.want {
				l.Errorf("%q: %d tokens of reasoning, want %d", effort.more, plan.Completion-plan.Tokens, effort.want)
			}
		}
	})
}
