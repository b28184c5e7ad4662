//go:build linux

package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"foundrylab/internal/drive"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/latency"
)

// pacedJob says what the server's process of the pace check is to do.
type pacedJob struct {
	Server     string // simulator or bare
	Tokens     int    // of each answer
	Filter     string // default: tokens come in bursts; asynchronous: each on its own
	TTFT       time.Duration
	TokensPerS int // with TTFT the same for all; zeros: the preset of gpt-4.1, without its tail
}

func (job *pacedJob) deployment() deployment.Config {
	d := swift("a")
	d.RPM = 1_000_000_000
	d.Latency = latency.Config{Tail: &latency.Tail{}, Filter: job.Filter}
	if job.TTFT > 0 {
		q := latency.Quantiles{P50: unit.Duration(job.TTFT), P95: unit.Duration(job.TTFT)}
		d.Latency = latency.Config{TTFT: &q, PerKPrompt: 1, TokensPerS: unit.Count(job.TokensPerS), Spread: 1, Filter: job.Filter}
	}
	return d
}

// paced is what that process has to say in the end.
type paced struct {
	Planned []due
	CPU     time.Duration // from its first connection to its last answer, user and system
}

// due is what a server had planned for one answer: when each token was due, on the machine's monotonic clock.
type due struct {
	Key    uint64
	At     tick.Instant // admitted
	Tokens []tick.Instant
}

func dueOf(key uint64, plan *deployment.Effect) due {
	d := due{Key: key, At: plan.At, Tokens: make([]tick.Instant, plan.Completion)}
	for k := range d.Tokens {
		d.Tokens[k] = plan.TokenAt(int32(k) + 1)
	}
	return d
}

// monotonicClock reads CLOCK_MONOTONIC, which the processes of a machine share.
func monotonicClock() *drive.Clock {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return drive.NewClock(tick.Instant(now.Nano()))
}

// processCPU is what this process has used so far, user and system.
func processCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPacedServer is the server's process of the pace check: it says where it listens, serves until its standard input
// ends, and says what it had planned. One token is one event of the stream.
func TestPacedServer(t *testing.T) {
	text := os.Getenv(pacedJobVariable)
	if text == "" {
		t.Skip("TestPacingOfStreams runs it")
	}
	var job pacedJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	var plans func() []due
	cfg := Config{Deployments: []deployment.Config{job.deployment()}, Clock: monotonicClock(), Record: true, Precise: true}
	if job.Server == "bare" {
		handler, plans = bareServer(t, cfg, int32(job.Tokens))
	} else {
		handler, plans = simulatedServer(t, cfg)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	before := processCPU()
	fmt.Println(listener.Addr())
	io.Copy(io.Discard, os.Stdin)
	used := processCPU() - before
	server.Close()
	if err := json.NewEncoder(os.Stdout).Encode(paced{plans(), used}); err != nil {
		t.Fatal(err)
	}
}

// simulatedServer takes the plans from the tape of the deployment's steps, which knows nothing of writing.
func simulatedServer(t *testing.T, cfg Config) (http.Handler, func() []due) {
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, func() (all []due) {
		s.Close()
		for _, step := range s.Tape(0).Steps {
			for _, e := range step.Effects {
				if e.Kind == deployment.Plan {
					all = append(all, dueOf(step.Event.Key, &e))
				}
			}
		}
		return all
	}
}

// bareServer is what the simulator is set beside: the same plans and bytes, written by a net/http handler with a
// timer for each stream. It has no limits, headers, ledger or log.
func bareServer(t *testing.T, cfg Config, tokens int32) (http.Handler, func() []due) {
	cfg, err := complete(cfg)
	if err != nil {
		t.Fatal(err)
	}
	core := deployment.New(&cfg.Deployments[0], deployment.Options{Start: cfg.Start})
	var mu sync.Mutex
	var all []due
	plan := func(r *http.Request) deployment.Effect {
		mu.Lock()
		defer mu.Unlock()
		key, _ := strconv.ParseUint(r.Header.Get("X-Key"), 10, 64)
		start := deployment.Event{Kind: deployment.Start, Ref: record.Ref{Slot: uint32(len(all))}, Key: key, Marked: true,
			PromptTokens: 100, OutputTokens: tokens, MaxTokens: -1, Stream: true}
		for _, e := range core.Step(cfg.Clock.Now(), start, nil) {
			if e.Kind == deployment.Plan {
				all = append(all, dueOf(key, &e))
				return e
			}
		}
		panic("not admitted")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		plan := plan(r)
		chat := content.NewChat(content.Reply{Key: uint64(plan.Ref.Slot), OutputTokens: int(plan.Completion), Model: "gpt-4.1-2025-04-14",
			Fingerprint: "fp_0123456789", Obfuscation: true})
		w.Header()["Content-Type"] = eventStream
		var buf []byte
		flush := w.(http.Flusher)
		timer := time.NewTimer(0)
		for k := range plan.Completion {
			timer.Reset(max(cfg.Clock.Until(plan.TokenAt(k+1)), 0))
			<-timer.C
			buf = chat.AppendTokens(buf[:0], int(k), int(k)+1)
			w.Write(buf)
			flush.Flush()
		}
		w.Write(chat.AppendClose(buf[:0]))
	}), func() []due { return all }
}
