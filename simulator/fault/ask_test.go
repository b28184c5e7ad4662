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
		{"status=503", Rule{Refuse: record.StatusFault, Status: 503}, ""},
		{"status=429", Rule{Refuse: record.StatusFault, Status: 429}, ""},
		{"outage", Rule{Refuse: record.OutageFault, CutStreams: true}, ""},
		{"latency", Rule{Add: 5 * time.Second}, ""},
		{"latency=250ms", Rule{Add: 250 * time.Millisecond}, ""},
		{"abort", Rule{Break: record.CutFault, After: 10, OnStreams: true, OnWhole: true}, ""},
		{"slow_headers", Rule{Add: 5 * time.Second, Headers: true}, ""},
		{"slow_headers=2s", Rule{Add: 2 * time.Second, Headers: true}, ""},
		{"slow_headers=0s", Rule{}, "slow_headers takes a duration"},
		{"throttle", Rule{Refuse: record.ThrottleFault, Status: 429}, ""},
		{"throttle=20", Rule{Refuse: record.ThrottleFault, Status: 429, RetryMs: 20_000}, ""},
		{"throttle=0", Rule{}, "throttle takes the seconds"},
		{"throttle=86401", Rule{}, "throttle takes the seconds"},
		{"throttle=", Rule{}, "throttle takes the seconds"},
		{"capacity", Rule{Share: 500_000}, ""},
		{"capacity=10%", Rule{Share: 100_000}, ""},
		{"capacity=100%", Rule{}, "capacity takes a share"},
		{"capacity=0%", Rule{}, "capacity takes a share"},
		{"capacity=half", Rule{}, "capacity takes a share"},
		{"token_expiry", Rule{Refuse: record.TokenExpiryFault, Status: 401}, ""},
		{"deleted", Rule{Refuse: record.DeletedFault, Status: 404, Renews: true}, ""},
		{"stale", Rule{Refuse: record.StaleFault, Status: 400, Chained: true}, ""},
		{"stale=1", Rule{}, "stale takes no value"},
		{"wrong_length", Rule{Break: record.WrongLengthFault, Off: 100, OnWhole: true}, ""},
		{"wrong_length=-3", Rule{Break: record.WrongLengthFault, Off: -3, OnWhole: true}, ""},
		{"wrong_length=0", Rule{}, "wrong_length takes the bytes"},
		{"wrong_length=1001", Rule{}, "wrong_length takes the bytes"},
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
		if r.idle() {
			t.Errorf("%s does nothing when it is asked for", Kinds[i].Name)
		}
		if r.Strikes(tick.Never-1, 1, 0) || r.Strikes(0, 1, 0) {
			t.Errorf("%s lasts", Kinds[i].Name)
		}
	}
}
