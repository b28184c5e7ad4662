package tokens

import (
	"strings"
	"testing"
)

func mustBPE(t testing.TB, encoding string) *Encoding {
	t.Helper()
	c, err := NewBPE(encoding)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Published tiktoken counts, and two prompts whose counts were seen in a bill.
func TestCount(t *testing.T) {
	tests := []struct {
		text          string
		o200k, cl100k int
	}{
		{"", 0, 0},
		{"hello world", 2, 2},
		{"antidisestablishmentarianism", 6, 6},
		{"2 + 2 = 4", 7, 7},
		{"お誕生日おめでとう", 8, 9},
		{"You are a terse assistant.", 6, 6},
		{"Say hello.", 3, 3},
		{"<|endoftext|>", 7, 7}, // ordinary text, not a special token
		{"000123999", 3, 3},
	}
	o200k, cl100k := mustBPE(t, O200K), mustBPE(t, CL100K)
	for _, tt := range tests {
		if got := o200k.Count(tt.text); got != tt.o200k {
			t.Errorf("o200k %q: %d, want %d", tt.text, got, tt.o200k)
		}
		if got := cl100k.Count(tt.text); got != tt.cl100k {
			t.Errorf("cl100k %q: %d, want %d", tt.text, got, tt.cl100k)
		}
	}
}

func TestChatPrompt(t *testing.T) {
	c := mustBPE(t, O200K)
	terse := []Message{{Role: "system", Text: "You are a terse assistant."}, {Role: "user", Text: "Say hello."}}
	named := []Message{{Role: "user", Name: "Bo", Text: "Say hello."}}
	tests := []struct {
		msgs []Message
		want int
	}{
		{nil, 3},
		{terse, 3 + 3 + 1 + 6 + 3 + 1 + 3},
		{named, 3 + 3 + 1 + 3 + 1 + 1},
	}
	for _, tt := range tests {
		if got := ChatPrompt(c, tt.msgs); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.msgs, got, tt.want)
		}
	}
}

func TestEstimate(t *testing.T) {
	for _, tt := range [][2]int{{0, 1}, {3, 1}, {4, 2}, {247, 62}, {248, 63}} {
		if got := Estimate(tt[0]); got != tt[1] {
			t.Errorf("Estimate(%d) = %d, want %d", tt[0], got, tt[1])
		}
	}
	if got := EstimateParts([]int{3, 4, 7}); got != 1+2+2 {
		t.Errorf("EstimateParts = %d", got)
	}
}

func TestEncodingFor(t *testing.T) {
	for model, want := range map[string]string{
		"gpt-4o": O200K, "gpt-4o-mini-2024-07-18": O200K, "gpt-4.1": O200K, "gpt-4.5-preview": O200K, "gpt-5": O200K,
		"gpt-5.4-mini": O200K, "gpt-6-luna": O200K, "o1": O200K, "o3-mini": O200K, "o4-mini": O200K, "gpt-oss-120b": O200K, "": O200K,
		"gpt-4": CL100K, "gpt-4-turbo": CL100K, "gpt-4-32k": CL100K, "gpt-3.5-turbo": CL100K, "gpt-35-turbo-16k": CL100K,
		"text-embedding-3-small": CL100K, "text-embedding-ada-002": CL100K,
	} {
		if got := EncodingFor(model); got != want {
			t.Errorf("%q: %s, want %s", model, got, want)
		}
	}
}

func TestUnknownEncoding(t *testing.T) {
	if _, err := NewBPE("p50k"); err == nil || !strings.Contains(err.Error(), "use o200k_base, cl100k_base, p50k_base or r50k_base") {
		t.Errorf("error %v", err)
	}
}
