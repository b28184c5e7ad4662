package deployment

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

func claude(model string) *Config {
	c := standard(0, 0)
	c.Model = model
	return c
}

// The figures of Microsoft's quota page, pay-as-you-go and enterprise.
func TestClaudePresets(t *testing.T) {
	for _, c := range []struct {
		model            string
		tpm, output      unit.Count
		want, rpm, wantO int64
	}{
		{"claude-sonnet-4-5", 0, 0, 80_000, 80, 16_000},
		{"claude-opus-4-1", 0, 0, 40_000, 40, 8_000},
		{"claude-haiku-4-5", 0, 0, 80_000, 80, 16_000},
		{"claude-sonnet-4-5", 10_000_000, 0, 10_000_000, 10_000, 2_000_000},
		{"claude-sonnet-4-5", 0, 5, 80_000, 80, 5},
		{"claude-sonnet-4-5", 3, 0, 3, 1, 1},
		{"gpt-4.1", 1000, 0, 1000, 1, 0},
	} {
		cfg := claude(c.model)
		cfg.TPM, cfg.OutputTPM = c.tpm, c.output
		core := New(cfg, Options{})
		if tpm, rpm := core.Limits(); tpm != c.want || rpm != c.rpm || core.limits.output.limit() != c.wantO {
			t.Errorf("%+v: %d TPM, %d RPM, %d of output", c, tpm, rpm, core.limits.output.limit())
		}
	}
}

// verdict starts a request and returns what was decided.
func verdict(core *Core, now tick.Instant, ev Event) Effect {
	e := core.Step(now, ev, nil)
	return e[len(e)-1]
}

// Over random schedules: no minute has more input than its limit, nor more
// max_tokens where these count; where produced tokens count, nothing is
// admitted once they are used up; and a lone retry after the wait is admitted,
// but not a second and more before it.
func TestClaudeConserves(t *testing.T) {
	refusals := map[record.Reason]int{}
	for seed := range int64(80) {
		dice := rand.New(rand.NewSource(seed))
		cfg := claude("claude-sonnet-4-5")
		cfg.TPM, cfg.RPM, cfg.OutputTPM = unit.Count(2000+dice.Intn(4000)), 1200, unit.Count(300+dice.Intn(1800))
		cfg.OutputCharge = []string{"produced", "max_tokens"}[seed%2]
		cfg.Profile = profiles[dice.Intn(len(profiles))].name
		cfg.Latency = paced(time.Millisecond, 1_000_000)
		p := evidenceOf(cfg)
		core := New(cfg, Options{})
		var at, ends []tick.Instant
		var in, out []int64
		now := tick.Instant(0)
		for range 400 {
			now += tick.Instant(dice.Int63n(int64(400 * time.Millisecond)))
			ev := Event{Kind: Start, PromptTokens: int32(dice.Intn(200)), MaxTokens: int32(dice.Intn(60)), OutputTokens: int32(dice.Intn(60)), N: uint16(dice.Intn(3))}
			d := verdict(core, now, ev)
			if d.Kind == Refuse && dice.Intn(3) == 0 {
				early := now + tick.Instant(d.RetryMs-1000)*tick.Instant(time.Millisecond) - 1
				if early > now && d.Reason != record.RequestLimit && verdict(core, early, ev).Kind == Plan {
					t.Fatalf("seed %d: admitted more than a second before the wait was over: %s", seed, describe(&d))
				}
				now += tick.Instant(d.RetryMs) * tick.Instant(time.Millisecond)
				last := d
				if d = verdict(core, now, ev); d.Kind != Plan {
					t.Fatalf("seed %d: a lone retry after the wait: %s, after %s", seed, describe(&d), describe(&last))
				}
			}
			if d.Kind == Refuse {
				refusals[d.Reason]++
				continue
			}
			if cfg.OutputCharge == "produced" {
				belowIn(t, p.sliding, now, ends, out, int64(cfg.OutputTPM))
			}
			at, in = append(at, now), append(in, int64(ev.PromptTokens))
			now += tick.Instant(100 * time.Millisecond)
			e := core.Step(now, Event{}, nil)
			end := e[len(e)-1]
			if end.Kind == Utilization {
				end = e[len(e)-2]
			}
			ends, out = append(ends, end.At), append(out, int64(end.Charged)-int64(ev.PromptTokens))
			if produced := int64(end.Completion) * max(int64(ev.N), 1); cfg.OutputCharge == "produced" && out[len(out)-1] != produced {
				t.Fatalf("seed %d: %d produced: %s", seed, produced, describe(&end))
			}
		}
		holds(t, p.name, p.sliding, time.Minute, int64(cfg.TPM), at, in)
		if cfg.OutputCharge == "max_tokens" {
			holds(t, p.name, p.sliding, time.Minute, int64(cfg.OutputTPM), at, out)
		}
	}
	if refusals[record.TokenLimit] < 500 || refusals[record.OutputTokenLimit] < 500 {
		t.Errorf("the runs show little: %v", refusals)
	}
}

// belowIn holds that what was taken in the window of an instant is below the
// limit.
func belowIn(t *testing.T, sliding bool, now tick.Instant, at []tick.Instant, units []int64, limit int64) {
	t.Helper()
	begin := now - tick.Instant(time.Minute) + 1
	if !sliding {
		begin = now - now%tick.Instant(time.Minute)
	}
	sum := int64(0)
	for i := range at {
		if at[i] >= begin {
			sum += units[i]
		}
	}
	if sum >= limit {
		t.Fatalf("admitted at %v with %d of %d produced", time.Duration(now), sum, limit)
	}
}
