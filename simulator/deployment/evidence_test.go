package deployment

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// measured is a deployment as stuartleeks/aoai-testing had them in 2024.
func measured(model string, tpm int64) *Config {
	c := standard(tpm, 0)
	c.Model, c.Profile = model, "azure-2024"
	return c
}

func estimated(chars ...int32) (sum int32) {
	for _, n := range chars {
		sum += n/4 + 1
	}
	return sum
}

// The decrements of x-ratelimit-remaining-tokens that were measured on real
// deployments, prompts by the characters of their texts.
func TestMeasuredCharges(t *testing.T) {
	for _, c := range []struct {
		model     string
		estimate  int32
		maxTokens int32
		want      int32
	}{
		{"gpt-35-turbo", estimated(28), -1, 16}, {"gpt-35-turbo", estimated(4000), -1, 16},
		{"gpt-3.5-turbo", estimated(28), 200, 200}, {"gpt-35-turbo", estimated(4000), 2000, 2000},
		{"gpt-4", estimated(28), -1, 648}, {"gpt-4", estimated(233), -1, 699}, {"gpt-4", estimated(59, 19, 675, 233), -1, 888},
		{"gpt-4o", estimated(28), -1, 648}, {"gpt-4o", estimated(28), 1000, 1008}, {"gpt-4o", estimated(28), 2000, 2008},
		{"gpt-4-turbo", estimated(246), 25, 87}, // clemenssiebler.com
		{"gpt-4.1", estimated(16), -1, 5},       // 99,995 of 100,000 left on a newer deployment
		{"gpt-5-mini", estimated(16), 100, 105},
		{"text-embedding-ada-002", 11, -1, 11}, {"text-embedding-3-large", 822, -1, 822},
	} {
		for _, p := range profiles {
			cfg := measured(c.model, 10_000)
			cfg.Profile = p.name
			e := ask(New(cfg, Options{}), 0, Event{PromptEstimate: c.estimate, PromptTokens: 9, MaxTokens: c.maxTokens})
			if e.Kind != Plan || e.Charged != c.want || e.RemainingTokens != 10_000-c.want {
				t.Errorf("%s %s, max_tokens %d: %s; want %d charged", p.name, c.model, c.maxTokens, describe(&e), c.want)
			}
		}
	}
}

// x-ratelimit-remaining-requests as measured: a sliding 10 s count that starts
// at 9 with 10,000 TPM and settles at 2 with a request every 1.3 s.
func TestMeasuredRequestWindow(t *testing.T) {
	core := New(measured("gpt-35-turbo", 10_000), Options{})
	var left []int32
	for i := range tick.Instant(20) {
		e := ask(core, i*1300*tick.Instant(time.Millisecond), Event{MaxTokens: 10})
		left = append(left, e.RemainingRequests)
	}
	if got := fmt.Sprint(left[:10], left[19]); got != "[9 8 7 6 5 4 3 2 2 2] 2" {
		t.Errorf("remaining requests %s", got)
	}
	one := New(measured("gpt-35-turbo", 1000), Options{})
	for _, c := range []struct {
		at   tick.Instant
		want EffectKind
	}{{0, Plan}, {10 * second, Plan}, {20*second - 1, Refuse}} {
		if e := ask(one, c.at, Event{MaxTokens: 10}); e.Kind != c.want {
			t.Errorf("1000 TPM after %v: %s", time.Duration(c.at), describe(&e))
		}
	}
}

// The extended run: five requests of 2,000 tokens pass, 42 are refused about
// every 1.15 s, then five pass again one by one as the first five expire, each
// with no tokens left. Refused ones count as requests, not as tokens.
func TestMeasuredExtendedRun(t *testing.T) {
	const ms = tick.Instant(time.Millisecond)
	core := New(measured("gpt-35-turbo", 10_000), Options{})
	event := Event{MaxTokens: 2000}
	for i := range tick.Instant(5) {
		if e := ask(core, i*2300*ms, event); e.Kind != Plan {
			t.Fatal(describe(&e))
		}
	}
	now := 11_500 * ms
	for i := range 42 {
		if e := ask(core, now, event); e.Kind != Refuse || e.Reason != record.TokenLimit {
			t.Fatalf("refusal %d at %v: %s", i, time.Duration(now), describe(&e))
		}
		now += 1150 * ms
	}
	var left []int32
	for i := range tick.Instant(5) {
		e := ask(core, 60*second+i*2300*ms, event)
		if e.Kind != Plan || e.RemainingTokens != 0 {
			t.Fatalf("pass %d: %s", i, describe(&e))
		}
		left = append(left, e.RemainingRequests)
	}
	if fmt.Sprint(left) != "[1 2 3 4 5]" {
		t.Errorf("remaining requests %v, want 1 to 5 as the refused ones leave the window", left)
	}
}

