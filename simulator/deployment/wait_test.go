package deployment

import (
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/fault"
)

// arrival is one request of a schedule.
type arrival struct {
	at   tick.Instant
	core int
	ev   Event
}

// schedule is a random world: deployments with random limits of every kind, on a
// pool or not, and what arrived so far.
type schedule struct {
	start   tick.Instant
	pool    int64 // 0: none
	share   int64 // of the limits, that a fault leaves all the time, ppm
	cfgs    []*Config
	arrived []arrival
}

func newSchedule(dice *rand.Rand) *schedule {
	s := &schedule{start: tick.Instant(dice.Int63n(int64(time.Hour))), share: []int64{whole, 400_000}[dice.Intn(2)]}
	if dice.Intn(2) == 0 {
		s.pool = 1_000 + dice.Int63n(4_000)
	}
	for range 1 + dice.Intn(3) {
		cfg := standard(500+dice.Int63n(2_500), []int64{1_000_000, 120, 30}[dice.Intn(3)])
		if dice.Intn(3) == 0 {
			cfg.Model, cfg.OutputCharge, cfg.OutputTPM = "claude-sonnet-4-5", "max_tokens", unit.Count(100+dice.Intn(400))
		}
		cfg.Profile, cfg.Window = profiles[dice.Intn(len(profiles))].name, []string{"", "fixed", "sliding"}[dice.Intn(3)]
		if dice.Intn(2) == 0 {
			cfg.DynamicQuota = &DynamicQuota{Spare: 500_000, Share: 500_000, Every: unit.Duration(60*time.Second + time.Duration(dice.Int63n(int64(40*time.Second))))}
		}
		if dice.Intn(3) == 0 {
			cfg.SKU, cfg.UsageTier = "GlobalStandard", &UsageTier{Tokens: 100, SlowDown: 2 * unit.One}
		}
		s.cfgs = append(s.cfgs, cfg)
	}
	return s
}

// world makes it all anew and lets everything arrive again.
func (s *schedule) world() *shared {
	w := &shared{pool: NewPool(max(s.pool, 1), s.start)}
	for _, cfg := range s.cfgs {
		c := New(cfg, Options{Start: s.start, Remote: s.pool > 0, Seed: 3})
		c.limits.scale(s.start, c.cfg, s.share)
		w.cores = append(w.cores, c)
	}
	for _, a := range s.arrived {
		w.ask(a.core, a.at, a.ev)
	}
	return w
}

// alone is what becomes of a request when it comes at an instant, and nothing
// did since the last arrival.
func (s *schedule) alone(core int, at tick.Instant, ev Event) Effect {
	return s.world().ask(core, at, ev)
}

// asks are faults that requests ask for.
func asks(t *testing.T, texts ...string) (all []fault.Ask) {
	for _, text := range texts {
		a, err := fault.ParseAsk(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// The dumb second version of every wait is to try it: whatever the limits are
// (token window, fixed or sliding; requests of 10 s and 1 s, refused ones counted
// or not; Claude's three; less of all while a fault lasts, or for a request that
// asks for that; more while capacity is spare; a pool), a lone retry after the wait is admitted, and more than a second
// before it is not.
func TestLoneRetryIsAdmitted(t *testing.T) {
	refused, narrow := map[record.Reason]int{}, 0
	asked := asks(t, "capacity=10%", "capacity=45%", "capacity=90%")
	for seed := range int64(150) {
		dice := rand.New(rand.NewSource(seed))
		s := newSchedule(dice)
		w, now := s.world(), s.start
		for range 150 {
			now += tick.Instant(dice.Int63n(int64(3 * time.Second)))
			core := dice.Intn(len(s.cfgs))
			size := int32(1 + dice.Int63n(int64(s.cfgs[core].TPM)/2))
			ev := Event{PromptEstimate: size, PromptTokens: size, MaxTokens: int32(dice.Intn(200)) - 1}
			if dice.Intn(4) == 0 {
				ev.Ask = asked[dice.Intn(len(asked))]
			}
			e := w.ask(core, now, ev)
			s.arrived = append(s.arrived, arrival{now, core, ev})
			if e.Kind != Refuse || e.Reason == record.TooLarge {
				continue
			}
			refused[e.Reason]++
			if ev.Ask.Kind > 0 && s.pool > 0 {
				narrow++
			}
			if e.RetryMs == 0 || e.RetryMs > 180_000 || e.RetryMs%1000 != 0 {
				t.Fatalf("seed %d: %s", seed, describe(&e))
			}
			if dice.Intn(8) > 0 {
				continue
			}
			at := now + tick.Instant(e.RetryMs)*tick.Instant(time.Millisecond)
			if again := s.alone(core, at, ev); again.Kind != Plan {
				t.Fatalf("seed %d: at %v %s; alone after that: %s; pool %d, spare %+v", seed, time.Duration(now-s.start), describe(&e), describe(&again), s.pool, s.cfgs[core].DynamicQuota)
			}
			if early := at - second - 1; early > now {
				if again := s.alone(core, early, ev); again.Kind == Plan {
					t.Fatalf("seed %d: at %v %s; more than a second before: %s; pool %d, spare %+v", seed, time.Duration(now-s.start), describe(&e), describe(&again), s.pool, s.cfgs[core].DynamicQuota)
				}
			}
		}
	}
	if narrow < 300 {
		t.Errorf("only %d that asked for a share of the limits were refused beside a pool", narrow)
	}
	for _, why := range []record.Reason{record.TokenLimit, record.RequestLimit, record.OutputTokenLimit} {
		if refused[why] < 300 {
			t.Errorf("only %d were refused by %v: the test shows little", refused[why], why)
		}
	}
}
