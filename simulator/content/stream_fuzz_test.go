package content

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"foundrylab/internal/ops"
)

// FuzzStream writes a text as a stream of every operation, in bursts of any length, and reads it again as a gateway does:
// every event is one that ops knows, and the deltas are the text.
func FuzzStream(f *testing.F) {
	f.Add("Hello, \n\ndata: [DONE]\r\nworld 😀", uint8(3), uint8(2))
	f.Add("", uint8(1), uint8(1))
	f.Add("\u2028 \x00 \ufeff\"\\", uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, text string, step, burst uint8) {
		text = strings.ToValidUTF8(text, "?")
		var ends []int
		for at := int(step%7) + 1; at < len(text); at += int(step%7) + 1 {
			ends = append(ends, at)
		}
		s := new(Script)
		s.AddText(text, append(ends, len(text)))
		r := Reply{Key: 1, Model: "m", Script: s, OutputTokens: s.Tokens(), Obfuscation: true, IncludeUsage: true, Logprobs: step%2 == 0, TopLogprobs: 2}
		for name, w := range map[string]Writer{"chat": NewChat(r), "completion": NewCompletion(r, nil), "message": NewMessage(r), "response": NewResponse(r, sampleForm(plainAsk))} {
			stream := w.AppendOpen(w.AppendHead(nil))
			for k := 0; k < s.Tokens(); k += int(burst) + 1 {
				stream = w.AppendTokens(stream, k, min(k+int(burst)+1, s.Tokens()))
			}
			if got := reread(t, name, w.AppendClose(stream)); got != text {
				t.Fatalf("%s: %q, want %q", name, got, text)
			}
		}
	})
}

// reread returns what the deltas of a stream say.
func reread(t *testing.T, name string, stream []byte) (text string) {
	classify := map[string]func([]byte) ops.Chunk{"chat": ops.ClassifySSE, "completion": ops.ClassifySSE, "message": ops.ClassifyMessages, "response": ops.ClassifyResponses}[name]
	framer := ops.NewFramer(len(stream) + 1)
	for data, rest, ok := framer.Next(stream); ok; data, rest, ok = framer.Next(rest) {
		if kind := classify(data).Kind; kind == ops.ChunkMalformed || kind == ops.ChunkError || !utf8.Valid(data) {
			t.Fatalf("%s: %v: %s", name, kind, data)
		}
		var e struct {
			Type    string `json:"type"`
			Delta   any    `json:"delta"`
			Choices []struct {
				Text  string `json:"text"`
				Delta struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if string(data) == "[DONE]" {
			continue
		}
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatalf("%s: %v: %s", name, err, data)
		}
		for _, c := range e.Choices {
			text += c.Text + c.Delta.Content
		}
		switch delta := e.Delta.(type) {
		case string:
			text += delta
		case map[string]any:
			said, _ := delta["text"].(string)
			text += said
		}
	}
	if framer.Err() != nil {
		t.Fatal(framer.Err())
	}
	return text
}
