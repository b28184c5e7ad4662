package ops

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCharacters(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	alphabet := []rune("a\x00\x7f\u0080é߿ࠀ€\uffff😀\U0010ffff")
	for range 100_000 {
		var text strings.Builder
		for range dice.IntN(40) {
			text.WriteRune(alphabet[dice.IntN(len(alphabet))])
		}
		if got, want := characters(text.String()), utf8.RuneCountInString(text.String()); got != want {
			t.Fatalf("%q: %d characters, want %d", text.String(), got, want)
		}
	}
}

func BenchmarkCharacters(b *testing.B) {
	text := strings.Repeat("some data to read ", 60)
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			characters(text)
		}
	})
	b.Run("utf8", func(b *testing.B) {
		for b.Loop() {
			utf8.RuneCountInString(text)
		}
	})
}
