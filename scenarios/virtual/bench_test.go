package virtual_test

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"foundrylab/internal/des"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
	"foundrylab/reports/render"
	"foundrylab/scenarios"
	"foundrylab/scenarios/assert"
	"foundrylab/scenarios/virtual"
)

// scaled returns the shipped ptu-outage scenario with every rate and limit
// multiplied: 400 times has about 10,000 requests in flight.
func scaled(tb testing.TB, times int64, duration time.Duration) *scenarios.Scenario {
	tb.Helper()
	src, _, ok := scenarios.Shipped("ptu-outage")
	if !ok {
		tb.Fatal("ptu-outage is not shipped")
	}
	s, err := scenarios.Load("ptu-outage.yaml", src, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	s.Tenants[0].Arrivals.Poisson.Rate = s.Tenants[0].Arrivals.Poisson.Rate.Scale(times, 1)
	s.Tenants[1].Arrivals.Gamma.Rate = s.Tenants[1].Arrivals.Gamma.Rate.Scale(times, 1)
	s.Tenants[2].Arrivals.Constant.Rate = s.Tenants[2].Arrivals.Constant.Rate.Scale(times, 1)
	for i := range s.Backends {
		s.Backends[i].PTU *= times
		s.Backends[i].TPM *= unit.Count(times)
	}
	s.Duration = unit.Duration(duration)
	return s
}

// everything runs, judges and renders as the run command does.
func everything(tb testing.TB, s *scenarios.Scenario) *record.Result {
	tb.Helper()
	r := virtual.Run(s, virtual.Options{}).Result()
	assert.JudgeAll(r, s.Programs())
	render.Text(r, render.TextOptions{})
	render.Markdown(r)
	for _, f := range []func(*record.Result) ([]byte, error){render.JSON, render.HTML, render.JUnit} {
		if _, err := f(r); err != nil {
			tb.Fatal(err)
		}
	}
	return r
}

// offered returns the requests of the whole run, warm-up included.
func offered(r *record.Result) int64 {
	n := int64(0)
	for _, t := range r.Timeline.Tenants {
		for _, k := range t.Offered {
			n += k
		}
	}
	return n
}

// peakMemory returns the process's peak resident memory in MB; 0 where the
// system does not tell.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	kb, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	n, _ := strconv.ParseFloat(string(kb), 64)
	return n / 1024
}

// BenchmarkPtuOutage is the whole main job on one processor with about 10,000
// requests in flight: faults, retries, fairness, assertions and all reports.
// Beside it stands the rate of the bare event heap with as many waiting.
func BenchmarkPtuOutage(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := scaled(b, 400, 15*time.Minute)
	requests := int64(0)
	b.ResetTimer()
	for range b.N {
		requests += offered(everything(b, s))
	}
	b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(peakMemory(), "peak-MB")
	b.ReportMetric(bareHeap(), "heap-events/s")
}

// bareHeap returns the pop-and-push rate of the event heap with 10,000
// deadlines waiting.
func bareHeap() float64 {
	var h des.Heap
	for i := range uint64(10_000) {
		h.Push(tick.Instant(i*2654435761%1_000_000), des.PrioEnd, i)
	}
	const n = 2_000_000
	began := time.Now()
	for i := range uint64(n) {
		it := h.Pop()
		h.Push(it.At+tick.Instant(i*2654435761%2_000_000), des.PrioEnd, it.Val)
	}
	return n / time.Since(began).Seconds()
}

// The bounds of the benchmark, at ten million requests.
func TestTenMillionRequests(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("takes the machine for half a minute: run make bench")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r, rate := timed(t, scaled(t, 400, 45*time.Minute))
	if n := offered(r); n < 10_000_000 {
		t.Errorf("only %d requests", n)
	}
	if rate < 500_000 {
		t.Errorf("%.0f requests/s, the bound is 500,000", rate)
	}
	if peak := peakMemory(); peak > 500 {
		t.Errorf("peak memory %.0f MB, the bound is 500", peak)
	}
}

// timed runs everything on a scenario and returns how many requests of it there were in a second.
func timed(t *testing.T, s *scenarios.Scenario) (r *record.Result, rate float64) {
	began := time.Now()
	r = everything(t, s)
	took := time.Since(began)
	requests := offered(r)
	rate = float64(requests) / took.Seconds()
	t.Logf("%d requests in %v: %.0f requests/s, peak memory %.0f MB, bare heap %.0f events/s, retry amplification %v",
		requests, took.Round(time.Millisecond), rate, peakMemory(), bareHeap(), r.Totals.RetryAmplification)
	return r, rate
}

// The same bound with all that deployments have: spillover, dynamic quota, a shared pool, usage and service tiers, sliding
// windows, prompt caches, load epochs, reasoning, bursts, and seven kinds of faults.
func TestMillionsWithEverything(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_BENCH") == "" {
		t.Skip("takes the machine for ten seconds: run make bench")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	src, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenarios.Load("everything.yaml", src, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, rate := timed(t, s)
	if n := offered(r); n < 3_000_000 {
		t.Errorf("only %d requests", n)
	}
	if rate < 500_000 {
		t.Errorf("%.0f requests/s, the bound is 500,000", rate)
	}
}
