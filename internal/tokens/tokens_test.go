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

func TestUnknownEncoding(t *testing.T) {
	if _, err := NewBPE("p50k"); err == nil || !strings.Contains(err.Error(), "use o200k_base, cl100k_base, p50k_base or r50k_base") {
		t.Errorf("error %v", err)
	}
}
