package fault

import (
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

func TestParseAsk(t *testing.T) {
	for _, c := range []struct {
		text string
		want Rule // without times and dice
		err  string
	}{
		{"status=503", Rule{Status: 503}, ""},
		{"status=429", Rule{Status: 429}, ""},
		{"outage", Rule{Reset: true, CutStreams: true}, ""},
		{"latency", Rule{Add: 5 * time.Second}, ""},
		{"latency=250ms", Rule{Add: 250 * time.Millisecond}, ""},
		{"abort", Rule{Break: record.CutFault, After: 10, BreakWhole: true}, ""},
		{"status", Rule{}, "status needs a code"},
		{"status=200", Rule{}, "status needs a code"},
		{"status=6x", Rule{}, "status needs a code"},
		{"latency=never", Rule{}, "latency takes a duration"},
		{"latency=25h", Rule{}, "latency takes a duration"},
		{"latency=0s", Rule{}, "latency takes a duration"},
		{"outage=1", Rule{}, "outage takes no value"},
		{"meteor", Rule{}, `unknown fault "meteor"; known: status, outage`},
		{"", Rule{}, "unknown fault"},
	} {
		a, err := ParseAsk(c.text)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v, want %s", c.text, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		c.want.Begin, c.want.End = tick.Never, tick.Never
		if got := a.Of(OnRequest()[a.Kind-1]); got != c.want {
			t.Errorf("%q: %+v, want %+v", c.text, got, c.want)
		}
	}
}

// Every kind can be asked for, does something then, and never lasts.
func TestEveryKindCanBeAskedFor(t *testing.T) {
	for i, r := range OnRequest() {
		if r.Status == 0 && !r.Reset && r.Add == 0 && r.Break == record.NoReason && r.Pause == 0 {
			t.Errorf("%s does nothing when it is asked for", Kinds[i].Name)
		}
		if r.Strikes(tick.Never-1, 1, 0) || r.Strikes(0, 1, 0) {
			t.Errorf("%s lasts", Kinds[i].Name)
		}
	}
}
