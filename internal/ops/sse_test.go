package ops

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	filterChunk  = `{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}`
	roleChunk    = `{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":1,"id":"chatcmpl-1","model":"m","object":"chat.completion.chunk","usage":null}`
	contentChunk = `{"choices":[{"content_filter_results":{"protected_material_text":{"detected":false,"filtered":false}},"delta":{"content":" data"},"finish_reason":null,"index":0,"logprobs":null}],"created":1763800000,"id":"chatcmpl-0123456789abcdefghijklmnopqrs","model":"gpt-4.1-2025-04-14","obfuscation":"zRjabc","object":"chat.completion.chunk","service_tier":"default","system_fingerprint":"fp_0123456789","usage":null}`
	usageChunk   = `{"choices":[],"created":1,"id":"x","usage":{"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":0},"prompt_tokens":20,"prompt_tokens_details":{"cached_tokens":0},"total_tokens":30}}`
)

func TestClassifySSE(t *testing.T) {
	delta := func(d string) string {
		return `{"choices":[{"delta":` + d + `,"finish_reason":null,"index":0}]}`
	}
	tests := []struct {
		data string
		want Chunk
	}{
		{`[DONE]`, Chunk{Kind: ChunkDone}},
		{`{"choices":[{"finish_reason":null,"index":0,"logprobs":null,"text":" upon"}],"object":"text_completion"}`, Chunk{Kind: ChunkContent}},
		{`{"choices":[{"finish_reason":"length","index":0,"text":""}],"object":"text_completion"}`, Chunk{Kind: ChunkFinish, Finish: FinishLength}},
		{" [DONE] ", Chunk{Kind: ChunkDone}},
		{filterChunk, Chunk{Kind: ChunkFilterOnly}},
		{roleChunk, Chunk{Kind: ChunkRole}},
		{contentChunk, Chunk{Kind: ChunkContent}},
		{`{"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0}],"usage":null}`, Chunk{Kind: ChunkFinish, Finish: FinishStop}},
		{usageChunk, Chunk{Kind: ChunkUsage, HasUsage: true, Used: Used{Prompt: 20, Completion: 10}}},
		{delta(`{"content":null,"tool_calls":[{"index":0,"id":"call_1"}]}`), Chunk{Kind: ChunkContent}},
		{`{"choices":[{"text":"Once","finish_reason":null,"index":0}]}`, Chunk{Kind: ChunkContent}},
		{`{"choices":[{"text":"","finish_reason":"stop","index":0}]}`, Chunk{Kind: ChunkFinish, Finish: FinishStop}},
		{delta(`{"tool_calls":[]}`), Chunk{Kind: ChunkRole}},
		{delta(`{"reasoning_content":"hm"}`), Chunk{Kind: ChunkContent}},
		{delta(`{"reasoning":"hm"}`), Chunk{Kind: ChunkContent}},
		{delta(`{"refusal":"no"}`), Chunk{Kind: ChunkContent}},
		{delta(`{"function_call":{"name":"f"}}`), Chunk{Kind: ChunkContent}},
		{delta(`{"content":"\""}`), Chunk{Kind: ChunkContent}},
		{delta(`{"content":"\\"}`), Chunk{Kind: ChunkContent}},
		{delta(`{ "content" : "" }`), Chunk{Kind: ChunkRole}},
		{delta(`{"\u0063ontent":"a"}`), Chunk{Kind: ChunkContent}},
		{`{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`, Chunk{Kind: ChunkContent, Finish: FinishLength, HasUsage: true, Used: Used{Prompt: 1, Completion: 2}}},
		{`{"choices":[{"delta":{}},{"delta":{"content":"second choice"}}]}`, Chunk{Kind: ChunkContent}},
		{`{"choices":[{"index":0,"finish_reason":null,"content_filter_results":{},"content_filter_offsets":{"check_offset":44}}],"usage":null}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"choices":[{"index":0,"finish_reason":"content_filter"}]}`, Chunk{Kind: ChunkFinish, Finish: FinishContentFilter}},
		{`{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}`, Chunk{Kind: ChunkFinish, Finish: FinishToolCalls}},
		{`{"choices":[{"delta":{},"finish_reason":"function_call"}]}`, Chunk{Kind: ChunkFinish, Finish: FinishFunctionCall}},
		{`{"choices":[{"delta":{},"finish_reason":"weird"}]}`, Chunk{Kind: ChunkFinish, Finish: FinishOther}},
		{`{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}`, Chunk{Kind: ChunkError}},
		{`{"choices":[{"delta":{},"finish_reason":"stop"},{"delta":{},"finish_reason":null},{"finish_reason":""}]}`, Chunk{Kind: ChunkFinish, Finish: FinishStop}},
		{`{"error":null,"choices":[]}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"content_filter_result":{"error":{"code":"content_filter_error"}}}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"usage":{"prompt_tokens":1}}`, Chunk{Kind: ChunkFilterOnly}},
		{`{"usage":{"prompt_tokens":-1,"completion_tokens":1.0}}`, Chunk{Kind: ChunkFilterOnly}},
		{`{}`, Chunk{Kind: ChunkFilterOnly}},
		{``, Chunk{}},
		{`null`, Chunk{}},
		{`[]`, Chunk{}},
		{`{"choices":[{"delta":{"content":"cut`, Chunk{}},
		{`{"choices":[]} x`, Chunk{}},
	}
	for _, tt := range tests {
		if got := ClassifySSE([]byte(tt.data)); got != tt.want {
			t.Errorf("%s\ngot  %+v\nwant %+v", tt.data, got, tt.want)
		}
	}
	for cut := range len(contentChunk) {
		if got := ClassifySSE([]byte(contentChunk[:cut])); got != (Chunk{}) {
			t.Errorf("cut at %d: %+v", cut, got)
		}
	}
	if got := ClassifySSE([]byte(contentChunk)).Kind.String(); got != "content" {
		t.Errorf("kind %q", got)
	}
	if FinishContentFilter.String() != "content_filter" || FinishNone.String() != "null" {
		t.Error("finish reason texts")
	}
}

