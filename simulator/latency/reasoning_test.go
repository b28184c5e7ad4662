package latency

import (
	"slices"
	"testing"
	"time"

	"foundrylab/internal/distribution"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Every profile that reasons has the tokens it says at each effort, and those
// that do not think by default do when they are told to.
func TestReasoning(t *testing.T) {
	for _, c := range []struct {
		model    string
		effort   Effort
		p50, p95 float64 // 0: never a token
	}{
		{"o3", DefaultEffort, 1000, 2000}, {"o4-mini", MediumEffort, 1000, 2000}, {"o3", LowEffort, 250, 500}, {"o3", HighEffort, 2500, 5000},
		{"o3", MinimalEffort, 0, 0}, {"o3", ExtraHighEffort, 5000, 10000},
		{"gpt-5", DefaultEffort, 800, 3200}, {"gpt-5-mini", DefaultEffort, 500, 2000}, {"gpt-5", NoEffort, 0, 0},
		{"gpt-5.4", DefaultEffort, 0, 0}, {"gpt-5.4", MediumEffort, 800, 3200}, {"gpt-5.4-mini", LowEffort, 125, 500},
		{"gpt-4.1", DefaultEffort, 0, 0}, {"gpt-4.1", HighEffort, 0, 0}, {"gpt-99", HighEffort, 0, 0},
	} {
		m := Compile(Config{}, c.model, 3, 4)
		var drawn []float64
		for key := range uint64(20_000) {
			drawn = append(drawn, float64(m.Reasoning(key, 1, c.effort)))
		}
		if p50, p95 := quantiles(drawn); c.p50 == 0 && drawn[len(drawn)-1] != 0 || c.p50 > 0 && (!near(p50, c.p50, 3) || !near(p95, c.p95, 3)) {
			t.Errorf("%s at effort %d: p50 %v, p95 %v, want %v and %v", c.model, c.effort, p50, p95, c.p50, c.p95)
		}
	}
	seven := unit.Count(7)
	own := Compile(Config{Reasoning: &distribution.Config{Constant: &seven}}, "gpt-4.1", 3, 4)
	if a, b := own.Reasoning(1, 0, DefaultEffort), own.Reasoning(1, 0, HighEffort); a != 7 || b != 17 {
		t.Errorf("a setting of 7 gives %d, and %d at high effort", a, b)
	}
	zero := unit.Count(0)
	if n := Compile(Config{Reasoning: &distribution.Config{Constant: &zero}}, "o3", 3, 4).Reasoning(1, 0, HighEffort); n != 0 {
		t.Errorf("switched off, it thinks %d tokens", n)
	}
}

// Each thinker is a profile, once, with an effort.
func TestThinkersTable(t *testing.T) {
	var seen []string
	for _, x := range thinkers {
		if _, ok := lookup(x.profile); !ok || slices.Contains(seen, x.profile) || x.p50 < 1 || x.p95 < x.p50 || x.effort == DefaultEffort {
			t.Errorf("%+v: no profile, twice, or out of range", x)
		}
		seen = append(seen, x.profile)
	}
}

// Thinking takes its time at the pace of the answer before its first token,
// and moves everything else but the headers by that.
func TestThinkingTakesTime(t *testing.T) {
	m := Compile(Config{Spread: 1, Tail: none}, "o4-mini", 1, 2) // 110 tokens a second
	for _, stream := range []bool{true, false} {
		without := m.Plan(&Request{Key: 5, Output: 100, Stream: stream})
		with := m.Plan(&Request{Key: 5, Output: 100, Reasoning: 1100, Stream: stream})
		late := with.First - without.First
		if d := late.Span() - 10*time.Second; d < -time.Millisecond || d > time.Millisecond || with.Think != late {
			t.Errorf("1100 tokens of thought take %v, %+v", late.Span(), with)
		}
		if with.Head != without.Head || with.End != without.End+late || with.Next != with.First || with.Bursts != without.Bursts {
			t.Errorf("with %+v, without %+v", with, without)
		}
		begun := (with.First - with.Think).Span()
		for _, c := range []struct {
			d    time.Duration
			want int32
		}{{0, 0}, {begun, 0}, {begun + with.Think.Span()/2, 550}, {with.First.Span() - 1, 1099}, {with.First.Span(), 1100}, {time.Hour, 1100}} {
			if got := with.Reasoned(c.d, 1100); got != c.want {
				t.Errorf("after %v: %d tokens thought, want %d", c.d, got, c.want)
			}
		}
	}
}

// An answer that thinks is rescaled from where it stands: what it waited for
// before is not of its pace, what is left to think and to say is.
func TestRescaleOfThinking(t *testing.T) {
	plan := Schedule{Head: 50, Think: 400, First: 600, Next: 600, End: 1000, Tokens: 5} // waits to 200, thinks to 600
	for _, c := range []struct {
		at, think, first, end tick.Units // after half the pace from at on
	}{
		{0, 800, 1000, 1800}, {200, 800, 1000, 1800}, {400, 600, 800, 1600}, {600, 400, 600, 1400}, {700, 400, 600, 1300},
	} {
		for _, whole := range []bool{false, true} {
			s := plan
			s.Whole = whole
			s.Rescale(c.at.Span(), 2, 1)
			if s.Think != c.think || s.First != c.first || s.End != c.end || s.Head != plan.Head || s.From == 0 && !whole && s.Next != s.First {
				t.Errorf("at %d, whole %v: %+v, want %+v", c.at, whole, s, c)
			}
			s.Rescale(c.at.Span(), 1, 2)
			if s.Think != plan.Think || s.First != plan.First || s.End != plan.End {
				t.Errorf("at %d, whole %v: there and back: %+v", c.at, whole, s)
			}
		}
	}
	mute := Schedule{Think: 400, First: 600, Next: 600, End: 601}
	mute.Rescale(tick.Units(400).Span(), 2, 1)
	if mute.First != 800 || mute.End != 801 {
		t.Errorf("an answer of thought alone: %+v", mute)
	}
}
