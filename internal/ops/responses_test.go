package ops

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// What a Responses body says, by member and by kind of item.
func TestPeekResponses(t *testing.T) {
	p, err := new(Peeker).PeekResponses([]byte(`{"model":"m","instructions":"Be ü.","previous_response_id":"resp_1","store":false,"background":null,"stream":true,
		"stream_options":{"include_obfuscation":false},"max_output_tokens":20,"prompt_cache_key":"k","include":["x","reasoning.encrypted_content"],
		"reasoning":{"effort":"low","summary":"auto","x":1},"text":{"format":{"type":"text"},"verbosity":"low"},"truncation":"auto","metadata":{"a":
 "b"},
		"temperature":0.5,"user":null,"tools":[],"tool_choice":"auto","parallel_tool_calls":false,"top_p":1,"unknown":{},
		"input":[{"role":"user","content":"hi"}, {"content":[{"type":"input_text","text":"a"},{"type":"input_image"},{"type":"input_text","text":"bc"}],"role":"developer"},
		{"type":"reasoning","id":"rs_1","summary":[],"content":"hidden"},{"type":"function_call","name":"f","arguments":"{}","call_id":"c"},
		{"type":"function_call_output","name":"f","call_id":"c","output":"21 °C"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	a := p.Response
	if p.Model != "m" || !p.Stream || !p.OmitObfuscation || p.OutputLimit() != 20 || p.PromptCacheKey != "k" || !p.OneCall || !p.AfterTool || string(p.Format) != `{"type":"text"}` ||
		a.Instructions != "Be ü." || a.Previous != "resp_1" || !a.Unstored || a.Background || !a.Encrypted || !a.Truncates || p.Effort != "low" || a.Summary != "auto" || a.Verbosity != "low" {
		t.Errorf("%+v\n%+v", p, a)
	}
	if string(a.Echo["metadata"]) != `{"a":"b"}` || string(a.Echo["temperature"]) != "0.5" || a.Echo["user"] != nil || len(a.Echo) != 3 {
		t.Errorf("echo %q", a.Echo)
	}
	var said []string
	for _, m := range p.Messages {
		said = append(said, m.Role+" "+m.Text)
	}
	if got := strings.Join(said, "; "); got != "developer Be ü.; user hi; developer abc; assistant f{}; tool 21 °C" || p.TextChars != 5+2+3+3+5 {
		t.Errorf("%s, %d characters in %v", got, p.TextChars, p.PartChars)
	}
	kinds := ""
	for _, it := range a.Items {
		kinds += it.Kind + it.ID + " "
		var whole struct{ Type string }
		if err := json.Unmarshal(it.JSON, &whole); err != nil || whole.Type != it.Kind {
			t.Errorf("%v: %s", err, it.JSON)
		}
	}
	if kinds != "message message reasoningrs_1 function_call function_call_output " || !bytes.Contains(a.Items[0].JSON, []byte(`"content":[{"type":"input_text","text":"hi"}]`)) {
		t.Errorf("%s, %s", kinds, a.Items[0].JSON)
	}
}

func TestPeekResponsesRefuses(t *testing.T) {
	for _, c := range []struct{ body, param, says string }{
		{`{}`, "input", "Missing required parameter: 'input'."},
		{`{"previous_response_id":"resp_1"}`, "", ""},
		{`{"input":""}`, "", ""},
		{`{"input":7}`, "input", "Invalid type for 'input': expected an array, but got a number instead."},
		{`{"input":[{"content":"x"}]}`, "input[0].role", "Missing required parameter: 'input[0].role'."},
		{`{"input":[{"role":"user","content":[{"text":1}]}]}`, "input[0].content[0].text", "expected a string, but got a number"},
		{`{"input":[{"type":"function_call_output","output":{}}]}`, "input[0].output", "expected a string"},
		{`{"input":"a","reasoning":{"effort":"huge"}}`, "reasoning.effort", "Invalid value: 'huge'."},
		{`{"input":"a","truncation":"x"}`, "truncation", "Supported values are: 'auto', 'disabled'."},
		{`{"input":"a","temperature":"hot"}`, "temperature", "expected a number, but got a string"},
		{`{"input":"a","store":1}`, "store", "expected a boolean"},
		{`{"input":"a","max_output_tokens":0}`, "max_output_tokens", "Expected a value >= 1"},
		{`{"input":"a"`, "", "not valid JSON"},
		{`{"input":[{"role":"user","content":"x"`, "", "not valid JSON"},
	} {
		_, err := new(Peeker).PeekResponses([]byte(c.body))
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", c.body, err)
			}
			continue
		}
		refused, is := err.(*InvalidRequest)
		if !is || refused.Param != c.param || !strings.Contains(refused.Message, c.says) {
			t.Errorf("%s: %+v, want %s: %s", c.body, err, c.param, c.says)
		}
	}
}

func FuzzPeekResponses(f *testing.F) {
	f.Add([]byte(`{"input":[{"role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"x","content":null}],"text":{},"include":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := new(Peeker).PeekResponses(body)
		if err != nil {
			return
		}
		for _, it := range p.Response.Items {
			if !json.Valid(it.JSON) && json.Valid(body) {
				t.Errorf("item %q of %q", it.JSON, body)
			}
		}
	})
}

func TestResponsesUsage(t *testing.T) {
	for body, want := range map[string][2]int{
		`{"output":[{"usage":{"input_tokens":9}}],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":5},"output_tokens":87,"output_tokens_details":{},"total_tokens":123}}`: {36, 87},
		`{"status":"queued","usage":null}`: {-1, -1},
		`{"usage":{"input_tokens":36}}`:    {-1, -1},
	} {
		u, ok := ResponsesUsage([]byte(body))
		if ok != (want[0] >= 0) || ok && (u.Prompt != want[0] || u.Completion != want[1]) {
			t.Errorf("%s: %+v %v", body, u, ok)
		}
	}
}

func TestClassifyResponses(t *testing.T) {
	for _, c := range []struct {
		data string
		want Chunk
	}{
		{`{"type":"response.created","sequence_number":0,"response":{"status":"in_progress","usage":null,"incomplete_details":null}}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"type":"response.output_item.added","item":{"status":"completed"}}`, Chunk{Kind: ChunkRole}},
		{`{"type":"response.output_text.delta","delta":"a"}`, Chunk{Kind: ChunkContent}},
		{`{"delta":"{","type":"response.function_call_arguments.delta"}`, Chunk{Kind: ChunkContent}},
		{`{"type":"response.output_text.done"}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":4}}}`, Chunk{Kind: ChunkDone, Finish: FinishStop, HasUsage: true, Used: Used{Prompt: 3, Completion: 4}}},
		{`{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":3,"output_tokens":4}}}`,
			Chunk{Kind: ChunkDone, Finish: FinishLength, HasUsage: true, Used: Used{Prompt: 3, Completion: 4}}},
		{`{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}`, Chunk{Kind: ChunkDone, Finish: FinishContentFilter}},
		{`{"type":"response.failed","response":{"status":"failed"}}`, Chunk{Kind: ChunkError}},
		{`{"type":"error","code":null}`, Chunk{Kind: ChunkError}},
		{`{"type":"response.new.thing"}`, Chunk{Kind: ChunkFilterOnly}},
		{`{}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"type":"response.output_text.delta","del`, Chunk{}},
		{`[DONE]`, Chunk{}},
	} {
		if got := ClassifyResponses([]byte(c.data)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.data, got, c.want)
		}
	}
}
