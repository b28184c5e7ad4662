package record

import (
	"math/rand"
	"slices"
	"testing"
	"time"
)

// k parts, merged in any order and grouping, are one whole, byte for byte.
func TestPartsAreTheWhole(t *testing.T) {
	for seed := range int64(80) {
		dice := rand.New(rand.NewSource(seed))
		h := randomHeader(dice)
		entries := randomEntries(dice, &h, dice.Intn(1500))
		whole := summarise(h, entries)
		split := make([][]entry, 1+dice.Intn(6))
		for _, e := range entries { // an entry may come before one that was written earlier
			i := dice.Intn(len(split))
			split[i] = append(split[i], e)
		}
		var parts []*Summary
		for _, list := range split {
			dice.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			parts = append(parts, summarise(h, list))
		}
		if seed%10 == 0 {
			parts[len(parts)-1].Interrupt()
			whole.Interrupt()
		}
		for len(parts) > 1 {
			i, j := dice.Intn(len(parts)), dice.Intn(len(parts))
			if i == j {
				continue
			}
			before := text(t, parts[j])
			if err := parts[i].Merge(parts[j]); err != nil {
				t.Fatal(err)
			}
			if text(t, parts[j]) != before {
				t.Fatalf("seed %d: merging changed the other", seed)
			}
			parts = slices.Delete(parts, j, j+1)
		}
		if a, b := text(t, whole), text(t, parts[0]); a != b {
			t.Fatalf("seed %d: %d parts are\n%s\nthe whole is\n%s", seed, len(split), b, a)
		}
	}
}

func TestMergeRefusesOtherRuns(t *testing.T) {
	fault := Fault{Name: "f", At: second, For: second}
	base := header([]int64{1, 2}, 2, fault)
	for name, change := range map[string]func(*Header){
		"hash": func(h *Header) { h.Hash = "other" }, "seed": func(h *Header) { h.Seed++ }, "mode": func(h *Header) { h.Mode = "live" },
		"start": func(h *Header) { h.Start++ }, "duration": func(h *Header) { h.Duration++ }, "warmup": func(h *Header) { h.Warmup++ },
		"tenants": func(h *Header) { h.Tenants = h.Tenants[:1] }, "weights": func(h *Header) { h.Tenants = []Tenant{{"tenant 0", 1}, {"tenant 1", 3}} },
		"backends": func(h *Header) { h.Backends = h.Backends[:1] }, "faults": func(h *Header) { h.Faults = nil },
	} {
		other := base
		change(&other)
		a, b := NewSummary(base), NewSummary(other)
		if a.Merge(b) == nil || b.Merge(a) == nil {
			t.Errorf("merges summaries of another %s", name)
		}
	}
	if err := NewSummary(base).Merge(NewSummary(base)); err != nil {
		t.Error(err)
	}
}

// Windows are a second, doubled until there are at most 4096.
func TestWindowsCoarsen(t *testing.T) {
	for _, c := range []struct {
		duration, window time.Duration
		count            int
	}{
		{0, second, 1}, {1, second, 1}, {second, second, 1}, {second + 1, second, 2}, {4095 * second, second, 4095}, {4096*second - 1, second, 4096},
		{4096 * second, 2 * second, 2048}, {3 * time.Hour, 4 * second, 2700}, {30 * 24 * time.Hour, 1024 * second, 2532},
	} {
		h := header([]int64{1}, 1)
		h.Duration = c.duration
		s := NewSummary(h)
		if s.window != c.window || s.count != c.count || len(s.tw[0]) != c.count || len(s.bw[0]) != c.count {
			t.Errorf("%v: %d windows of %v, want %d of %v", c.duration, s.count, s.window, c.count, c.window)
		}
		tl := s.Result().Timeline
		if tl.WindowMs != int64(c.window/time.Millisecond) || tl.Windows != c.count || len(tl.Tenants[0].Offered) != c.count || tl.JainEvery < 10_000 || tl.JainEvery%tl.WindowMs != 0 {
			t.Errorf("%v: timeline has %d windows of %d ms, fairness every %d ms", c.duration, tl.Windows, tl.WindowMs, tl.JainEvery)
		}
	}
}

// footprint counts what a summary holds on to, in histogram buckets and windows.
func footprint(s *Summary) int {
	n := cap(s.lag.counts)
	for i := range s.tenants {
		t := &s.tenants[i]
		n += cap(t.queue.counts) + cap(t.ttft.counts) + cap(t.tpot.counts) + cap(t.e2e.counts) + cap(s.tw[i])
		for w := range s.tw[i] {
			n += cap(s.tw[i][w].ttft.counts)
		}
	}
	for i := range s.backs {
		n += cap(s.backs[i].util.counts) + cap(s.bw[i])
	}
	return n
}

// Ten times the requests need no more memory; and the bound is what the
// windows and buckets allow.
func TestMemoryDoesNotGrowWithRequests(t *testing.T) {
	h := header([]int64{1, 1}, 2)
	h.Duration = 20 * second
	s := NewSummary(h)
	fill := func(from, to int64) {
		for seed := from; seed < to; seed++ {
			for _, put := range randomEntries(rand.New(rand.NewSource(seed)), &h, 2000) {
				put(s)
			}
		}
	}
	fill(0, 12)
	after := footprint(s)
	fill(12, 60)
	if later := footprint(s); later > after*11/10 {
		t.Errorf("%d entries held %d, five times as many %d", 12*2000, after, later)
	}
	const buckets, windowBuckets = 23 << runDigits, 29 << windowDigits
	if most := 1*buckets*2 + 2*(4*buckets*2+21*(windowBuckets*2+1)) + 2*(buckets*2+21); footprint(s) > most {
		t.Errorf("holds %d, more than %d", footprint(s), most)
	}
	if n := testing.AllocsPerRun(2000, func() {
		s.Request(&Request{Intended: at(second), End: at(2 * second), TTFT: second / 2, CompletionTokens: 9, Outcome: Succeeded})
		s.Attempt(&Attempt{Start: at(second), Outcome: Succeeded})
		s.Sample(&Sample{At: at(second), Utilization: 5})
	}); n != 0 {
		t.Errorf("an entry allocates %v times", n)
	}
}
