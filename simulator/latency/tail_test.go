package latency

import (
	"math"
	"testing"
	"time"

	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/internal/yamlconf"
)

// The tail takes its share of the requests, multiplies their time to the first
// token exactly, and touches nothing else: not the pace, not what a fault adds,
// not the requests that it does not take.
func TestTail(t *testing.T) {
	const draws, prompt, output, added = 1_000_000, 700, 200, 3 * time.Second
	for _, c := range []struct {
		name          string
		cfg           Config
		share, factor int64 // ppm, times
	}{
		{"of the profile", Config{}, 3_000, 10},
		{"own", Config{Tail: &Tail{Share: 20_000, Factor: 4 * unit.One}}, 20_000, 4},
		{"none", Config{Tail: none}, 0, 1},
		{"all", Config{Tail: &Tail{Share: unit.One, Factor: 2 * unit.One}}, 1_000_000, 2},
	} {
		with := Compile(c.cfg, "gpt-4.1", 1, 2)
		c.cfg.Tail = none
		without := Compile(c.cfg, "gpt-4.1", 1, 2)
		hits := int64(0)
		for key := range uint64(draws) {
			r := &Request{Key: key, Attempt: 1, Prompt: prompt, Output: output, Stream: true, Delay: added}
			a, b := timingOf(with.Plan(r)), timingOf(without.Plan(r))
			if a == b {
				continue
			}
			hits++
			own := b.first - tick.ToUnits(added)
			first := own*tick.Units(c.factor) + tick.ToUnits(added)
			if want := (timing{head: first / headShare, first: first, end: first + b.end - b.first}); a != want {
				t.Fatalf("%s, request %d: %+v, want %+v, without a tail %+v", c.name, key, a, want, b)
			}
		}
		p := float64(c.share) / 1e6
		if want, sigma := p*draws, math.Sqrt(draws*p*(1-p)); math.Abs(float64(hits)-want) > 4*sigma {
			t.Errorf("%s: %d of %d are slow, want %v within 4 times %.0f", c.name, hits, draws, want, sigma)
		}
	}
}

// Who gives a time to the first token gets that, and a tail only on request;
// who gives another preset, or a pace, has its tail.
func TestTailOfAConfig(t *testing.T) {
	for _, c := range []struct {
		text string
		want Tail
	}{
		{"{}", serviceTail},
		{"{preset: o3, tokens_per_s: 50, spread: 10%, per_1k_prompt: 1ms}", serviceTail},
		{"{ttft: {p50: 1s, p95: 2s}}", Tail{}},
		{"{ttft: {p50: 1s, p95: 2s}, tail: {}}", serviceTail},
		{"{ttft: {p50: 1s, p95: 2s}, tail: {share: 1%, factor: 2.5}}", Tail{10_000, 2_500_000}},
		{"{tail: {share: 0}}", Tail{0, 10 * unit.One}},
		{"{tail: {factor: 3}}", Tail{3_000, 3 * unit.One}},
	} {
		doc, err := yamlconf.Parse("f", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		var cfg Config
		if err := doc.Decode(&cfg); err != nil {
			t.Fatal(err)
		}
		if got := Compile(cfg, "gpt-99", 1, 2).tail; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.text, got, c.want)
		}
		text, err := yamlconf.Encode(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var again Config
		if doc, err = yamlconf.Parse("f", text); err == nil {
			err = doc.Decode(&again)
		}
		if got := Compile(again, "gpt-99", 1, 2).tail; err != nil || got != c.want {
			t.Errorf("%s, printed as %s: %+v, want %+v (%v)", c.text, text, got, c.want, err)
		}
	}
}

// Each attempt has a draw of its own, apart from those of its TTFT and pace.
func TestTailIsKeyed(t *testing.T) {
	half := Config{Tail: &Tail{Share: unit.One / 2, Factor: 100 * unit.One}, TTFT: &Quantiles{P50: unit.Duration(time.Second), P95: unit.Duration(time.Second)}}
	slow := func(seed, entity, key uint64, attempt uint32) bool {
		s := Compile(half, "o3", seed, entity).Plan(&Request{Key: key, Attempt: attempt, Output: 1, Stream: true})
		return s.First.Span() > 50*time.Second
	}
	for name, other := range map[string]func(key uint64) bool{
		"seed":       func(key uint64) bool { return slow(2, 2, key, 0) },
		"deployment": func(key uint64) bool { return slow(1, 5, key, 0) },
		"attempt":    func(key uint64) bool { return slow(1, 2, key, 1) },
		"TTFT":       func(key uint64) bool { return rng.New(1, rng.FirstToken, 2).Draw(key, 0)>>63 == 0 },
		"pace":       func(key uint64) bool { return rng.New(1, rng.Pace, 2).Draw(key, 0)>>63 == 0 },
	} {
		same := 0
		for key := range uint64(10_000) {
			if slow(1, 2, key, 0) == other(key) {
				same++
			}
		}
		if same < 4_800 || same > 5_200 { // 4 times the deviation of 50
			t.Errorf("another %s: %d of 10000 draws are the same", name, same)
		}
	}
}
