package tokens

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// The oracle is tiktoken-go. It matches regular expressions by backtracking and merges in quadratic time, so it is given
// short strings.

var setLoader sync.Once

func oracle(t testing.TB, name string) *tiktoken.Tiktoken {
	t.Helper()
	setLoader.Do(func() { tiktoken.SetBpeLoader(loader.NewOfflineLoader()) }) // else it downloads
	o, err := tiktoken.GetEncoding(name)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// disagreement says where our count differs from the oracle's, or our pieces from its tokens: no token of the oracle
// lies across the end of one of our pieces, and a piece has as many tokens as we say.
func disagreement(e *Encoding, o *tiktoken.Tiktoken, text string) string {
	tokens := o.EncodeOrdinary(text)
	if got := e.Count(text); got != len(tokens) {
		return fmt.Sprintf("%.200q: %d tokens, the oracle has %d", text, got, len(tokens))
	}
	valid := string([]rune(text))
	at, reached, n := 0, 0, 0
	for at < len(valid) {
		end := e.split(e.classes, valid, at)
		want := e.piece(valid, at, end)
		for ; want > 0 && n < len(tokens); want-- {
			reached += len(o.Decode(tokens[n : n+1]))
			n++
		}
		if want > 0 || reached != end {
			return fmt.Sprintf("%.200q: piece %q is not of whole tokens of the oracle", text, valid[at:end])
		}
		at = end
	}
	return ""
}

func soak() bool { return os.Getenv("FOUNDRYLAB_SOAK") != "" }

// Not one difference in random strings: 20,000 for each vocabulary, a million in make soak.
func TestCountsAreTheOracles(t *testing.T) {
	strings := 20_000
	if soak() {
		strings = 1_000_000
	}
	for _, name := range Encodings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, o := mustBPE(t, name), oracle(t, name)
			r := texts{rand.New(rand.NewPCG(4, uint64(strings))), e.vocab.text}
			differences := 0
			for range strings {
				if d := disagreement(e, o, r.text()); d != "" {
					t.Error(d)
					if differences++; differences == 10 {
						t.FailNow()
					}
				}
			}
			t.Logf("%s: %d strings, %d differences", name, strings, differences)
		})
	}
}

// Every character, beside what the patterns treat apart: one in 61, all in make soak.
func TestEveryCharacter(t *testing.T) {
	step := rune(61)
	if soak() {
		step = 1
	}
	for _, name := range Encodings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, o := mustBPE(t, name), oracle(t, name)
			for c := rune(0); c <= unicode.MaxRune; c += step {
				text := strings.ReplaceAll("_ _a A_B a_'s'_ 'r_  _1_ !_/\n_\n", "_", string(c))
				if d := disagreement(e, o, text); d != "" {
					t.Fatalf("%U: %s", c, d)
				}
			}
		})
	}
}

// Pieces around the bounds at which another way of merging takes over.
func TestLongPieces(t *testing.T) {
	lengths := []int{1, 2, memoBytes, memoBytes + 1, shortPiece, shortPiece + 1, longest, longest + 1, longPiece.size - 1, longPiece.size, longPiece.size + 1, 2500}
	r := texts{rand.New(rand.NewPCG(5, 5)), ""}
	noise := func(from string) string {
		b := make([]byte, 2500)
		for i := range b {
			b[i] = from[r.IntN(len(from))]
		}
		return string(b)
	}
	for _, name := range Encodings() {
		e, o := mustBPE(t, name), oracle(t, name)
		for _, text := range []string{strings.Repeat("a", 2500), strings.Repeat(" ", 2500), strings.Repeat("\n", 2500), strings.Repeat("-=", 1250), strings.Repeat("日本語", 280), strings.Repeat("\u0301", 1250),
			noise("abcdefghijklmnopqrstuvwxyz"), noise("ab"), noise("=-"), noise("ACGT"), noise("0123456789"), noise(" \t")} {
			for _, n := range lengths {
				if d := disagreement(e, o, text[:min(n, len(text))]); d != "" {
					t.Errorf("%s %s", name, d)
				}
			}
		}
	}
}

// The fuzzer is given the vocabulary as a byte; the corpus is one string of every kind and some that were wrong once.
func FuzzCount(f *testing.F) {
	r := texts{rand.New(rand.NewPCG(6, 6)), strings.Repeat("unused ", 9)}
	for i := range 64 {
		f.Add(byte(i), r.text())
	}
	for _, text := range []string{"\n \n", "hello\n   \n  \nworld", "\u0301AB", "'\u017fa", "don'\u212a", "  \u00a0x", "!\r\n/\n/"} {
		for v := range vocabularies {
			f.Add(byte(v), text)
		}
	}
	var encodings []*Encoding
	var oracles []*tiktoken.Tiktoken
	for _, name := range Encodings() {
		encodings, oracles = append(encodings, mustBPE(f, name)), append(oracles, oracle(f, name))
	}
	f.Fuzz(func(t *testing.T, which byte, text string) {
		if len(text) > 1000 {
			return
		}
		v := int(which) % len(encodings)
		if d := disagreement(encodings[v], oracles[v], text); d != "" {
			t.Errorf("%s %s", vocabularies[v].name, d)
		}
	})
}
