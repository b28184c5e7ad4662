package latency

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

const drawn = 40_000

// none switches a profile's tail off.
var none = &Tail{}

// plans draws the answers of many requests of equal size.
func plans(m *Model, prompt, output int64) []Schedule {
	ts := make([]Schedule, drawn)
	for key := range ts {
		ts[key] = m.Plan(&Request{Key: uint64(key), Prompt: prompt, Output: output, Stream: true})
	}
	return ts
}

// timing is when a schedule's parts come, in grid units.
type timing struct{ head, first, end tick.Units }

func timingOf(s Schedule) timing { return timing{s.HeadIn(), s.FirstIn(), s.Over()} }

// near reports whether got is within percent of want.
func near(got, want, percent float64) bool { return math.Abs(got/want-1) <= percent/100 }

// quantiles sorts the values, and returns the 50th and the 95th percentile.
func quantiles(values []float64) (p50, p95 float64) {
	slices.Sort(values)
	return values[len(values)/2], values[len(values)*95/100]
}

// Every preset has the quantiles it says: TTFT by p50 and p95, the pace by its
// median, and by its 95th percentile, which follows from the spread.
func TestPresets(t *testing.T) {
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			const tokens = 1001
			var ttft, pace []float64
			var sum, squares float64
			for _, x := range plans(Compile(Config{Tail: none}, p.name, 5, 7), 0, tokens) {
				ttft = append(ttft, float64(x.First.Span()))
				each := float64((x.End - x.First).Span()) / (tokens - 1)
				pace = append(pace, each)
				sum += each
				squares += each * each
			}
			if p50, p95 := quantiles(ttft); !near(p50, float64(p.p50), 2) || !near(p95, float64(p.p95), 2) {
				t.Errorf("TTFT p50 %v p95 %v, want %v %v", time.Duration(p50), time.Duration(p95), p.p50, p.p95)
			}
			median := 1e9 / float64(p.tokensPerS)
			spread := float64(p.spread) / 1e6
			if p50, p95 := quantiles(pace); !near(p50, median, 2) || !near(p95, median*math.Exp(1.6448536*spread), 2) {
				t.Errorf("a token each p50 %v p95 %v, want %v and spread %v", time.Duration(p50), time.Duration(p95), time.Duration(median), spread)
			}
			mean := sum / drawn
			if cv := math.Sqrt(squares/drawn-mean*mean) / mean; !near(cv, spread, 6) {
				t.Errorf("coefficient of variation %.3f, want %.3f", cv, spread)
			}
		})
	}
}

func TestPresetTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range presets {
		if seen[p.name] || p.p50 < tick.Grid || p.p95 < p.p50 || p.perK <= 0 || p.tokensPerS < 1 || p.spread < 1 || p.spread > 400_000 {
			t.Errorf("%+v: twice, or out of range", p)
		}
		seen[p.name] = true
	}
	if !seen[fallback] {
		t.Errorf("the fallback %q is not in the table", fallback)
	}
}

// A preset goes before the model's name, an unknown model gets the fallback,
// and a field that is given goes before the preset's.
func TestOverrides(t *testing.T) {
	ms := func(n int64) unit.Duration { return unit.Duration(n * int64(time.Millisecond)) }
	flat := &Quantiles{P50: ms(100), P95: ms(100)}
	for _, c := range []struct {
		name       string
		cfg        Config
		model      string
		p50, p95   time.Duration
		perK       time.Duration
		tokensPerS float64
	}{
		{"model", Config{}, "o3", 800 * ms0, 2500 * ms0, 25 * ms0, 80},
		{"preset", Config{Preset: "gpt-5.4-mini"}, "o3", 250 * ms0, 700 * ms0, 10 * ms0, 200},
		{"unknown model", Config{}, "gpt-99", 600 * ms0, 1600 * ms0, 25 * ms0, 85},
		{"ttft", Config{TTFT: flat}, "o3", 100 * ms0, 100 * ms0, 25 * ms0, 80},
		{"per_1k_prompt", Config{PerKPrompt: ms(500)}, "o3", 800 * ms0, 2500 * ms0, 500 * ms0, 80},
		{"tokens_per_s", Config{TokensPerS: 10}, "o3", 800 * ms0, 2500 * ms0, 25 * ms0, 10},
		{"slow", Config{TokensPerS: 1, Spread: 300_000}, "o3", 800 * ms0, 2500 * ms0, 25 * ms0, 1},
		{"all", Config{Preset: "o3", TTFT: flat, PerKPrompt: ms(1000), TokensPerS: 1000, Spread: 1}, "gpt-5", 100 * ms0, 100 * ms0, 1000 * ms0, 1000},
	} {
		c.cfg.Tail = none
		m := Compile(c.cfg, c.model, 1, 2)
		var ttft, longer, pace []float64
		for key, x := range plans(m, 0, 101) {
			ttft = append(ttft, float64(x.First.Span()))
			pace = append(pace, float64((x.End-x.First).Span())/100)
			with := m.Plan(&Request{Key: uint64(key), Prompt: 4000, Output: 101, Stream: true})
			longer = append(longer, float64((with.First - x.First).Span()))
		}
		p50, p95 := quantiles(ttft)
		each, slow := quantiles(pace)
		k50, k95 := quantiles(longer)
		if !near(p50, float64(c.p50), 2) || !near(p95, float64(c.p95), 2) || k50 != 4*float64(c.perK) || k95 != k50 || !near(each, 1e9/c.tokensPerS, 2) {
			t.Errorf("%s: TTFT p50 %v p95 %v, 4000 tokens %v, each %v; want %+v", c.name, time.Duration(p50), time.Duration(p95), time.Duration(k50), time.Duration(each), c)
		}
		if c.cfg.Spread == 1 && !near(slow, each, 0.1) || c.cfg.Spread == 300_000 && !near(slow, each*math.Exp(1.6448536*0.3), 2) {
			t.Errorf("%s: each %v, p95 %v", c.name, time.Duration(each), time.Duration(slow))
		}
	}
}

