package fault

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

const second = tick.Instant(time.Second)

func decode(t *testing.T, text string) (Config, error) {
	t.Helper()
	doc, err := yamlconf.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	err = doc.Decode(&c)
	return c, err
}

// idle reports whether the rule does nothing.
func (r *Rule) idle() bool {
	return r.Refuse == record.NoReason && r.Add == 0 && r.Share == 0 && r.Break == record.NoReason && r.Pause == 0 && !r.Peak
}

const head = "name: f\nbackend: b\nat: 10s\nfor: 5s\n"

// Every kind has a name, help, and an example that decodes to it and compiles
// to a rule that does something.
func TestEveryKind(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds {
		if k.Name == "" || seen[k.Name] || !strings.HasSuffix(k.Help, ".") || !strings.HasPrefix(k.Example, k.Name+":") {
			t.Errorf("%q: twice, or without help or example: %+v", k.Name, k)
		}
		seen[k.Name] = true
		c, err := decode(t, head+k.Example)
		if err != nil {
			t.Errorf("%s: %v", k.Name, err)
			continue
		}
		if c.KindName() != k.Name {
			t.Errorf("the example of %s is of kind %q", k.Name, c.KindName())
		}
		r := Compile(c, 3*second, 1)
		if r.Begin != 13*second || r.End != 18*second {
			t.Errorf("%s lasts from %v to %v", k.Name, r.Begin, r.End)
		}
		if r.idle() {
			t.Errorf("%s does nothing", k.Name)
		}
		text, err := yamlconf.Encode(c)
		if err != nil || !strings.Contains(string(text), k.Name+":") {
			t.Errorf("%s encodes as %s, %v", k.Name, text, err)
		}
	}
	if (Config{}).KindName() != "" {
		t.Error("no kind has a name")
	}
}

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		text string
		want Rule // without dice
	}{
		{"status: {code: 429}", Rule{Refuse: record.StatusFault, Status: 429}},
		{"outage: {}", Rule{Refuse: record.OutageFault, CutStreams: true}},
		{"latency: {add: 2s}", Rule{Add: 2 * time.Second}},
		{"latency: {add: 1ns, jitter: 1s}", Rule{Add: 1, Jitter: time.Second}},
		{"abort: {}", Rule{Break: record.CutFault, After: 10, OnStreams: true, OnWhole: true}},
		{"truncate: {after: 65535}", Rule{Break: record.TruncateFault, After: 65535, OnStreams: true}},
		{"error_in_stream: {after: 1}", Rule{Break: record.StreamErrorFault, After: 1, OnStreams: true}},
		{"stall: {}", Rule{Pause: 5 * time.Second, After: 10, OnStreams: true, OnWhole: true}},
		{"malformed: {after: 2}", Rule{Break: record.MalformedFault, After: 2, OnStreams: true}},
		{"slow_headers: {add: 2s, jitter: 1s}", Rule{Add: 2 * time.Second, Jitter: time.Second, Headers: true}},
		{"throttle: {}", Rule{Refuse: record.ThrottleFault, Status: 429}},
		{"throttle: {retry_after: 2m}", Rule{Refuse: record.ThrottleFault, Status: 429, RetryMs: 120_000}},
		{"capacity: {share: 0.25}", Rule{Share: 250_000}},
		{"token_expiry: {}", Rule{Refuse: record.TokenExpiryFault, Status: 401}},
		{"stale: {}", Rule{Refuse: record.StaleFault, Status: 400, Chained: true}},
		{"deleted: {}", Rule{Refuse: record.DeletedFault, Status: 404, Renews: true}},
		{"deleted: {streams: cut}", Rule{Refuse: record.DeletedFault, Status: 404, Renews: true, CutStreams: true}},
		{"wrong_length: {}", Rule{Break: record.WrongLengthFault, Off: 100, OnWhole: true}},
		{"wrong_length: {by: -1000}", Rule{Break: record.WrongLengthFault, Off: -1000, OnWhole: true}},
	} {
		cfg, err := decode(t, head+c.text)
		if err != nil {
			t.Fatal(err)
		}
		r := Compile(cfg, 0, 1)
		c.want.Begin, c.want.End, c.want.share, c.want.hit, c.want.size = 10*second, 15*second, 1_000_000, r.hit, r.size
		if r != c.want {
			t.Errorf("%s: %+v, want %+v", c.text, r, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{head + "outage: {}\nprobability: 100%\n", ""},
		{head + "outage: {}\nprobability: 0.0001%\n", ""},
		{head, "give exactly one kind of fault (status, outage, latency, slow_headers, throttle, capacity, token_expiry, deleted, abort, truncate, error_in_stream, malformed, stall, wrong_length, peak, stale), found 0"},
		{head + "outage: {}\nstatus: {code: 500}\n", "give exactly one kind of fault (status, outage, latency, slow_headers, throttle, capacity, token_expiry, deleted, abort, truncate, error_in_stream, malformed, stall, wrong_length, peak, stale), found 2"},
		{"name: f\nbackend: b\nat: 0s\nfor: 0s\noutage: {}\n", "for: must be longer than zero"},
		{head + "outage: {}\nprobability: 0\n", "probability: must be above 0 and at most 100%"},
		{head + "outage: {}\nprobability: 100.1%\n", "probability: must be above 0 and at most 100%"},
		{head + "status: {code: 399}", "status.code: "},
		{head + "status: {code: 600}", "status.code: "},
		{head + "status: {}", "status.code: "},
		{head + "outage: {mode: slow}", "outage.mode: "},
		{head + "latency: {jitter: 1s}", "latency.add: "},
		{head + "meteor: {}", "meteor"},
		{head + "slow_headers: {}", "slow_headers.add: "},
		{head + "slow_headers: {add: 25h}", "slow_headers.add: must be at most 24h"},
		{head + "throttle: {retry_after: 1500ms}", "throttle.retry_after: must be at most 24h, in whole seconds"},
		{head + "throttle: {retry_after: 25h}", "throttle.retry_after: must be at most 24h, in whole seconds"},
		{head + "capacity: {}", "capacity.share: "},
		{head + "capacity: {share: 0%}", "capacity.share: must be above 0 and below 100%"},
		{head + "capacity: {share: 100%}", "capacity.share: must be above 0 and below 100%"},
		{head + "capacity: {share: 10%}\nprobability: 50%", "probability: neither probability nor ramp goes with capacity"},
		{head + "capacity: {share: 10%}\nramp: 1s", "probability: neither probability nor ramp goes with capacity"},
		{head + "capacity: {share: 10%}\nwave: {every: 2s, on: 1s}", ""},
		{head + "deleted: {streams: maybe}", "deleted.streams: "},
		{head + "wrong_length: {by: 0}", "wrong_length.by: must not be 0"},
		{head + "wrong_length: {by: -1001}", "wrong_length.by: "},
		{head + "resource: r\noutage: {}", "backend: give exactly one of backend, resource and region, found 2"},
		{"name: f\nregion: East US 2\nat: 0s\nfor: 1s\noutage: {}\n", ""},
		{"name: f\nat: 0s\nfor: 1s\noutage: {}\n", "backend: give exactly one of backend, resource and region, found 0"},
		{head + "stall: {for: 0s}", "stall.for: must be from 1ms to 24h"},
		{head + "stall: {for: 1500us}", "stall.for: must be from 1ms to 24h"},
		{head + "stall: {for: 24h1ms}", "stall.for: must be from 1ms to 24h"},
		{head + "abort: {after: 0}", "abort.after: "},
		{head + "truncate: {after: -1}", "truncate.after: "},
		{head + "malformed: {after: 65536}", "malformed.after: "},
		{head + "latency: {add: 24h, jitter: 24h}", ""},
		{head + "latency: {add: 25h}", "latency.add: must be at most 24h"},
		{head + "latency: {add: 1s, jitter: 24h1ns}", "latency.jitter: must be at most 24h"},
		{"name: f\nbackend: b\nat: 0s\nfor: 87600h\noutage: {}\n", ""},
		{"name: f\nbackend: b\nat: 0s\nfor: 87601h\noutage: {}\n", "for: must be longer than zero and at most 10 years"},
	} {
		_, err := decode(t, c.text)
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestStrikesFromBeginToEnd(t *testing.T) {
	r := Compile(Config{Name: "f", At: unit.Duration(time.Second), For: unit.Duration(time.Second), Outage: &Outage{}}, 5*second, 1)
	for _, c := range []struct {
		at   tick.Instant
		want bool
	}{{0, false}, {6*second - 1, false}, {6 * second, true}, {7*second - 1, true}, {7 * second, false}, {tick.Never, false}} {
		if got := r.Strikes(c.at, 1, 0); got != c.want {
			t.Errorf("at %d: %v", c.at, got)
		}
	}
}

// A probability is met within four standard deviations, and who is struck
// depends on seed, fault, request and attempt, not on the instant.
func TestProbability(t *testing.T) {
	rule := func(name string, seed uint64, share unit.Ratio) Rule {
		return Compile(Config{Name: name, For: unit.Duration(time.Hour), Probability: &share, Status: &Status{503}}, 0, seed)
	}
	const n = 20_000
	for _, ppm := range []unit.Ratio{1_000, 100_000, 500_000, 990_000, 1_000_000} {
		r := rule("f", 1, ppm)
		struck := 0
		for key := range uint64(n) {
			if r.Strikes(second, key, 0) {
				struck++
			}
		}
		p := float64(ppm) / 1e6
		if off := math.Abs(float64(struck) - n*p); off > 4*math.Sqrt(n*p*(1-p))+0.5 {
			t.Errorf("%v of %d requests: %d were struck", ppm, n, struck)
		}
	}
	a := rule("f", 1, 500_000)
	same := map[string]int{}
	others := map[string]Rule{"seed": rule("f", 2, 500_000), "fault": rule("g", 1, 500_000)}
	for key := range uint64(1000) {
		if a.Strikes(second, key, 0) != a.Strikes(2*second, key, 0) {
			t.Fatal("the instant decides")
		}
		if a.Strikes(second, key, 0) == a.Strikes(second, key, 1) {
			same["attempt"]++
		}
		for name, b := range others {
			if a.Strikes(second, key, 0) == b.Strikes(second, key, 0) {
				same[name]++
			}
		}
	}
	for _, name := range []string{"attempt", "seed", "fault"} {
		if same[name] < 400 || same[name] > 600 {
			t.Errorf("another %s agrees on %d of 1000, want about half", name, same[name])
		}
	}
}

// The delay is uniform from add to add+jitter, both ends included.
func TestDelay(t *testing.T) {
	r := Compile(Config{Name: "f", For: 1, Latency: &Latency{Add: 10, Jitter: 3}}, 0, 1)
	count := map[time.Duration]int{}
	for key := range uint64(4000) {
		count[r.Delay(key, 0)]++
	}
	for d := time.Duration(10); d <= 13; d++ {
		if count[d] < 850 || count[d] > 1150 {
			t.Errorf("%d of 4000 were delayed by %d, want about a quarter: %v", count[d], d, count)
		}
	}
	if r.Delay(1, 0) == r.Delay(1, 1) && r.Delay(2, 0) == r.Delay(2, 1) && r.Delay(3, 0) == r.Delay(3, 1) && r.Delay(4, 0) == r.Delay(4, 1) {
		t.Error("the attempt does not matter")
	}
	flat := Compile(Config{Name: "f", For: 1, Latency: &Latency{Add: 10}}, 0, 1)
	if d := flat.Delay(1, 0); d != 10 {
		t.Errorf("without jitter: %d", d)
	}
}
