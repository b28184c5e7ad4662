package gateway

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"foundrylab/internal/ops"
)

// FuzzHiddenUsage: however the events of a stream are written and cut into reads, who reads what is passed on finds what
// there would be had nobody asked for the usage.
func FuzzHiddenUsage(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		dice := rand.New(rand.NewPCG(seed, 1))
		eol := []string{"\n", "\r\n", "\r"}[dice.IntN(3)]
		var text strings.Builder
		var want []string
		for range 1 + dice.IntN(12) {
			for range dice.IntN(3) {
				text.WriteString([]string{": a comment" + eol, ":" + eol + eol, "event: x" + eol, "id: 7" + eol, eol}[dice.IntN(5)])
			}
			e := usageEvents[dice.IntN(len(usageEvents))]
			text.WriteString([]string{"data: ", "data:"}[dice.IntN(2)] + e + eol + eol)
			if e != usageEvent {
				want = append(want, strings.Replace(e, `,"usage":null}`, "}", 1))
			}
		}
		all := text.String()
		if dice.IntN(3) == 0 { // some servers leave the last blank line out
			all = strings.TrimSuffix(all, eol)
		}
		m := newMeter(&ops.All[0], http.Header{"Content-Type": {"text/event-stream"}}, nil)
		m.hides = true
		var shown []byte
		for rest := []byte(all); len(rest) > 0; {
			n := min(1+dice.IntN(40), len(rest))
			shown = append(shown, m.take(bytes.Clone(rest[:n]))...)
			rest = rest[n:]
		}
		shown = append(shown, m.end(true)...)
		var got []string
		reader := ops.NewFramer(1 << 20)
		for data, rest, ok := reader.Next(shown); ok; data, rest, ok = reader.Next(rest) {
			got = append(got, string(data))
		}
		if data, ok := reader.End(); ok {
			got = append(got, string(data))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q\nis passed on as %q\ngot  %q\nwant %q", all, shown, got, want)
		}
	})
}
