package content

import (
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/ops"
)

// However a script is cut, what it says is the beginning of what it said, and its tokens make up its text.
func TestCutsAreBeginnings(t *testing.T) {
	for name, s := range map[string]*Script{"prose": Prose(7, 40), "mixed": sampleScript()} {
		text := s.Text()
		for n := range s.Tokens() + 2 {
			short := s.Cut(n)
			if !strings.HasPrefix(text, short.Text()) || short.Tokens() > n || name == "prose" && short.Tokens() != min(n, 40) {
				t.Errorf("%s cut to %d: %d tokens, %q", name, n, short.Tokens(), short.Text())
			}
		}
		for at := range len(text) {
			short := s.Before(at)
			said := short.Text()
			if want := text[:at]; said != want || s.ByteAt(s.TokenAt(at)) > at || s.ByteAt(s.TokenAt(at)+1) <= at {
				t.Errorf("%s before byte %d: %q", name, at, said)
			}
			pieces := ""
			for k := range short.Tokens() {
				pieces += short.text(k, k+1)
			}
			if pieces != said {
				t.Errorf("%s before byte %d: its tokens say %q", name, at, pieces)
			}
		}
	}
	if s := Prose(7, 0); s.Tokens() != 0 || s.Text() != "" || s.finish() != ops.FinishStop {
		t.Errorf("%+v", s)
	}
}

// Prose is the words that an answer without a script says.
func TestProseIsWhatIsMadeUp(t *testing.T) {
	r := Reply{Key: 7, OutputTokens: 100, Finish: ops.FinishLength}
	if got, want := Prose(7, 100).Text(), string(r.appendText(nil, 0, 0, 100)); got != want {
		t.Errorf("%q\n%q", got, want)
	}
	if s := Prose(7, 100); !slices.IsSorted(s.items[0].ends) {
		t.Error("ends are not in order")
	}
}
