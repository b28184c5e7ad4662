package content

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"

	"foundrylab/internal/ops"
)

// pieces cuts a text into tokens of n bytes, characters or not.
func pieces(text string, n int) (ends []int) {
	for end := n; end < len(text); end += n {
		ends = append(ends, end)
	}
	return append(ends, len(text))
}

func sampleScript() *Script {
	s := new(Script)
	s.AddText("Let me \"look\" — ünïcode.", pieces("Let me \"look\" — ünïcode.", 1))
	s.AddCall("get_weather", "call_1", `{"city":"Łódź"}`, append([]int{0, 0}, pieces(`{"city":"Łódź"}`, 3)...))
	s.AddCall("get_time", "call_2", `{}`, pieces(`{}`, 1))
	return s
}

// However a stream is cut into events, the client's accumulator ends with the message that a whole answer has.
func TestScriptStreamsAsItIsWhole(t *testing.T) {
	for tokens := range sampleScript().Tokens() + 1 {
		r := sample
		r.Script, r.OutputTokens, r.Finish = sampleScript(), tokens, ops.FinishNone
		var whole openai.ChatCompletion
		if err := json.Unmarshal(NewChat(r).AppendBody(nil), &whole); err != nil {
			t.Fatal(err)
		}
		for burst := 1; burst < 8; burst++ {
			var acc openai.ChatCompletionAccumulator
			for line := range strings.SplitSeq(stream(r, burst), "\n\n") {
				data := strings.TrimPrefix(line, "data: ")
				var chunk openai.ChatCompletionChunk
				if data == "" || data == "[DONE]" || strings.Contains(data, "prompt_filter_results") {
					continue
				}
				if err := json.Unmarshal([]byte(data), &chunk); err != nil {
					t.Fatalf("%v: %s", err, data)
				}
				if !acc.AddChunk(chunk) {
					t.Fatalf("refused: %s", data)
				}
			}
			got, want := acc.Choices[0], whole.Choices[0]
			if got.Message.Content != want.Message.Content || len(got.Message.ToolCalls) != len(want.Message.ToolCalls) || got.FinishReason != want.FinishReason {
				t.Fatalf("%d tokens in bursts of %d:\n%s\n%s", tokens, burst, got.Message.RawJSON(), want.Message.RawJSON())
			}
			for i, call := range want.Message.ToolCalls {
				if g := got.Message.ToolCalls[i]; g.ID != call.ID || g.Function.Name != call.Function.Name || g.Function.Arguments != call.Function.Arguments {
					t.Fatalf("%d tokens: call %d: %+v, want %+v", tokens, i, g.Function, call.Function)
				}
			}
		}
	}
}

func TestScriptWhole(t *testing.T) {
	r := sample
	r.Script = sampleScript()
	r.OutputTokens, r.Finish = r.Script.Tokens(), ops.FinishNone
	var whole openai.ChatCompletion
	json.Unmarshal(NewChat(r).AppendBody(nil), &whole)
	m := whole.Choices[0].Message
	if m.Content != "Let me \"look\" — ünïcode." || len(m.ToolCalls) != 2 || m.ToolCalls[0].Function.Arguments != `{"city":"Łódź"}` || whole.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("%+v", whole.Choices[0])
	}
	only := new(Script)
	only.AddCall("f", "call_9", "{}", []int{2})
	r.Script, r.OutputTokens, r.Finish = only, 1, ops.FinishNone
	if body := string(NewChat(r).AppendBody(nil)); !strings.Contains(body, `"content":null`) || !strings.Contains(stream(r, 1), `"delta":{"content":null,`) {
		t.Errorf("calls alone have no content: %s", body)
	}
}
