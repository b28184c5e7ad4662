package body

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"

	"foundrylab/internal/ops"
	"foundrylab/internal/tokens"
)

// Every body, read back and counted in full, has the planned tokens and characters.
func TestAppendIsExact(t *testing.T) {
	c, err := tokens.NewBPE(tokens.O200K)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	prompts := []int{-1, 0, 1, MinPromptTokens - 1, MinPromptTokens, MinPromptTokens + 1, 8192}
	for p := MinPromptTokens; p < MinPromptTokens+64; p++ {
		prompts = append(prompts, p)
	}
	for range 40 {
		prompts = append(prompts, rng.IntN(3000))
	}
	for i, p := range prompts {
		r := Request{Model: "gpt-4.1", Key: rng.Uint64(), PromptTokens: p, OutputTokens: rng.IntN(1000), MaxTokens: -1}
		if i%3 == 0 {
			r.Stream, r.IncludeUsage, r.MaxTokens = true, true, 1+rng.IntN(500)
		}
		got, err := ops.Peek(Append(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		want := max(p, MinPromptTokens)
		if n := tokens.ChatPrompt(c, got.Messages); n != want {
			t.Errorf("%d tokens, want %d: %.120s", n, want, got.Messages[0].Text)
		}
		if chars, _ := PromptChars(p, 0); got.TextChars != chars || len(got.PartChars) != 1 {
			t.Errorf("%d characters, want %d", got.TextChars, chars)
		}
		m, ok := got.Marker()
		if want := (ops.Marker{Key: r.Key, Output: r.OutputTokens, Prompt: want, Chars: got.TextChars}); !ok || m != want {
			t.Errorf("marker %+v, want %+v", m, want)
		}
		if got.Model != r.Model || got.Stream != r.Stream || got.IncludeUsage != r.IncludeUsage || got.MaxTokens != r.MaxTokens || got.MaxCompletionTokens != -1 {
			t.Errorf("read back %+v of %+v", got, r)
		}
	}
}

// So has every body whose beginning others share; the beginning has the tokens that it says, and is the same whatever follows.
func TestPrefixIsExact(t *testing.T) {
	c, err := tokens.NewBPE(tokens.O200K)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for _, prefix := range []int{1, MinPrefixTokens, MinPrefixTokens + 1, 64, 1023, 1024, 2048} {
		whole := max(prefix, MinPrefixTokens)
		first := ""
		for _, p := range []int{0, whole, whole + MinPromptTokens, whole + MinPromptTokens + 1, 3000} {
			r := Request{Key: rng.Uint64(), PromptTokens: p, OutputTokens: 9, MaxTokens: -1, Prefix: 77, PrefixTokens: prefix}
			got, err := ops.Peek(Append(nil, r))
			if err != nil {
				t.Fatal(err)
			}
			want := max(p, whole+MinPromptTokens)
			if n := tokens.ChatPrompt(c, got.Messages); n != want || len(got.Messages) != 2 || got.Messages[0].Role != "system" {
				t.Errorf("%d tokens, want %d: %.120s", n, want, got.Messages[0].Text)
			}
			if n := tokens.ChatPrompt(c, got.Messages[:1]) - 3; n != whole { // 3 are the prompt's own
				t.Errorf("the prefix has %d tokens, want %d", n, whole)
			}
			user, system := PromptChars(p, prefix)
			if len(got.PartChars) != 2 || got.PartChars[0] != system || got.PartChars[1] != user {
				t.Errorf("characters %d, want %d and %d", got.PartChars, system, user)
			}
			if m, ok := got.Marker(); !ok || m != (ops.Marker{Key: r.Key, Output: 9, Prompt: want, Chars: user + system}) {
				t.Errorf("marker %+v", m)
			}
			if m, ok := got.PrefixMarker(); !ok || m != (ops.PrefixMarker{Name: 77, Tokens: whole}) {
				t.Errorf("prefix marker %+v", m)
			}
			if first == "" {
				first = got.Messages[0].Text
			}
			if got.Messages[0].Text != first {
				t.Error("requests of one prefix begin differently")
			}
		}
	}
}

func TestMarkerTokensAreConstant(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for _, encoding := range []string{tokens.O200K, tokens.CL100K} {
		c, err := tokens.NewBPE(encoding)
		if err != nil {
			t.Fatal(err)
		}
		// The marker's tokens are those of its fixed signs and one per group of three digits, so it is enough that
		// every group is one token, beside any group; some whole markers confirm it.
		for i := range 1000 {
			group := string([]byte{byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)})
			if n := c.Count(group); n != 1 {
				t.Fatalf("%s: %q is %d tokens", encoding, group, n)
			}
		}
		for i := range 300 {
			m := ops.Marker{Key: rng.Uint64() >> rng.IntN(64), Output: rng.IntN(1e6), Prompt: rng.IntN(1e9), Chars: rng.IntN(1e9)}
			if i == 0 {
				m = ops.Marker{Key: math.MaxUint64, Output: ops.MaxMarkerOutput, Prompt: ops.MaxMarkerCount, Chars: ops.MaxMarkerCount}
			}
			text := string(ops.AppendMarker(nil, m))
			if n := c.Count(text); n != markerTokens {
				t.Fatalf("%s: %s is %d tokens", encoding, text, n)
			}
			shared := string(ops.AppendPrefixMarker(nil, ops.PrefixMarker{Name: m.Key, Tokens: m.Chars}))
			if n := c.Count(shared + filler); n != prefixMarkerTokens+len(filler)/wordChars {
				t.Fatalf("%s: %s with filler is %d tokens", encoding, shared, n)
			}
			if n := c.Count(text + filler); n != markerTokens+len(filler)/wordChars {
				t.Fatalf("%s: %s with filler is %d tokens", encoding, text, n)
			}
		}
	}
}

func TestAppendForms(t *testing.T) {
	text := `[fl k=000000000000000000032 t=000 o=000007 p=000000038 c=000000077] data time`
	messages := `"messages":[{"role":"user","content":"` + text + `"}]`
	base := Request{Key: 32, PromptTokens: MinPromptTokens + 2, OutputTokens: 7, MaxTokens: -1}
	tests := []struct {
		change func(r *Request)
		want   string
	}{
		{func(r *Request) {}, `{` + messages + `}`},
		{func(r *Request) { r.Model = `m"1` }, `{"model":"m\"1",` + messages + `}`},
		{func(r *Request) { r.MaxTokens = 0 }, `{` + messages + `,"max_tokens":0}`},
		{func(r *Request) { r.MaxTokens, r.CompletionLimit = 9, true }, `{` + messages + `,"max_completion_tokens":9}`},
		{func(r *Request) { r.IncludeUsage = true }, `{` + messages + `}`},
		{func(r *Request) { r.ServiceTier = "flex" }, `{` + messages + `,"service_tier":"flex"}`},
		{func(r *Request) { r.Stream = true }, `{` + messages + `,"stream":true}`},
		{func(r *Request) { r.Stream, r.IncludeUsage = true, true }, `{` + messages + `,"stream":true,"stream_options":{"include_usage":true}}`},
		{func(r *Request) { r.Key = 31 }, strings.NewReplacer("k=000000000000000000032", "k=000000000000000000031", " data time", " zone data").Replace(`{` + messages + `}`)},
	}
	tests = append(tests, struct {
		change func(r *Request)
		want   string
	}{func(r *Request) {
		r.Prefix, r.PrefixTokens, r.PromptTokens = 32, MinPrefixTokens+1, MinPrefixTokens+1+MinPromptTokens
	}, `{"messages":[` +
		`{"role":"system","content":"[fl x=000000000000000000032 s=000000022] data"},{"role":"user","content":"[fl k=000000000000000000032 t=000 o=000007 p=000000058 c=000000112]"}]}`})
	for _, tt := range tests {
		r := base
		tt.change(&r)
		got := string(Append([]byte("x"), r))
		if got != "x"+tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
		var params openai.ChatCompletionNewParams
		if err := json.Unmarshal([]byte(got[1:]), &params); err != nil {
			t.Error(err)
		}
	}
}

func TestOutOfRange(t *testing.T) {
	for _, r := range []Request{{PromptTokens: MaxPromptTokens + 1}, {OutputTokens: -1}, {OutputTokens: ops.MaxMarkerOutput + 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v did not panic", r)
				}
			}()
			Append(nil, r)
		}()
	}
	last, _ := PromptChars(MaxPromptTokens, 0)
	if over, _ := PromptChars(MaxPromptTokens+1, 0); last > ops.MaxMarkerCount || over <= ops.MaxMarkerCount {
		t.Error("MaxPromptTokens is not the largest prompt")
	}
}

func BenchmarkAppend(b *testing.B) {
	buf := make([]byte, 0, 1<<14)
	b.ReportAllocs()
	key := uint64(0)
	for b.Loop() {
		key++
		buf = Append(buf[:0], Request{Model: "gpt-4.1", Key: key, PromptTokens: 1000, OutputTokens: 200, MaxTokens: 400, Stream: true, IncludeUsage: true})
	}
}
