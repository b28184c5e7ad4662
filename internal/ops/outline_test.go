package ops

import (
	"bytes"
	"strings"
	"testing"
)

// What a classifier remembers of a stream changes no answer.
func TestClassifierIsClassify(t *testing.T) {
	chat := func(content, obfuscation, rest string) string {
		return `{"choices":[{"delta":{"content":"` + content + `"},"finish_reason":null,"index":0}],"obfuscation":"` + obfuscation + `"` + rest + `}`
	}
	stream := []string{
		filterChunk, roleChunk, contentChunk, contentChunk, chat("a", "xyz", ""), chat("other", "", ""), chat("", "xyz", ""), chat(`\"`, `\\`, ""), chat(`\\\"}`, "x", ""),
		chat("a", "x", `,"usage":null`), chat("b", "y", `,"usage":null`), chat("b", "y", `,"usage":{"prompt_tokens":1,"completion_tokens":2}`),
		chat("c", "y", `,"usage":{"prompt_tokens":1,"completion_tokens":3}`), chat("c", "y", `,"error":{}`), chat("d", "z", `,"error":{}`), chat("d", "z", `,"error":null`),
		strings.Replace(chat("e", "f", ""), "null", `"stop"`, 1), chat("e", "f", "")[:20], chat(`e\`, "f", ""), chat("e", "f", "") + "x", chat("e", "f", "}{"), "[DONE]", "",
		`{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}`, `{"choices":[{"delta":{"content":"c"}},{"delta":{"content":""}}]}`, `{"choices":[{"delta":{"content":""}},{"delta":{"content":""}}]}`,
		`{"choices":[{"delta":{"content":"a","content":"b"}}]}`, `{"choices":[{"delta":{"content":"a","content":""}}]}`, `{"choices":[{"delta":{"content":"","content":""}}]}`,
		`{"choices":[{"text":"Once","finish_reason":null}]}`, `{"choices":[{"text":"","finish_reason":null}]}`, `{"choices":[{"text":" upon","finish_reason":null}]}`,
		`{"obfuscation":"a","obfuscation":"b","choices":[{"text":"x"}]}`, `{"obfuscation":"a","obfuscation":"","choices":[{"text":""}]}`,
		`{"created":1,"id":"a","choices":[{"text":"x"}]}`, `{"created":22,"id":"","choices":[{"text":"y"}]}`, `{"created":,"id":"b","choices":[{"text":"z"}]}`, `{"created":1e3,"id":"b","choices":[{"text":"z"}]}`,
		`{"created":-1,"id":"b","choices":[{"text":"z"}]}`, `{"created":3,"id":"b","choices":[{"text":""}]}`, `{"created":3,"created":4,"id":"b","choices":[{"text":"q"}]}`,
		`{"choices":[{"delta":{"content":"x","tool_calls":[{"id":"a"}]}}]}`, `{"choices":[{"delta":{"content":"","tool_calls":[{"id":"a"}]}}]}`, `{"choices":[{"delta":{"content":"x","tool_calls":[]}}]}`,
	}
	for _, first := range stream {
		c := NewClassifier(&chatCompletions, nil)
		c.Classify([]byte(first))
		for _, data := range stream {
			if got, want := c.Classify([]byte(data)), ClassifySSE([]byte(data)); got != want {
				t.Fatalf("after %s:\n%s\ngot  %+v\nwant %+v", first, data, got, want)
			}
		}
	}
}

// The chunks of a stream are known by their outline: else the classifier is for nothing.
func TestOutlineFits(t *testing.T) {
	c := NewClassifier(&chatCompletions, nil)
	chunk := func(content, obfuscation string) []byte {
		return []byte(`{"choices":[{"content_filter_results":{},"delta":{"content":"` + content + `"},"finish_reason":null,"index":0,"logprobs":null}],"id":"x","obfuscation":"` + obfuscation + `","usage":null}`)
	}
	c.Classify(chunk("Hello", "abc"))
	for _, data := range [][]byte{chunk(" there", ""), chunk(`, \"you\"`, "zyxwvu"), chunk(".", "0")} {
		if !c.outline.fits(data) {
			t.Errorf("%s does not", data)
		}
	}
	other := NewClassifier(&chatCompletions, c.Outline()) // another stream of the same backend
	if !other.outline.fits(bytes.Replace(chunk("Hi", ""), []byte(`"id":"x"`), []byte(`"id":"y"`), 1)) {
		t.Error("what is another answer is not like it")
	}
	if never := NewClassifier(&embeddings, c.Outline()); never.Outline() != nil {
		t.Error("an operation that has no such chunks is given an outline")
	}
	data := chunk(" there", "abcdef")
	if n := testing.AllocsPerRun(100, func() { c.Classify(data) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzClassifier: whatever came before, a payload means what it means alone.
func FuzzClassifier(f *testing.F) {
	f.Add([]byte(contentChunk), []byte(contentChunk))
	f.Add([]byte(`{"choices":[{"text":"a"}],"obfuscation":"b"}`), []byte(`{"choices":[{"text":"\\"}],"obfuscation":""}`))
	f.Add([]byte(`{"choices":[{"delta":{"content":"a"},"text":"b"}]}`), []byte(`{"choices":[{"delta":{"content":""},"text":"b"}]}`))
	f.Fuzz(func(t *testing.T, first, data []byte) {
		c := NewClassifier(&chatCompletions, nil)
		c.Classify(first)
		if got, want := c.Classify(data), ClassifySSE(data); got != want {
			t.Fatalf("after %q: %q\ngot  %+v\nwant %+v", first, data, got, want)
		}
		if got, want := c.Classify(first), ClassifySSE(first); got != want {
			t.Fatalf("after %q: %q\ngot  %+v\nwant %+v", data, first, got, want)
		}
	})
}
