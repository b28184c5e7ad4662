package budget

import "testing"

// The first answer is all that is known; each that follows counts for a sixteenth.
func TestLength(t *testing.T) {
	var l Length
	for i, c := range []struct{ completion, want int32 }{{-1, -1}, {0, 0}, {160, 10}, {10, 10}, {1_610, 110}, {0, 103}} {
		if i > 0 {
			l.Learn(c.completion)
		}
		if got := l.Expected(); got != c.want {
			t.Errorf("answer %d of %d tokens: %d are expected, want %d", i, c.completion, got, c.want)
		}
	}
}
