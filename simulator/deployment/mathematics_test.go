package deployment

import (
	"math"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// Rejections of a fixed window under Poisson arrivals: of N arrivals in a
// window those above the limit are refused, and E[(N-limit)+] is known.
func TestFixedWindowAgainstPoisson(t *testing.T) {
	const limit, mean, requests = 10, 15.0, 2_000_000
	cfg := standard(limit, 600_000_000)
	core := New(cfg, Options{})
	dice := rand.New(rand.NewSource(1))
	at, refused := 0.0, 0
	out := make([]Effect, 0, 64)
	for range requests {
		at += dice.ExpFloat64() * 60 / mean
		now := tick.Instant(at * 1e9)
		out = core.Step(now, Event{Kind: Start, PromptEstimate: 1, MaxTokens: -1}, out[:0])
		if out[len(out)-1].Kind == Refuse {
			refused++
			continue
		}
		out = core.Step(now, Event{Kind: Gone}, out[:0])
	}
	excess, p := 0.0, math.Exp(-mean) // p: P(N = n)
	for n := 1; n < 200; n++ {
		if p *= mean / float64(n); n > limit {
			excess += float64(n-limit) * p
		}
	}
	want, got := excess/mean, float64(refused)/requests
	if math.Abs(got/want-1) > 0.01 {
		t.Errorf("%.5f of the requests were refused, the Poisson tail says %.5f", got, want)
	}
	t.Logf("refused %.5f, Poisson tail %.5f", got, want)
}

// A provisioned deployment under Poisson arrivals of equal size is a fluid
// queue: it drains steadily, and an arrival adds to it where its level is at
// most 100 %. Rejections and mean level, as arrivals meet them, are those of
// the numerically solved chain.
func TestProvisionedAgainstFluidQueue(t *testing.T) {
	const perSecond, size, depth, requests = 750, 750, 10, 2_000_000 // tokens; depth in seconds of capacity
	for _, load := range []float64{0.9, 1.1} {
		cfg := provisioned(15)
		cfg.UtilizationWindow = unit.Duration(depth * time.Second)
		core := New(cfg, Options{})
		dice := rand.New(rand.NewSource(2))
		at, refused, level := 0.0, 0, 0.0
		out := make([]Effect, 0, 64)
		for range requests {
			at += dice.ExpFloat64() / load
			now := tick.Instant(at * 1e9)
			out = core.Step(now, Event{Kind: Wake}, out[:0])
			level += float64(core.UtilizationPPM(now)) / 1e6 * depth // in seconds of capacity
			out = core.Step(now, Event{Kind: Start, PromptTokens: size, MaxTokens: 0}, out[:0])
			if out[len(out)-1].Kind == Refuse {
				refused++
				continue
			}
			out = core.Step(now, Event{Kind: Gone}, out[:0])
		}
		wantRefused, wantLevel := fluidQueue(load, depth)
		got, mean := float64(refused)/requests, level/requests
		if math.Abs(got/wantRefused-1) > 0.01 && math.Abs(got-wantRefused) > 0.0005 || math.Abs(mean/wantLevel-1) > 0.01 {
			t.Errorf("load %.1f: %.5f refused at a mean level of %.4f s, the fluid queue has %.5f and %.4f", load, got, mean, wantRefused, wantLevel)
		}
		t.Logf("load %.1f: refused %.5f (%.5f), level %.4f (%.4f)", load, got, wantRefused, mean, wantLevel)
	}
}

// fluidQueue returns the share of arrivals that meet a level above depth and
// the mean level that they meet; a job is 1, the drain is 1 a second, and load
// jobs arrive a second. It iterates the level before arrivals on a fine grid:
// the drain between two is exponential, so one sweep down the grid convolves.
func fluidQueue(load float64, depth int) (refused, mean float64) {
	const cells = 500 // of a job
	n := (depth+1)*cells + 1
	stay := math.Exp(-load / cells) // no arrival while a cell drains
	before, after := make([]float64, n), make([]float64, n)
	before[0] = 1
	for range 3000 {
		clear(after)
		for i, p := range before {
			if i <= depth*cells {
				i += cells
			}
			after[i] += p
		}
		above, last := 0.0, 0.0
		for i := n - 1; i > 0; i-- {
			above += after[i]
			here := above * (1 - stay) // drained by i to i+1 cells less: on average half a cell below i
			before[i] = (here + last) / 2
			last = here
			above *= stay
		}
		before[0] = above + after[0] + last/2
	}
	for i, p := range before {
		mean += p * float64(i) / cells
		if i > depth*cells {
			refused += p
		}
	}
	return refused, mean
}
