package ops

import (
	"strings"
	"testing"
)

// However a long answer is cut, what it used is what is found where all of it is at hand.
func TestLongUsage(t *testing.T) {
	const chat, response = `{"completion_tokens":42,"prompt_tokens":20,"prompt_tokens_details":{"cached_tokens":7},"total_tokens":62}`,
		`{"input_tokens":20,"input_tokens_details":{"cached_tokens":7},"output_tokens":42}`
	for _, c := range []struct {
		op     *Operation
		answer string
		ok     bool
	}{
		{&chatCompletions, `{"choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":1} \\"}}],"usage":` + chat + `}`, true},
		{&chatCompletions, ` { "usage" : ` + chat + ` , "choices" : [ ] } `, true},
		{&chatCompletions, `{"choices":[{"usage":{"completion_tokens":1,"prompt_tokens":1}}],"usage":` + chat + `,"x":"usage"}`, true},
		{&chatCompletions, `{"choices":[{"usage":` + chat + `}]}`, false},
		{&chatCompletions, `{"usag":{},"usages":{},"\\usage":{},"usage":null,"usage ":{},"x":"usage"}`, false},
		{&chatCompletions, `["usage",` + chat + `]`, false},
		{&chatCompletions, `{"usage":[` + chat + `]}`, false},
		{&chatCompletions, `{"usage":{"completion_tokens":42}}`, false},
		{&chatCompletions, `{"usage":` + chat[:40], false},
		{&chatCompletions, `{"usage":{"completion_tokens":42,"prompt_tokens":20,"x":"` + strings.Repeat("x", maxUsage) + `"}}`, false},
		{&responses, `{"output":[{"content":[{"text":"{[\"]}"}]}],"usage":` + response + `,"metadata":{"usage":"x"}}`, true},
		{&embeddings, `{"data":[{"embedding":[0.1,-2e-7]}],"usage":{"prompt_tokens":20,"total_tokens":20}}`, true},
		{&embeddings, ``, false},
	} {
		want, _ := c.op.Usage([]byte(c.answer))
		for size := 1; size <= len(c.answer)+1; size += 1 + size/40 {
			var l LongUsage
			for rest := c.answer; rest != ""; {
				n := min(size, len(rest))
				l.Take([]byte(rest[:n]))
				rest = rest[n:]
			}
			if got, ok := l.Of(c.op); ok != c.ok || ok && (got != want || got.Prompt != 20) {
				t.Errorf("%.200s by %d: %+v %v, want %+v", c.answer, size, got, ok, want)
			}
			if len(l.object) > 2*maxUsage {
				t.Errorf("%d bytes are kept", len(l.object))
			}
		}
	}
}

// Embeddings of many texts are the longest answers there are.
func BenchmarkLongUsage(b *testing.B) {
	for name, piece := range map[string]string{"numbers": "-0.0123456789,", "text": "bm90aGluZyBoZXJl"} {
		b.Run(name, func(b *testing.B) {
			p := []byte(strings.Repeat(piece, 1<<20/len(piece)))
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				var l LongUsage
				l.Take([]byte(`{"data":["`))
				if name == "numbers" {
					l.Take([]byte(`",`))
				}
				l.Take(p)
			}
		})
	}
}
