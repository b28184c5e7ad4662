package ops

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestUsageMember(t *testing.T) {
	for _, c := range []struct {
		data, without string
		alone         bool
	}{
		{`{"choices":[],"prompt_filter_results":[],"usage":null}`, `{"choices":[],"prompt_filter_results":[]}`, false},
		{`{"choices":[{"delta":{"content":"usage"}}],"usage":null}`, `{"choices":[{"delta":{"content":"usage"}}]}`, false},
		{`{"choices":[{"delta":{"content":"usage"}}]}`, `{"choices":[{"delta":{"content":"usage"}}]}`, false},
		{`{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}`, `{"choices":[]}`, true},
		{`{"usage" : {"prompt_tokens":1}, "choices" : [ ] }`, `{ "choices" : [ ] }`, true},
		{`{"usage":null}`, `{}`, false},
		{`{"usage":{}}`, `{}`, true},
		{`{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1},"z":1}`, `{"choices":[{"delta":{"content":"a"}}],"z":1}`, false}, // some count as they go
		{`{"choices":[{"usage":null}]}`, `{"choices":[{"usage":null}]}`, false},
		{`{"choices":[{"delta":{"content":",\"usage\":null}`, `{"choices":[{"delta":{"content":",\"usage\":null}`, false}, // cut
		{`[DONE]`, `[DONE]`, false},
		{``, ``, false},
	} {
		from, to, alone := UsageMember([]byte(c.data))
		if got := c.data[:from] + c.data[to:]; got != c.without || alone != c.alone {
			t.Errorf("%s\ngot  %s, alone %v\nwant %s, %v", c.data, got, alone, c.without, c.alone)
		}
	}
}

// FuzzUsageMember: what is left of an object is that object without its usage.
func FuzzUsageMember(f *testing.F) {
	for _, s := range []string{filterChunk, usageChunk, contentChunk, `{"usage":null,"a":[1]}`, `{"a":{"usage":null}}`, `{"\u0075sage":{}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		from, to, _ := UsageMember(data)
		if from > to || to > len(data) {
			t.Fatalf("%q: %d to %d", data, from, to)
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(data, &before) != nil || before == nil || strings.Count(string(data), "sage") > 1 || bytes.ContainsRune(data, '\\') {
			return // twice is once too often, and a name that is spelled with escapes is found only beside one that is not
		}
		if err := json.Unmarshal(append(bytes.Clone(data[:from]), data[to:]...), &after); err != nil {
			t.Fatalf("%q without %q: %v", data, data[from:to], err)
		}
		delete(before, "usage")
		if len(before) != len(after) {
			t.Fatalf("%q without %q: %v, want %v", data, data[from:to], after, before)
		}
		for name, value := range before {
			if string(after[name]) != string(value) {
				t.Fatalf("%q without %q: %s, want %s", data, data[from:to], after[name], value)
			}
		}
	})
}

func TestClassifyMessagesCountsThePrompt(t *testing.T) {
	start := ClassifyMessages([]byte(`{"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"output_tokens":1}}}`))
	if want := (Chunk{Kind: ChunkRole, Used: Used{Prompt: 18, Cached: 5}}); start != want {
		t.Errorf("got %+v, want %+v", start, want)
	}
	end := ClassifyMessages([]byte(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}`))
	if want := (Chunk{Kind: ChunkFinish, Finish: FinishStop, HasUsage: true, Used: Used{Completion: 7}}); end != want {
		t.Errorf("got %+v, want %+v", end, want)
	}
	if c := ClassifyMessages([]byte(`{"type":"message_delta","delta":{},"usage":{"input_tokens":7}}`)); c.HasUsage {
		t.Errorf("an answer of unknown length is taken for counted: %+v", c)
	}
}

// Whatever is cut off an object is missed, and so is what stands behind it.
func TestComplete(t *testing.T) {
	const text = ` {"a":[{"b":"}\"]"},[],{}],"c":"\\"} `
	for n := range len(text) {
		if want := n >= len(text)-1; Complete([]byte(text[:n])) != want {
			t.Errorf("%q: %v", text[:n], !want)
		}
	}
	for _, bad := range []string{"", "null", "[]", `"{}"`, "{}{}", "{} x", "}"} {
		if Complete([]byte(bad)) {
			t.Errorf("%q is taken for an object", bad)
		}
	}
}