// dumbClassify is the same rules over a full decoding.
func dumbClassify(v map[string]any) Chunk {
	filled := func(x any) bool {
		switch x := x.(type) {
		case string:
			return x != ""
		case []any:
			return len(x) > 0
		case map[string]any:
			return len(x) > 0
		}
		return false
	}
	var c Chunk
	var delta, content bool
	list, _ := v["choices"].([]any)
	for _, x := range list {
		x, _ := x.(map[string]any)
		if d, ok := x["delta"].(map[string]any); ok {
			delta = true
			for _, name := range []string{"content", "tool_calls", "reasoning_content", "reasoning", "refusal", "function_call"} {
				content = content || filled(d[name])
			}
		}
		content = content || filled(x["text"])
		switch r := x["finish_reason"].(type) {
		case nil:
		case string:
			names := map[string]FinishReason{"": FinishNone, "stop": FinishStop, "length": FinishLength, "content_filter": FinishContentFilter, "tool_calls": FinishToolCalls, "function_call": FinishFunctionCall}
			f, known := names[r]
			if !known {
				f = FinishOther
			}
			if f != FinishNone {
				c.Finish = f
			}
		default:
			c.Finish = FinishOther
		}
	}
	if u, ok := v["usage"].(map[string]any); ok {
		p, okP := wholeNumber(u["prompt_tokens"])
		q, okQ := wholeNumber(u["completion_tokens"])
		if okP && okQ {
			c.HasUsage, c.Prompt, c.Completion = true, p, q
			if details, ok := u["prompt_tokens_details"].(map[string]any); ok {
				if n, ok := wholeNumber(details["cached_tokens"]); ok {
					c.Cached = n
				}
			}
			for _, name := range []string{"cache_read_input_tokens", "cache_creation_input_tokens"} { // of messages, and not here
				n, _ := wholeNumber(u[name])
				c.Prompt += n
				if n > 0 && name == "cache_read_input_tokens" {
					c.Cached = n
				}
			}
		}
	}
	switch {
	case v["error"] != nil:
		c.Kind = ChunkError
	case content:
		c.Kind = ChunkContent
	case c.Finish != FinishNone:
		c.Kind = ChunkFinish
	case c.HasUsage:
		c.Kind = ChunkUsage
	case delta:
		c.Kind = ChunkRole
	default:
		c.Kind = ChunkFilterOnly
	}
	return c
}