const ms0 = time.Millisecond

func TestShapeOfAPlan(t *testing.T) {
	flat := Config{TTFT: &Quantiles{P50: unit.Duration(400 * ms0), P95: unit.Duration(400 * ms0)}, PerKPrompt: unit.Duration(20 * ms0), TokensPerS: 100, Spread: 1}
	quick := Config{TTFT: &Quantiles{P50: unit.Duration(tick.Grid), P95: unit.Duration(tick.Grid)}, PerKPrompt: 1, TokensPerS: 1_000_000_000_000, Spread: 1}
	for _, c := range []struct {
		cfg            Config
		prompt, output int64
		stream         bool
		added          time.Duration
		want           timing // in 100 us
	}{
		{flat, 0, 11, true, 0, timing{1000, 4000, 5000}},
		{flat, 1000, 11, true, 0, timing{1050, 4200, 5200}},
		{flat, 1, 11, true, 0, timing{1000, 4000, 5000}},                   // 20 us
		{flat, 3, 11, true, 0, timing{1000, 4001, 5001}},                   // 60 us, rounded
		{flat, 0, 11, true, 2 * time.Second, timing{6000, 24000, 25000}},   // the head is later too
		{flat, 0, 11, false, 2 * time.Second, timing{25000, 25000, 25000}}, // all at once, at the end
		{flat, 0, 11, false, 0, timing{5000, 5000, 5000}},
		{flat, 0, 1, true, 0, timing{1000, 4000, 4001}}, // the end is after the first token, always
		{flat, 0, 0, true, 0, timing{1000, 4000, 4001}},
		{quick, 0, 1000, true, 0, timing{0, 2, 3}},
		{quick, 0, 1000, false, 0, timing{3, 3, 3}},
	} {
		got := timingOf(Compile(c.cfg, "gpt-4.1", 1, 1).Plan(&Request{Key: 9, Prompt: c.prompt, Output: c.output, Stream: c.stream, Delay: c.added}))
		if got != c.want {
			t.Errorf("%d prompt, %d output, stream %v, added %v: %+v, want %+v", c.prompt, c.output, c.stream, c.added, got, c.want)
		}
	}
}

// A draw is named by seed, deployment, request and attempt; the added time and
// the sizes change no draw.
func TestDrawsAreKeyed(t *testing.T) {
	at := func(seed, entity, key uint64, attempt uint32) Schedule {
		return Compile(Config{}, "gpt-4.1", seed, entity).Plan(&Request{Key: key, Attempt: attempt, Output: 500, Stream: true})
	}
	base := at(1, 2, 3, 0)
	if base != at(1, 2, 3, 0) {
		t.Error("the same draw differs")
	}
	for name, other := range map[string]Schedule{"seed": at(2, 2, 3, 0), "deployment": at(1, 5, 3, 0), "request": at(1, 2, 4, 0), "attempt": at(1, 2, 3, 1)} {
		if other.First == base.First || other.End-other.First == base.End-base.First {
			t.Errorf("another %s draws the same", name)
		}
	}
}

// A slow first token says nothing about the pace of the others.
func TestPaceIsIndependentOfTTFT(t *testing.T) {
	m, both := Compile(Config{}, "gpt-4.1", 1, 2), 0
	for _, x := range plans(m, 0, 1001) {
		if x.First.Span() > 600*ms0 && (x.End-x.First).Span() > time.Second*1000/85 {
			both++
		}
	}
	if !near(float64(both), drawn/4, 4) {
		t.Errorf("%d of %d are slower than the median in both, want a quarter", both, drawn)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{}", ""},
		{"{preset: o3, ttft: {p50: 300ms, p95: 300ms}, per_1k_prompt: 10ms, tokens_per_s: 50, spread: 20%}", ""},
		{"{preset: o99}", `preset: unknown profile "o99"; known: claude-sonnet-4-5, gpt-3.5-turbo, gpt-4.1, gpt-4.1-mini, gpt-4.1-nano, gpt-4o, gpt-4o-mini, gpt-5, gpt-5-mini, gpt-5.4, gpt-5.4-mini, o3, o4-mini`},
		{"{tail: {}}", ""},
		{"{tail: {share: 0}}", ""},
		{"{tail: {share: 100%, factor: 100}}", ""},
		{"{tail: {share: 100.0001%}}", "tail.share: must be at most 100%"},
		{"{tail: {factor: 0.999999}}", "tail.factor: must be from 1 to 100"},
		{"{tail: {factor: 100.000001}}", "tail.factor: must be from 1 to 100"},
		{"{ttft: {p50: 99us, p95: 1s}}", "ttft.p50: must be at least 100µs"},
		{"{ttft: {p50: 100us, p95: 99us}}", "ttft.p95: must not be below p50 (100us)"},
		{"{ttft: {p50: 1s}}", "ttft.p95: "},
		{"{ttft: {p50: 1s, p95: 1h}}", ""},
		{"{ttft: {p50: 1s, p95: 1h1s}}", "ttft.p95: must be at most 1h"},
	} {
		doc, err := yamlconf.Parse("f", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		err = doc.Decode(new(Config))
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}
