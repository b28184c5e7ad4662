package content

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"

	"foundrylab/internal/ops"
	"foundrylab/internal/tokens"
	"foundrylab/simulator/latency"
)

var sample = Reply{
	Key: 42, Created: 1763800000, Model: "gpt-4o-mini-2024-07-18", Fingerprint: "fp_0123456789",
	PromptTokens: 20, CachedTokens: 8, OutputTokens: 10, Finish: ops.FinishStop, IncludeUsage: true,
}

// stream is a whole stream with burst tokens per event.
func stream(r Reply, burst int) string {
	c := NewChat(r)
	b := c.AppendOpen(c.AppendHead(nil))
	for k := 0; k < r.OutputTokens; k += burst {
		b = c.AppendTokens(b, k, min(k+burst, r.OutputTokens))
	}
	return string(c.AppendClose(b))
}

func TestGoldens(t *testing.T) {
	filtered, bare, two := sample, sample, sample
	filtered.Finish, filtered.OutputTokens = ops.FinishContentFilter, 3
	bare.Fingerprint, bare.IncludeUsage, bare.Obfuscation, bare.OutputTokens, bare.Finish = "", false, true, 2, ops.FinishLength
	two.Choices, two.OutputTokens, two.ReasoningTokens = 2, 4, 64
	timed := sample
	timed.Timing = &latency.Schedule{Head: 1390, First: 10690, Next: 10690, End: 11490, Tokens: 10}
	for _, g := range []struct{ name, got string }{
		{"body_timed.json", string(NewChat(timed).AppendBody(nil)) + "\n"},
		{"stream_timed.sse", stream(timed, 10)},
		{"body.json", string(NewChat(sample).AppendBody(nil)) + "\n"},
		{"body_filtered.json", string(NewChat(filtered).AppendBody(nil)) + "\n"},
		{"body_two_choices.json", string(NewChat(two).AppendBody(nil)) + "\n"},
		{"stream.sse", stream(sample, 4)},
		{"stream_filtered.sse", stream(filtered, 1)},
		{"stream_without_usage.sse", stream(bare, 1)},
		{"text.txt", string(NewChat(Reply{Key: 7, OutputTokens: 120}).AppendText(nil, 0, 0, 120)) + "\n"},
	} {
		t.Run(g.name, func(t *testing.T) { checkGolden(t, g.name, g.got) })
	}
}

// Every text has exactly the wanted number of tokens, and every cut of it the tokens of the cut.
func TestTextTokens(t *testing.T) {
	c, err := tokens.NewBPE(tokens.O200K)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range words {
		upper := strings.ToUpper(w[:1]) + w[1:]
		for _, spelling := range []string{" " + w, " " + upper, upper} {
			if n := c.Count(spelling); n != 1 {
				t.Errorf("%q is %d tokens", spelling, n)
			}
		}
	}
	for key := range uint64(30) {
		for n := range 70 {
			r := Reply{Key: key, OutputTokens: n, Finish: ops.FinishStop + ops.FinishReason(key%2)}
			if got := c.Count(string(NewChat(r).AppendText(nil, 0, 0, n))); got != n {
				t.Fatalf("key %d: %d tokens, want %d", key, got, n)
			}
		}
	}
	chat := NewChat(Reply{Key: 9, OutputTokens: 3000})
	whole := string(chat.AppendText(nil, 0, 0, 3000))
	if got := c.Count(whole); got != 3000 {
		t.Errorf("%d tokens", got)
	}
	var parts []byte
	for k := 0; k < 3000; k += 7 {
		parts = chat.AppendText(parts, 0, k, min(k+7, 3000))
	}
	if string(parts) != whole {
		t.Error("the parts of a text are not the text")
	}
	if len(slices.Compact(slices.Sorted(slices.Values(words[:])))) != len(words) {
		t.Error("a word is listed twice")
	}
}

func TestTextDiffers(t *testing.T) {
	a := string(NewChat(Reply{Key: 1}).AppendText(nil, 0, 0, 50))
	for _, b := range []string{
		string(NewChat(Reply{Key: 2}).AppendText(nil, 0, 0, 50)),
		string(NewChat(Reply{Key: 1}).AppendText(nil, 1, 0, 50)),
	} {
		if a == b {
			t.Errorf("the same text twice: %s", a)
		}
	}
	if again := string(NewChat(Reply{Key: 1}).AppendText(nil, 0, 0, 50)); again != a {
		t.Error("one key, two texts")
	}
}

func TestID(t *testing.T) {
	seen := map[string]bool{}
	for i := range uint64(20_000) {
		id := string(AppendID([]byte("chatcmpl-"), i))
		if seen[id[:len("chatcmpl-")+11]] {
			t.Fatalf("%s twice", id)
		}
		seen[id[:len("chatcmpl-")+11]] = true
		if len(id) != len("chatcmpl-")+29 || strings.Trim(id[9:], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Fatalf("id %q", id)
		}
	}
}

// variants are replies of every kind that a stream or body can take.
func variants() (all []Reply) {
	for _, finish := range []ops.FinishReason{ops.FinishNone, ops.FinishStop, ops.FinishLength, ops.FinishContentFilter} {
		for i := range 24 {
			all = append(all, Reply{
				Key: uint64(i) * 7919, Created: 1763800000, Model: `m"1`, Fingerprint: []string{"", "fp_1"}[i%2], Choices: i % 4,
				PromptTokens: 11, CachedTokens: 3, OutputTokens: i % 5, ReasoningTokens: i % 3, Finish: finish,
				IncludeUsage: i%2 == 0, Obfuscation: i%3 == 0,
			})
		}
	}
	return all
}

