package tokens

import (
	"math/rand/v2"
	"regexp"
	"testing"
	"unicode/utf8"
)

// The vocabularies' patterns as Go's regexp has them: \s and letter case spelled out, and the last two alternatives,
// `\s+(?!\S)|\s+`, as a group whose match leaves its last space to what follows.
const (
	s        = `[\t-\r\x{85}\p{Z}]`
	anyCase  = `'(?:[sStTmMdD]|[rRvV][eE]|[lL][lL])`
	smallest = `'(?:[stmd]|[rv]e|ll)`
	sign     = `[^\t-\r\x{85}\p{Z}\p{L}\p{N}]`
	capitals = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	smalls   = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
)

var patterns = map[string]*regexp.Regexp{
	O200K: regexp.MustCompile(`^(?:[^\r\n\p{L}\p{N}]?` + capitals + `*` + smalls + `+(?:` + anyCase + `)?|[^\r\n\p{L}\p{N}]?` + capitals + `+` + smalls + `*(?:` + anyCase + `)?|` +
		`\p{N}{1,3}| ?` + sign + `+[\r\n/]*|` + s + `*[\r\n]+|(` + s + `+))`),
	CL100K: regexp.MustCompile(`^(?:` + anyCase + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?` + sign + `+[\r\n]*|` + s + `*[\r\n]+|(` + s + `+))`),
	P50K:   regexp.MustCompile(`^(?:` + smallest + `| ?\p{L}+| ?\p{N}+| ?` + sign + `+|(` + s + `+))`),
	R50K:   regexp.MustCompile(`^(?:` + smallest + `| ?\p{L}+| ?\p{N}+| ?` + sign + `+|(` + s + `+))`),
}

// pieceEnd returns the length of the first piece of text by the pattern.
func pieceEnd(pattern *regexp.Regexp, text string) int {
	m := pattern.FindStringSubmatchIndex(text)
	end := m[1]
	if m[2] >= 0 && end < len(text) {
		if _, n := utf8.DecodeLastRuneInString(text[:end]); n < end {
			end -= n
		}
	}
	return end
}

// Pieces end where the patterns say, also where the count of tokens would not show it.
func TestSplittersArePatterns(t *testing.T) {
	r := texts{rand.New(rand.NewPCG(10, 10)), mustBPE(t, O200K).vocab.text}
	for range 10_000 {
		text := string([]rune(r.text()))
		for name, pattern := range patterns {
			e := mustBPE(t, name)
			for at := 0; at < len(text); {
				got, want := e.split(e.classes, text, at), at+pieceEnd(pattern, text[at:])
				if got != want {
					t.Fatalf("%s %q: the piece at %d is %q, want %q", name, text, at, text[at:got], text[at:want])
				}
				at = got
			}
		}
	}
}
