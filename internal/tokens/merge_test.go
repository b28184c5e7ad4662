package tokens

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowly is the rule in its plainest form: what the three ways of merging are held against.
func slowly(v *vocabulary, piece string) int {
	parts := strings.Split(piece, "") // of single bytes, as the pieces here are ASCII
	for {
		best, at := none, 0
		for i := range len(parts) - 1 {
			if r := v.joined(parts[i]+parts[i+1], 0, len(parts[i]+parts[i+1])); r < best {
				best, at = r, i
			}
		}
		if best == none {
			return len(parts)
		}
		parts[at] += parts[at+1]
		parts = append(parts[:at+1], parts[at+2:]...)
	}
}

// Windows far smaller than tokens make every border a hard one, and most checks fail first.
func TestMergingInWindows(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	alphabets := []string{"a", " ", "ab", "the and", "=-", "abcdefghijklmnopqrstuvwxyz", "0123456789", "\n\t ", "_xX/"}
	again := 0
	for _, name := range Encodings() {
		v := mustBPE(t, name).vocab
		for range 600 {
			alphabet := alphabets[r.IntN(len(alphabets))]
			b := make([]byte, 2+r.IntN(150))
			for i := range b {
				b[i] = alphabet[r.IntN(len(alphabet))]
			}
			piece := string(b)
			want := slowly(v, piece)
			if len(piece) <= shortPiece {
				if got := v.mergeShort("xx"+piece+"xx", 2, 2+len(piece)); got != want {
					t.Fatalf("%s %q: short %d, want %d", name, piece, got, want)
				}
			}
			for _, w := range []windows{{2, 1}, {8, 2}, {16, 8}, {32, 8}, longPiece} {
				if got := v.mergeLong(piece, w); got != want {
					t.Fatalf("%s %q in windows of %d: %d, want %d", name, piece, w.size, got, want)
				}
				if _, ok := new(longMerge).count(v, piece, w); !ok {
					again++
				}
			}
		}
	}
	if again == 0 {
		t.Error("no check at a border failed, so that was not tested")
	}
}

// cpuTime is the processor time of this process so far: a loaded machine does not change it much.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What is quadratic elsewhere, and so a way to stop a server, is not here.
func TestLongRunsAreFast(t *testing.T) {
	if underRace {
		t.Skip("a figure of the race detector's: the run without it holds the bound")
	}
	r := rand.New(rand.NewPCG(9, 9))
	const bound = 50 * time.Millisecond
	letters := make([]byte, 100_000)
	for i := range letters {
		letters[i] = byte('a' + r.IntN(26))
	}
	for _, name := range Encodings() {
		e := mustBPE(t, name)
		for what, text := range map[string]string{"a": strings.Repeat("a", len(letters)), "spaces": strings.Repeat(" ", len(letters)), "letters": string(letters),
			"marks": strings.Repeat("\u0301", len(letters)/2), "line ends": strings.Repeat(" \n", len(letters)/2), "signs": strings.Repeat("-=", len(letters)/2)} {
			took := time.Hour
			for range 3 {
				began := cpuTime(t)
				e.Count(text)
				took = min(took, cpuTime(t)-began)
			}
			t.Logf("%s: 100 KB of %s take %v", name, what, took.Round(time.Microsecond))
			if took > bound {
				t.Errorf("%s: 100 KB of %s take %v, want %v at most", name, what, took, bound)
			}
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("a figure of the race detector's: the run without it holds the bound")
	}
	texts := append(prompts(20), strings.Repeat("a", 100_000), strings.Repeat("antidisestablishmentarianism", 3), "日本語 🙂 é")
	for _, name := range Encodings() {
		e := mustBPE(t, name)
		for _, text := range texts {
			if n := testing.AllocsPerRun(20, func() { e.Count(text) }); n != 0 {
				t.Errorf("%s %.40q: %v allocations", name, text, n)
			}
		}
	}
}