func wholeNumber(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok || len(n) > 15 || strings.ContainsAny(string(n), ".eE-") {
		return 0, false
	}
	i, err := n.Int64()
	return int(i), err == nil
}

// FuzzClassifySSE: no input panics, and on every JSON object without repeated names it agrees with dumbClassify.
func FuzzClassifySSE(f *testing.F) {
	for _, s := range []string{"[DONE]", filterChunk, roleChunk, contentChunk, usageChunk, `{"error":{"a":"\\\""}}`,
		`{"choices":[1,{"delta":{"tool_calls":[{}],"\u0072efusal":""},"finish_reason":7}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := ClassifySSE(data)
		Usage(data)
		strict := jsontext.NewDecoder(bytes.NewReader(data))
		if _, err := strict.ReadValue(); err != nil {
			return
		}
		if _, err := strict.ReadToken(); err != io.EOF {
			return
		}
		var v map[string]any
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if d.Decode(&v) != nil || v == nil {
			if got.Kind != ChunkMalformed {
				t.Fatalf("%q: %+v for what is not an object", data, got)
			}
			return
		}
		// A reason spelled with escapes is not recognised, on purpose; the dumb version would.
		if want := dumbClassify(v); got != want && !(bytes.ContainsRune(data, '\\') && got.Finish == FinishOther) {
			t.Fatalf("%q\ngot  %+v\nwant %+v", data, got, want)
		}
	})
}

func TestUsage(t *testing.T) {
	tests := []struct {
		body                       string
		prompt, cached, completion int
		ok                         bool
	}{
		{`{"choices":[{"message":{"content":"the \"usage\": {\"prompt_tokens\":1}"}}],"usage":{"completion_tokens":10,"completion_tokens_details":{"prompt_tokens":99},"prompt_tokens":20,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":16}}}`, 20, 16, 10, true},
		{`{"usage":null}`, 0, 0, 0, false},
		{`{"usage":{"prompt_tokens":3}}`, 3, 0, 0, false},
		{`{"error":{"message":"x"}}`, 0, 0, 0, false},
		{`{"usage":{"prompt_tokens":3,"completion_tokens":4`, 3, 0, 4, false},
		{``, 0, 0, 0, false},
	}
	for _, tt := range tests {
		u, ok := Usage([]byte(tt.body))
		if want := (Used{tt.prompt, tt.cached, tt.completion}); u != want || ok != tt.ok {
			t.Errorf("%s: got %+v, %v", tt.body, u, ok)
		}
	}
}

func TestTable(t *testing.T) {
	for _, op := range All {
		p, err := op.Peek(new(Peeker), op.Example("a\"b"))
		if err != nil || p.Model != "a\"b" {
			t.Errorf("%s: example: %+v, %v", op.Name, p, err)
		}
		if op.Name == "" || op.Method == "" || len(op.Routes()) == 0 || op.Usage == nil || op.Classify == nil {
			t.Errorf("%s: incomplete", op.Name)
		}
	}
}

func BenchmarkClassifySSE(b *testing.B) {
	data := []byte(contentChunk)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if ClassifySSE(data).Kind != ChunkContent {
			b.Fatal("not content")
		}
	}
}
