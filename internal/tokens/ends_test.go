package tokens

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// The ends are as many as the tokens, rise to the text's length, and what is between two of them is one token.
func TestAppendEnds(t *testing.T) {
	for _, name := range Encodings() {
		e, err := NewBPE(name)
		if err != nil {
			t.Fatal(err)
		}
		r := texts{rand.New(rand.NewPCG(3, 0)), e.vocab.text}
		for range 2000 {
			text := r.text()
			if !utf8.ValidString(text) {
				text = strings.ToValidUTF8(text, "?")
			}
			ends, from := e.AppendEnds(nil, text), 0
			if len(ends) != e.Count(text) {
				t.Fatalf("%s: %d ends of %d tokens: %q", name, len(ends), e.Count(text), text)
			}
			for _, end := range ends {
				if end <= from {
					t.Fatalf("%s: ends %v: %q", name, ends, text)
				}
				if r, _ := e.vocab.rank(text, from, end); r == none && end-from > 1 {
					t.Fatalf("%s: %q is no token: %q", name, text[from:end], text)
				}
				from = end
			}
			if from != len(text) {
				t.Fatalf("%s: ends %v: %q", name, ends, text)
			}
		}
	}
}
