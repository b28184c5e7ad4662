package deployment

import (
	"fmt"
	"math"
	"math/rand"
	"slices"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// dumbCache is the prompt cache as one would tell it: a list of what is known, the longest unused first.
type dumbCache struct {
	PromptCache
	known []dumbRow
}

type dumbRow struct {
	prefix   uint64
	machine  int64
	used     tick.Instant
	arrivals []tick.Instant // of the minute
}

func (d *dumbCache) find(prefix uint64, machine int64) int {
	return slices.IndexFunc(d.known, func(r dumbRow) bool { return r.prefix == prefix && r.machine == machine })
}

func (d *dumbCache) visit(now tick.Instant, prefix uint64, machine int64, row dumbRow) {
	row.prefix, row.machine, row.used = prefix, machine, now
	if i := d.find(prefix, machine); i >= 0 {
		d.known = slices.Delete(d.known, i, i+1)
	} else if len(d.known) == d.Prefixes {
		d.known = d.known[1:]
	}
	d.known = append(d.known, row)
}

func (d *dumbCache) request(now tick.Instant, prefix uint64, shared, prompt int32) (cached int32) {
	if prompt < 1024 {
		return 0
	}
	var home dumbRow
	if i := d.find(prefix, 0); i >= 0 {
		home = d.known[i]
	}
	if len(home.arrivals) > 0 && now.Sub(home.arrivals[0]) >= time.Minute {
		home.arrivals = nil
	}
	machine := int64(len(home.arrivals)) / int64(d.Overflow)
	if i := d.find(prefix, machine); i >= 0 && now.Sub(d.known[i].used) <= time.Duration(d.Retention) {
		for step := int32(1024); step <= min(shared, prompt); step += 128 {
			cached = step
		}
	}
	home.arrivals = append(home.arrivals, now)
	d.visit(now, prefix, 0, home)
	if machine > 0 {
		d.visit(now, prefix, machine, dumbRow{})
	}
	return cached
}

func TestPromptCacheAgainstDumbOne(t *testing.T) {
	for seed := range int64(20) {
		dice := rand.New(rand.NewSource(seed))
		cfg := standard(1, 1)
		cfg.PromptCache = &PromptCache{Retention: unit.Duration(time.Minute), Overflow: unit.Count(1 + dice.Intn(4)), Prefixes: 2 + dice.Intn(12)}
		dumb, cache := dumbCache{PromptCache: *cfg.PromptCache}, newPromptCache(cfg)
		now, hits := tick.Instant(0), 0
		for n := range 20_000 {
			now += tick.Instant(dice.Int63n(int64(10 * time.Second)))
			ev := Event{Prefix: 1 + uint64(dice.Intn(dice.Intn(20)+1)), Shared: int32(dice.Intn(3000)), PromptTokens: int32(dice.Intn(3000))}
			v := cache.look(now, &ev)
			if again := cache.look(now, &ev); again != v {
				t.Fatal("looking changes something")
			}
			cache.take(now, v)
			if want := dumb.request(now, ev.Prefix, ev.Shared, ev.PromptTokens); v.cached != want {
				t.Fatalf("seed %d, request %d: %+v of %+v, want %d cached", seed, n, v, ev, want)
			}
			if v.cached > 0 {
				hits++
			}
		}
		if len(cache.rows) != cfg.PromptCache.Prefixes || len(cache.place) != cfg.PromptCache.Prefixes {
			t.Errorf("seed %d: %d rows and %d keys, want the bound of %d", seed, len(cache.rows), len(cache.place), cfg.PromptCache.Prefixes)
		}
		if hits == 0 || hits == 20_000 {
			t.Errorf("seed %d: %d hits show nothing", seed, hits)
		}
	}
}

// A million prefixes that nobody uses again take the room of the bound, and a hit costs no allocation.
func TestPromptCacheIsBounded(t *testing.T) {
	cache := newPromptCache(standard(1, 1))
	ev := Event{Prefix: 1, Shared: 2000, PromptTokens: 2000}
	for ; ev.Prefix <= 1_000_000; ev.Prefix++ {
		cache.take(tick.Instant(ev.Prefix), cache.look(tick.Instant(ev.Prefix), &ev))
	}
	if want := defaultPromptCache.Prefixes; len(cache.rows) != want || len(cache.place) != want {
		t.Errorf("%d rows and %d keys, want %d", len(cache.rows), len(cache.place), want)
	}
	ev.Prefix = 1_000_000
	cached := int32(0)
	if n := testing.AllocsPerRun(100, func() {
		v := cache.look(1_000_000, &ev)
		cache.take(1_000_000, v)
		cached = v.cached
	}); n != 0 || cached != 1920 {
		t.Errorf("a hit on %d tokens costs %v allocations", cached, n)
	}
}

// Provisioned capacity by the service's formula: what a deployment admits in the long run is its tokens a minute over
// prompt*(1-cached share) + weight*output.
func TestCacheRateAddsCapacity(t *testing.T) {
	const prompt, output, minutes = 4096, 150, 60
	for _, shared := range []int32{0, 1024, 2048, 3072} {
		cfg := provisioned(100)
		cfg.PromptCache = &PromptCache{Retention: unit.Duration(time.Hour), Prefixes: 1}
		core := New(cfg, Options{})
		admitted := 0
		out := make([]Effect, 0, 64)
		for n := range minutes * 60 * 100 { // far more than it takes
			now := tick.Instant(n) * tick.Instant(10*time.Millisecond)
			out = core.Step(now, Event{Kind: Start, Ref: record.Ref{Slot: uint32(n % 10_000), Gen: uint32(n)}, Prefix: 1, Shared: shared, PromptTokens: prompt, OutputTokens: output,
				MaxTokens: output}, out[:0])
			if out[len(out)-1].Kind == Plan {
				admitted++
			}
		}
		rate := float64(shared) / prompt
		want := 100 * 3_000 / (prompt*(1-rate) + 4*output)
		got := float64(admitted) / minutes
		if math.Abs(got/want-1) > 0.01 {
			t.Errorf("cache rate %.2f: %.2f requests a minute, the formula has %.2f", rate, got, want)
		}
		t.Logf("cache rate %.2f: %.2f requests a minute (%.2f)", rate, got, want)
	}
}

func TestPromptCacheIsChecked(t *testing.T) {
	var wrong []string
	PromptCache{Retention: unit.Duration(25 * time.Hour)}.Validate(func(path, format string, args ...any) {
		wrong = append(wrong, path+" "+fmt.Sprintf(format, args...))
	})
	if len(wrong) != 1 || wrong[0] != "retention must be at most 24h" {
		t.Errorf("%q", wrong)
	}
}
