package tokens

import (
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// prompts are distinct texts of 1 KB as people send them: prose whose words are partly made up (names, typing errors,
// other languages), numbers, and a line of code in some.
func prompts(n int) []string {
	r := rand.New(rand.NewPCG(7, 7))
	common := strings.Fields(`the of and to in is that for it as was with be by on not he this are or his from at which but have an had they you were
		their one all we can her has there been if more when will would who so no what up about into than its time only could new them man some these
		then two first may any like now my such make over our even most me state after also made many did must before back see through way where get
		much go well your know should down work year because come people just say each those take day good how long Mr own too little use U.S. very
		great still men here old life both between under last never place same another think house while high right might came off find states since
		used give against three himself look few general hand school part small American home during number again Mrs around thought went without
		however govern system better set told nothing night end why called didn't eyes find going look asked later point knew next program city business
		customer invoice summarize translate please explain answer question document following paragraph deployment latency tokens request response`)
	syllables := strings.Fields("ka ro mi te lan ver sto chi bre un pla dor fen gi sul ta mo ner wick ford ham ström ción ung heit ová")
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for b.Len() < 1024 {
			switch x := r.IntN(100); {
			case x < 89:
				b.WriteString(common[r.IntN(len(common))])
			case x < 95:
				word := ""
				for range 2 + r.IntN(3) {
					word += syllables[r.IntN(len(syllables))]
				}
				if r.IntN(2) == 0 {
					word = strings.ToUpper(word[:1]) + word[1:]
				}
				b.WriteString(word)
			case x < 97:
				for range 1 + r.IntN(7) {
					b.WriteByte(byte('0' + r.IntN(10)))
				}
			case x < 99:
				b.WriteString("if (err != nil) {\n\t\treturn;\n\t}\n")
			default:
				b.WriteString("größer façade 東京 данные 🙂")
			}
			b.WriteString([]string{" ", " ", " ", " ", " ", " ", ", ", ". ", ".\n\n", "; "}[r.IntN(10)])
		}
		out[i] = strings.ToValidUTF8(b.String()[:1024], "?")
	}
	return out
}

func BenchmarkCount(b *testing.B) {
	texts := prompts(10_000)
	for _, name := range Encodings() {
		b.Run(name, func(b *testing.B) {
			e := mustBPE(b, name)
			b.SetBytes(1024)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e.Count(texts[i%len(texts)])
			}
		})
	}
}

// At least 15 times as fast as the oracle on 10,000 distinct prompts of 1 KB, on one core: the rare words of a prompt
// were pushed out of the memo long before it comes again. Both take turns, so that a loaded machine slows them
// alike, and the processor time of their median turns is compared.
func TestSpeedAgainstTheOracle(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("wants a quiet machine: set FOUNDRYLAB_BENCH=1, as make bench does")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const turn = 1000
	texts := prompts(10_000)
	for _, name := range Encodings() {
		e, o := mustBPE(t, name), oracle(t, name)
		rare, known := rarities(e, texts)
		if rare < 2*memoSlots {
			t.Errorf("%s: %d rare pieces are not too many for a memo of %d", name, rare, memoSlots)
		}
		var our, their []time.Duration
		for i := 0; i < len(texts); i += turn {
			began := cpuTime(t)
			want := 0
			for _, text := range texts[i : i+turn] {
				want += len(o.EncodeOrdinary(text))
			}
			their = append(their, (cpuTime(t)-began)/turn)
			began = cpuTime(t)
			got := 0
			for _, text := range texts[i : i+turn] {
				got += e.Count(text)
			}
			our = append(our, (cpuTime(t)-began)/turn)
			if got != want {
				t.Fatalf("%s: %d tokens, the oracle has %d", name, got, want)
			}
		}
		slices.Sort(our)
		slices.Sort(their)
		us, them := our[len(our)/2], their[len(their)/2]
		ratio := float64(them) / float64(us)
		t.Logf("%s: a prompt of 1 KB takes %v, the oracle %v: %.1f times as long (the memo knew %.0f %% of %d rare pieces)", name, us, them, ratio, 100*known, rare)
		if ratio < 15 {
			t.Errorf("%s: %.1f times as fast as the oracle, want 15", name, ratio)
		}
	}
}

// rarities counts the distinct pieces that are no token, and returns which share of all such the memo has when they
// have gone through it.
func rarities(e *Encoding, texts []string) (distinct int, known float64) {
	seen := map[string]bool{}
	all, hits := 0, 0
	for range 2 {
		all, hits = 0, 0
		for _, text := range texts {
			for at := 0; at < len(text); {
				end := e.split(e.classes, text, at)
				if r, w := e.vocab.rank(text, at, end); r == none {
					seen[text[at:end]] = true
					all++
					if end-at <= memoBytes && e.memo.get(w, end-at) > 0 {
						hits++
					}
					e.piece(text, at, end)
				}
				at = end
			}
		}
	}
	return len(seen), float64(hits) / float64(all)
}
