//go:build linux

package simulator

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestPacingOfStreams is the proof that streams keep the plan, by a client that knows nothing of this package: it sends
// over sockets, stamps what it reads, and is told only afterwards what was due when. Server and client are processes of
// one thread each. What is asked:
//
//	200 streams as gpt-4.1's: 99 % of the times to the first token, and of the times between tokens, within 1 ms + 2 % of the plan
//	1,000 streams of 20 tokens/s: the pace error of 99 % of the tokens at most 2 ms
//	both: the median of the pace error at most 3/4 of that of a bare server
//
// The time to the first token is from sending the request to reading the token; the pace error is from when a token was
// due to reading it, so client, sockets and scheduling are all in it. To tell how much of that is not the simulator's,
// the same plans are written by a bare net/http handler with a timer for each stream, before and after.
//
// A thread that waits for a core is late, whoever paces it. So one round that keeps the bounds is proof, and one that
// does not speaks against it only between two of the bare server's whose p99 of the pace error is within 2 ms: alone on
// a machine it has 1.1 to 1.6. Three such rounds are a failure.
func TestPacingOfStreams(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("measures for a minute or more; make bench runs it")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	gpt41 := pacedJob{Tokens: 150, Filter: "asynchronous"}
	twenty := pacedJob{Tokens: 100, Filter: "asynchronous", TTFT: 200 * time.Millisecond, TokensPerS: 20}
	t.Run("200 streams", func(t *testing.T) {
		provePacing(t, gpt41, 200, func(p *pacing) bool { return p.farTTFT <= 0.01 && p.farBetween <= 0.01 })
	})
	t.Run("1000 streams", func(t *testing.T) {
		provePacing(t, twenty, 1000, func(p *pacing) bool { return p.pace.at(0.99) <= pacedCalm })
	})
}

const (
	pacedCalm   = 2 * time.Millisecond
	pacedFailed = 3 // rounds on a calm machine
	pacedTries  = 6 // rounds in all
)

func provePacing(t *testing.T, job pacedJob, streams int, holds func(*pacing) bool) {
	run := func(server string) *pacing {
		job.Server = server
		p := measure(t, watch(t, job, streams))
		t.Logf("%-9s TTFT    %v  %.2f %% far", server, p.ttft, p.farTTFT*100)
		t.Logf("%-9s between %v  %.2f %% far", server, p.between, p.farBetween*100)
		t.Logf("%-9s pace    %v  CPU %.1f us/token", server, p.pace, float64(p.cpu)/1e3)
		return p
	}
	failed := 0
	before := run("bare")
	for range pacedTries {
		ours := run("simulator")
		if holds(ours) && ours.pace.at(0.5)*4 <= before.pace.at(0.5)*3 {
			return
		}
		after := run("bare")
		if max(before.pace.at(0.99), after.pace.at(0.99)) <= pacedCalm {
			failed++
		}
		if failed == pacedFailed {
			t.Fatalf("the bounds are not kept in %d rounds on a calm machine", failed)
		}
		before = after
	}
	t.Logf("NOT PROVED: something else ran in all but %d of %d rounds", failed, pacedTries)
}

// Of a few streams every token comes, none before it is due, and most of them soon after; on a busy machine too.
func TestPacingOfAFewStreams(t *testing.T) {
	p := measure(t, watch(t, pacedJob{Server: "simulator", Tokens: 50, Filter: "default", TTFT: 50 * time.Millisecond, TokensPerS: 100}, 20))
	if got := p.pace.at(0.5); got > 25*time.Millisecond {
		t.Errorf("half of the tokens are more than %v late", got)
	}
}

// pacing is how far from its plan one server was for its client.
type pacing struct {
	ttft, between       distances
	pace                distances     // after what was due
	farTTFT, farBetween float64       // share that is further from the plan than 1 ms + 2 % of it
	cpu                 time.Duration // of the server, for each token
}

// distances are sorted.
type distances []time.Duration

func (d distances) at(share float64) time.Duration {
	return d[min(int(float64(len(d))*share), len(d)-1)]
}

func (d distances) String() string {
	us := func(d time.Duration) float64 { return float64(d) / 1e3 }
	return fmt.Sprintf("p50 %6.0f  p99 %6.0f  max %6.0f us", us(d.at(0.5)), us(d.at(0.99)), us(d.at(1)))
}

func measure(t *testing.T, w watched) *pacing {
	t.Helper()
	p := new(pacing)
	for i, plan := range w.Planned {
		got := w.seen[i]
		if len(got.tokens) != len(plan.Tokens) || len(got.tokens) == 0 {
			t.Fatalf("request %d: %d tokens of %d", plan.Key, len(got.tokens), len(plan.Tokens))
		}
		p.farTTFT += compare(&p.ttft, got.tokens[0].Sub(got.sent), plan.Tokens[0].Sub(plan.At))
		for k := range plan.Tokens {
			late := got.tokens[k].Sub(plan.Tokens[k])
			if late < 0 {
				t.Fatalf("request %d: token %d came %v before it was due", plan.Key, k, -late)
			}
			p.pace = append(p.pace, late)
			if k > 0 && plan.Tokens[k] > plan.Tokens[k-1] { // else they are of one burst
				p.farBetween += compare(&p.between, got.tokens[k].Sub(got.tokens[k-1]), plan.Tokens[k].Sub(plan.Tokens[k-1]))
			}
		}
	}
	p.farTTFT /= float64(len(p.ttft))
	p.farBetween /= float64(len(p.between))
	p.cpu = w.CPU / time.Duration(len(p.pace))
	for _, d := range []distances{p.ttft, p.between, p.pace} {
		slices.Sort(d)
	}
	return p
}

// compare notes the distance of a time from the planned one, and returns 1 if it is far, else 0.
func compare(all *distances, got, plan time.Duration) (far float64) {
	off := (got - plan).Abs()
	*all = append(*all, off)
	if off > time.Millisecond+plan/50 {
		return 1
	}
	return 0
}
