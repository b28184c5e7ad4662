package content

import (
	"testing"

	"foundrylab/simulator/filter"
)

// The texts that are written for what is safe are what would be written.
func TestSafeVerdicts(t *testing.T) {
	for w, want := range []string{onPrompt: promptVerdict, onBody: bodyFilter, onGraded: plainFilter} {
		if got := string(appendVerdict(nil, &filter.Verdict{}, width(w))); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
