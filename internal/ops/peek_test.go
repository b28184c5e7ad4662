package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPeek(t *testing.T) {
	absent := Peeked{MaxTokens: -1, MaxCompletionTokens: -1, N: 1}
	tests := []struct {
		name, body string
		want       func(p *Peeked)
	}{
		{"smallest", `{"messages":[{"role":"user","content":"hi"}]}`, func(p *Peeked) {
			p.Messages, p.PartChars, p.TextChars = []Message{{Role: "user", Text: "hi"}}, []int{2}, 2
		}},
		{"no messages are still an array", `{"messages":[]}`, func(p *Peeked) {
			p.Messages, p.PartChars = []Message{}, []int{}
		}},
		{"everything", ` {"model":"gpt-4.1-prod","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},` +
			`"max_tokens":25,"max_completion_tokens":30,"n":3,"tools":[{"x":{"messages":1}}],` +
			`"messages":[{"role":"system","content":"a"},{"content":"b\"\u00e9\n","name":"Bo","role":"user"}]} `, func(p *Peeked) {
			p.Model, p.Stream, p.IncludeUsage, p.OmitObfuscation = "gpt-4.1-prod", true, true, true
			p.MaxTokens, p.MaxCompletionTokens, p.N = 25, 30, 3
			p.Tools = []byte(`[{"x":{"messages":1}}]`)
			p.Messages = []Message{{Role: "system", Text: "a"}, {Role: "user", Name: "Bo", Text: "b\"é\n"}}
			p.PartChars, p.TextChars = []int{1, 4}, 5
		}},
		{"nulls count as absent", `{"stream":null,"stream_options":null,"max_tokens":null,"n":null,"max_completion_tokens":null,"prompt_cache_key":null,"service_tier":null,` +
			`"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"call_1"}]}]}`, func(p *Peeked) {
			p.Messages, p.PartChars = []Message{{Role: "assistant"}}, []int{}
		}},
		{"service tier", `{"service_tier":"flex","service_tier":"priority","messages":[]}`, func(p *Peeked) {
			p.ServiceTier, p.Messages, p.PartChars = "priority", []Message{}, []int{}
		}},
		{"prompt cache", `{"prompt_cache_key":"x","messages":[]}`, func(p *Peeked) {
			p.PromptCacheKey, p.Messages, p.PartChars = "x", []Message{}, []int{}
		}},
		{"parts", `{"messages":[{"role":"user","content":[{"type":"text","text":"abc"},{"type":"image_url","image_url":{"url":"data:,"}},{"text":"€€","type":"text"}]}]}`, func(p *Peeked) {
			p.Messages, p.PartChars, p.TextChars = []Message{{Role: "user", Text: "abc€€"}}, []int{3, 2}, 5
		}},
		{"of a repeated member the last counts", `{"messages":[{"role":"user","content":"long"}],"messages":[{"role":"user","content":"xx","content":"y"}],` +
			`"stream_options":{"include_usage":true},"stream_options":{}}`, func(p *Peeked) {
			p.Messages, p.PartChars, p.TextChars = []Message{{Role: "user", Text: "y"}}, []int{1}, 1
		}},
		{"escaped names", `{"\u006dodel":"m","messages":[{"r\u006fle":"us\u0065r","content":""}]}`, func(p *Peeked) {
			p.Model, p.Messages, p.PartChars = "m", []Message{{Role: "user"}}, []int{0}
		}},
	}
	var k Peeker // used again and again, also after an error
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := absent
			tt.want(&want)
			k.Peek([]byte(`{"messages":[{"role":"us\u0065r","content":[{"text":"left over"`))
			got, err := k.Peek([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			// what this reading does not know
			want.Sampling, want.Tools, want.ToolChoice, want.Format, want.OneCall, want.AfterTool, want.Effort = got.Sampling, got.Tools, got.ToolChoice, got.Format, got.OneCall, got.AfterTool, got.Effort
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestPeekErrors(t *testing.T) {
	message := func(m string) string { return `{"messages":[{"role":"user","content":"ok"},` + m + `]}` }
	tests := []struct{ body, param, code, text string }{
		{``, "", "", "The request body is not valid JSON: it cannot be read after byte 0."},
		{`{"messages":[]`, "", "", "The request body is not valid JSON: it cannot be read after byte 14."},
		{`{"messages":[]} x`, "", "", "The request body is not valid JSON: it cannot be read after byte 15."},
		{`{"model":tru,"messages":[]}`, "", "", "The request body is not valid JSON: it cannot be read after byte 8."},
		{"{\"model\":\"\xff\",\"messages\":[]}", "", "", "The request body is not valid JSON: it cannot be read after byte 8."},
		{`[]`, "", "", "The request body must be a JSON object, but it is an array."},
		{`null`, "", "", "The request body must be a JSON object, but it is null."},
		{`{}`, "messages", "missing_required_parameter", "Missing required parameter: 'messages'."},
		{`{"messages":{}}`, "messages", "invalid_type", "Invalid type for 'messages': expected an array, but got an object instead."},
		{`{"messages":null}`, "messages", "invalid_type", "Invalid type for 'messages': expected an array, but got null instead."},
		{message(`"x"`), "messages[1]", "invalid_type", "Invalid type for 'messages[1]': expected an object, but got a string instead."},
		{message(`{"content":"x"}`), "messages[1].role", "missing_required_parameter", "Missing required parameter: 'messages[1].role'."},
		{message(`{"role":"user","content":7}`), "messages[1].content", "invalid_type", "Invalid type for 'messages[1].content': expected a string, but got a number instead."},
		{message(`{"role":"user","content":["x"]}`), "messages[1].content[0]", "invalid_type", "Invalid type for 'messages[1].content[0]': expected an object, but got a string instead."},
		{message(`{"role":"user","content":[{},{"text":true}]}`), "messages[1].content[1].text", "invalid_type", "Invalid type for 'messages[1].content[1].text': expected a string, but got a boolean instead."},
		{`{"model":5}`, "model", "invalid_type", "Invalid type for 'model': expected a string, but got a number instead."},
		{`{"stream":"true"}`, "stream", "invalid_type", "Invalid type for 'stream': expected a boolean, but got a string instead."},
		{`{"stream_options":true}`, "stream_options", "invalid_type", "Invalid type for 'stream_options': expected an object, but got a boolean instead."},
		{`{"stream_options":{"include_usage":1}}`, "stream_options.include_usage", "invalid_type", "Invalid type for 'stream_options.include_usage': expected a boolean, but got a number instead."},
		{`{"max_tokens":"9"}`, "max_tokens", "invalid_type", "Invalid type for 'max_tokens': expected a number, but got a string instead."},
		{`{"max_tokens":1.5}`, "max_tokens", "invalid_type", "Invalid type for 'max_tokens': expected an integer, but got a decimal number instead."},
		{`{"max_tokens":0}`, "max_tokens", "integer_below_min_value", "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead."},
		{`{"max_completion_tokens":-99999999999999999999}`, "max_completion_tokens", "integer_below_min_value", "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, but got -99999999999999999999 instead."},
		{`{"max_tokens":2147483648}`, "max_tokens", "integer_above_max_value", "Invalid 'max_tokens': integer above maximum value. Expected a value <= 2147483647, but got 2147483648 instead."},
		{`{"service_tier":"fastest"}`, "service_tier", "invalid_value", "Invalid value: 'fastest'. Supported values are: 'auto', 'default', 'flex', 'scale', 'priority', 'fast'."},
		{`{"service_tier":1}`, "service_tier", "invalid_type", "Invalid type for 'service_tier': expected a string, but got a number instead."},
		{`{"n":129}`, "n", "integer_above_max_value", "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead."},
	}
	for _, tt := range tests {
		_, err := Peek([]byte(tt.body))
		var bad *InvalidRequest
		if !errors.As(err, &bad) {
			t.Errorf("%s: error %v", tt.body, err)
			continue
		}
		if want := (InvalidRequest{Message: tt.text, Param: tt.param, Code: tt.code}); *bad != want {
			t.Errorf("%s\ngot  %+v\nwant %+v", tt.body, *bad, want)
		}
	}
	for _, body := range []string{`{"max_tokens":2147483647,"messages":[]}`, `{"n":128,"max_tokens":1,"messages":[]}`} {
		if _, err := Peek([]byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestOutputLimit(t *testing.T) {
	for _, tt := range [][3]int{{-1, -1, -1}, {5, -1, 5}, {-1, 7, 7}, {5, 7, 7}} {
		p := Peeked{MaxTokens: tt[0], MaxCompletionTokens: tt[1]}
		if got := p.OutputLimit(); got != tt[2] {
			t.Errorf("%v: got %d", tt, got)
		}
	}
}

// FuzzPeek compares with a reading of the whole body into maps.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(`{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":4,"n":2,"messages":[{"role":"user","content":"x"}]}`))
	f.Add([]byte(`{"messages":[{"role":"user","name":"n","content":[{"type":"text","text":"a\n"},{"type":"image_url"}]}],"messages":[]}`))
	f.Add([]byte(`{"prompt_cache_key":"a","prompt_cache_key":null,"messages":[]}`))
	f.Add([]byte(`{"messages":[{"role":"a","role":"\u00e9","content":null}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Peek(body)
		if err != nil {
			var bad *InvalidRequest
			if !errors.As(err, &bad) || bad.Message == "" {
				t.Fatalf("error %#v", err)
			}
			return
		}
		var all map[string]any
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		if err := d.Decode(&all); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		text := func(v any) string { s, _ := v.(string); return s }
		want := Peeked{Model: text(all["model"]), PromptCacheKey: text(all["prompt_cache_key"]), ServiceTier: text(all["service_tier"]), Stream: all["stream"] == true, MaxTokens: -1, MaxCompletionTokens: -1, N: 1, Messages: []Message{}, PartChars: []int{}}
		for name, to := range map[string]*int{"max_tokens": &want.MaxTokens, "max_completion_tokens": &want.MaxCompletionTokens, "n": &want.N} {
			if v, ok := all[name].(json.Number); ok {
				fmt.Sscan(string(v), to)
			}
		}
		if o, ok := all["stream_options"].(map[string]any); ok {
			want.IncludeUsage, want.OmitObfuscation = o["include_usage"] == true, o["include_obfuscation"] == false
		}
		for _, m := range all["messages"].([]any) {
			m := m.(map[string]any)
			out := Message{Role: text(m["role"]), Name: text(m["name"])}
			parts, _ := m["content"].([]any)
			if s, ok := m["content"].(string); ok {
				parts = []any{map[string]any{"text": s}}
			}
			for _, p := range parts {
				if s, ok := p.(map[string]any)["text"].(string); ok {
					out.Text += s
					want.PartChars = append(want.PartChars, utf8.RuneCountInString(s))
					want.TextChars += utf8.RuneCountInString(s)
				}
			}
			want.Messages = append(want.Messages, out)
			if len(parts) == 0 && out.Role != "assistant" && want.Silent == 0 {
				want.Silent = len(want.Messages)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

var benchBody = []byte(`{"model":"gpt-4.1","temperature":0.2,"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"` +
	strings.Repeat("some data to read ", 45) + `"}],"max_tokens":100,"stream":true,"stream_options":{"include_usage":true}}`)

func BenchmarkPeek(b *testing.B) {
	b.Run("peek", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(benchBody)))
		for b.Loop() {
			if _, err := Peek(benchBody); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("peeker", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(benchBody)))
		var k Peeker
		for b.Loop() {
			if _, err := k.Peek(benchBody); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(benchBody)))
		for b.Loop() {
			var v struct {
				Model         string
				Stream        bool
				StreamOptions struct {
					IncludeUsage bool `json:"include_usage"`
				} `json:"stream_options"`
				MaxTokens *int `json:"max_tokens"`
				Messages  []struct{ Role, Name, Content string }
			}
			if err := json.Unmarshal(benchBody, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