// Every stream means to ops.ClassifySSE and to the OpenAI client what the reply says.
func TestStreamsParse(t *testing.T) {
	for _, r := range variants() {
		f := ops.NewFramer(1 << 16)
		var kinds strings.Builder
		texts := make([]string, max(r.Choices, 1))
		for data, rest, ok := f.Next([]byte(stream(r, 2))); ok; data, rest, ok = f.Next(rest) {
			c := ops.ClassifySSE(data)
			fmt.Fprintf(&kinds, "%v ", c.Kind)
			if c.Kind == ops.ChunkDone {
				continue
			}
			var chunk openai.ChatCompletionChunk
			if err := json.Unmarshal(data, &chunk); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			for _, choice := range chunk.Choices {
				texts[choice.Index] += choice.Delta.Content
				if chunk.ID != string(AppendID([]byte("chatcmpl-"), r.Key)) || chunk.Model != r.Model || chunk.Created != r.Created || !fingerprinted(chunk.RawJSON(), r.Fingerprint) {
					t.Errorf("origin: %s", data)
				}
				if string(choice.FinishReason) != "" && string(choice.FinishReason) != wantFinish(r) {
					t.Errorf("finish reason: %s", data)
				}
			}
			if c.Kind == ops.ChunkFinish && c.Finish.String() != wantFinish(r) {
				t.Errorf("finish %v: %s", c.Finish, data)
			}
			if c.HasUsage && (c.Prompt != 11 || c.Completion != wantCompletion(r) || int(chunk.Usage.CompletionTokens) != c.Completion || int(chunk.Usage.TotalTokens) != 11+c.Completion) {
				t.Errorf("usage: %s", data)
			}
			if has := strings.Contains(string(data), `","obfuscation":"`); has != (r.Obfuscation && len(chunk.Choices) > 0) {
				t.Fatalf("obfuscation: %s", data)
			}
		}
		n := max(r.Choices, 1) // that go forward together
		want := "filter_only " + strings.Repeat("role ", n) + strings.Repeat("content ", n*((r.OutputTokens+1)/2)) + strings.Repeat("finish ", n)
		if r.IncludeUsage {
			want += "usage "
		}
		if kinds.String() != want+"done " || f.Err() != nil {
			t.Errorf("%+v:\ngot  %s\nwant %s", r, kinds.String(), want)
		}
		for i, text := range texts {
			if text != string(NewChat(r).AppendText(nil, i, 0, r.OutputTokens)) {
				t.Errorf("%+v: choice %d: %q", r, i, text)
			}
		}
	}
}

func TestBodiesParse(t *testing.T) {
	for _, r := range variants() {
		body := NewChat(r).AppendBody(nil)
		var got openai.ChatCompletion
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		u, ok := ops.Usage(body)
		if !ok || u.Prompt != 11 || u.Cached != 3 || u.Completion != wantCompletion(r) || int(got.Usage.PromptTokensDetails.CachedTokens) != 3 ||
			int(got.Usage.CompletionTokensDetails.ReasoningTokens) != r.ReasoningTokens*max(r.Choices, 1) {
			t.Errorf("usage: %s", body)
		}
		if got.Model != r.Model || got.Created != r.Created || !fingerprinted(got.RawJSON(), r.Fingerprint) || len(got.Choices) != max(r.Choices, 1) {
			t.Errorf("origin: %s", body)
		}
		for i, c := range got.Choices {
			if int(c.Index) != i || c.FinishReason != wantFinish(r) || c.Message.Content != string(NewChat(r).AppendText(nil, i, 0, r.OutputTokens)) {
				t.Errorf("choice %d: %s", i, body)
			}
		}
		if keys := memberNames(t, body); !slices.IsSorted(keys) || len(keys) != 9 {
			t.Errorf("keys %q", keys)
		}
	}
}

// memberNames lists the names of a JSON object's members in their order.
func memberNames(t *testing.T, object []byte) (names []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.Token()
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			t.Fatalf("not an object: %s", object)
		}
		names = append(names, name.(string))
	}
	return names
}

func wantFinish(r Reply) string {
	if r.Finish == ops.FinishNone {
		return "stop"
	}
	return r.Finish.String()
}

func wantCompletion(r Reply) int { return (r.OutputTokens + r.ReasoningTokens) * max(r.Choices, 1) }

func TestStreamDoesNotAllocate(t *testing.T) {
	r := sample
	r.Obfuscation = true
	c := NewChat(r)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		buf = c.appendRole(buf[:0], 0)
		buf = c.appendContent(buf, 0, 3, 4)
		buf = c.appendFinish(buf, 0)
		buf = c.appendUsageEvent(buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppendContent(b *testing.B) {
	c := NewChat(sample)
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		buf = c.appendContent(buf[:0], 0, k, k+1)
		k++
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkNewChat(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewChat(sample)
	}
}

// fingerprinted reports whether a body has the fingerprint; the library's own
// field for it is deprecated.
func fingerprinted(body, want string) bool {
	var got struct {
		SystemFingerprint string `json:"system_fingerprint"`
	}
	return json.Unmarshal([]byte(body), &got) == nil && got.SystemFingerprint == want
}