// Whatever a profile, over random schedules: no window admits more than its
// limit (any span of its length where it slides, aligned ones where it is
// fixed), and a lone retry after the named wait is admitted, while one a
// second and a burst window earlier is not.
func TestEveryProfileConserves(t *testing.T) {
	for _, p := range profiles {
		for seed := range int64(30) {
			dice := rand.New(rand.NewSource(seed))
			tpm := 1 + dice.Int63n(4000)
			cfg := standard(tpm, 1+dice.Int63n(600))
			cfg.Profile = p.name
			core := New(cfg, Options{})
			now := tick.Instant(0)
			var at []tick.Instant
			var units []int64
			for range 300 {
				now += tick.Instant(dice.Int63n(int64(time.Second)))
				ev := Event{PromptEstimate: 1 + int32(dice.Int63n(min(tpm, 1<<dice.Intn(12)))), MaxTokens: -1}
				e := ask(core, now, ev)
				if e.Kind == Refuse && dice.Intn(3) == 0 { // alone, and patient
					now += tick.Instant(e.RetryMs) * tick.Instant(time.Millisecond)
					if e = ask(core, now, ev); e.Kind != Plan {
						t.Fatalf("%s, seed %d: a lone retry after the wait: %s", p.name, seed, describe(&e))
					}
				}
				if e.Kind == Plan {
					at, units = append(at, now), append(units, int64(e.Charged))
				}
			}
			rpm := requestsPerMinute(cfg)
			holds(t, p.name, p.sliding, time.Minute, tpm, at, units)
			ones := make([]int64, len(at))
			for i := range ones {
				ones[i] = 1
			}
			holds(t, p.name, p.sliding, 10*time.Second, (rpm+5)/6, at, ones)
			if p.burst > 0 {
				holds(t, p.name, p.sliding, time.Second, max((rpm+59)/60, 1), at, ones)
			}
		}
	}
}

// holds checks every window that begins at a taking, or every aligned one.
func holds(t *testing.T, name string, sliding bool, period time.Duration, limit int64, at []tick.Instant, units []int64) {
	t.Helper()
	for i := range at {
		begin := at[i]
		if !sliding {
			begin -= begin % tick.Instant(period)
		}
		sum := int64(0)
		for j := range at {
			if at[j] >= begin && at[j].Sub(begin) < period {
				sum += units[j]
			}
		}
		if sum > limit {
			t.Fatalf("%s: %d units in the %v from %v, the limit is %d", name, sum, period, time.Duration(begin), limit)
		}
	}
}

// A wait is never longer than needed by more than a second, the unit of the
// header: a twin that comes back a second earlier is still refused.
func TestWaitIsNotTooLong(t *testing.T) {
	for _, p := range profiles {
		dice := rand.New(rand.NewSource(9))
		refused := 0
		for range 200 {
			tpm := 100 + dice.Int63n(2000)
			cfg := standard(tpm, 30+dice.Int63n(300))
			cfg.Profile = p.name
			core, twin := New(cfg, Options{}), New(cfg, Options{})
			now := tick.Instant(0)
			for range 60 {
				now += tick.Instant(dice.Int63n(int64(400 * time.Millisecond)))
				ev := Event{PromptEstimate: 1 + int32(dice.Int63n(tpm/4)), MaxTokens: -1}
				e := ask(core, now, ev)
				ask(twin, now, ev)
				if e.Kind != Refuse {
					continue
				}
				refused++
				early := now + tick.Instant(e.RetryMs-1000)*tick.Instant(time.Millisecond) - 1
				if e := ask(twin, early, ev); early > now && e.Kind != Refuse {
					t.Fatalf("%s: admitted more than a second before the wait was over: %s", p.name, describe(&e))
				}
				break
			}
		}
		if refused < 100 {
			t.Errorf("%s: only %d were refused: the test shows little", p.name, refused)
		}
	}
}

func TestDefaultRatios(t *testing.T) {
	for model, want := range map[string]int64{"gpt-4": 1800, "gpt-4o": 1800, "gpt-4o-mini": 3000, "gpt-4.1": 300, "gpt-4.1-mini": 300, "gpt-35-turbo": 1800,
		"gpt-5": 3000, "gpt-5.1": 3000, "gpt-5.4": 3000, "gpt-5-mini": 300, "gpt-5.4-mini": 300, "gpt-5.6-sol": 300, "gpt-6-luna": 300, "o1": 50, "o3": 300,
		"o3-mini": 30, "o4-mini": 300, "text-embedding-3-small": 1800, "else": 300} {
		cfg := standard(300_000, 0)
		cfg.Model = model
		if got := requestsPerMinute(cfg); got != want {
			t.Errorf("%s: %d RPM for 300k TPM, want %d", model, got, want)
		}
	}
}
