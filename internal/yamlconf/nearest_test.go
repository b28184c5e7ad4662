package yamlconf

import (
	"math/rand/v2"
	"testing"
)

func TestNearest(t *testing.T) {
	keys := []string{"rate", "retry", "max_tokens", "poisson", "p50", "p99"}
	tests := []struct{ word, want string }{
		{"rate", "rate"},
		{"rte", "rate"},
		{"raet", "rate"}, // a swap is one edit
		{"Rate", "rate"}, // case is free
		{"maxTokens", "max_tokens"},
		{"poison", "poisson"},
		{"poisssonn", "poisson"}, // 2 edits of 9 letters
		{"rety", "retry"},
		{"p95", "p99"},
		{"p5", "p50"},
		{"ra", ""},       // 2 edits of 2 letters
		{"position", ""}, // 3 edits of 8 letters
		{"", ""},
		{"zebra", ""},
	}
	for _, test := range tests {
		if got, ok := Nearest(test.word, keys); got != test.want || ok != (test.want != "") {
			t.Errorf("%q: got %q, %t, want %q", test.word, got, ok, test.want)
		}
	}
	if got, ok := Nearest("x", nil); ok {
		t.Errorf("found %q among none", got)
	}
	if got, _ := Nearest("cat", []string{"car", "bat", "cat"}); got != "cat" {
		t.Errorf("got %q, want the nearest", got)
	}
	if got, _ := Nearest("cat", []string{"car", "bat"}); got != "car" {
		t.Errorf("got %q, want the first", got)
	}
}

// slowEdits is the definition of the distance, without memory.
func slowEdits(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	x, y := a[:len(a)-1], b[:len(b)-1]
	d := slowEdits(x, y)
	if a[len(x)] != b[len(y)] {
		d++
	}
	d = min(d, slowEdits(x, b)+1, slowEdits(a, y)+1)
	if len(x) > 0 && len(y) > 0 && a[len(x)] == b[len(y)-1] && a[len(x)-1] == b[len(y)] {
		d = min(d, slowEdits(a[:len(x)-1], b[:len(y)-1])+1)
	}
	return d
}

func TestEditsAgainstTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	word := func() string {
		w := make([]byte, r.IntN(7))
		for i := range w {
			w[i] = "abc"[r.IntN(3)]
		}
		return string(w)
	}
	for range 2000 {
		a, b := word(), word()
		if got, want := edits([]rune(a), []rune(b)), slowEdits(a, b); got != want {
			t.Fatalf("edits(%q, %q) = %d, want %d", a, b, got, want)
		}
	}
}
