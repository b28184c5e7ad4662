package deployment

import (
	"math/rand"
	"testing"
	"unsafe"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/latency"
)

// The answer's length is the one wanted, else drawn for the key and the
// attempt; max_tokens cuts it.
func TestAnswerLength(t *testing.T) {
	cfg := standard(1_000_000_000, 60_000_000)
	cfg.Latency = latency.Config{}
	c := New(cfg, Options{Seed: 3})
	drawn := map[int32]bool{}
	for key := range uint64(200) {
		e := ask(c, second, Event{Key: key, OutputTokens: -1, MaxTokens: -1})
		drawn[e.Completion] = true
		if e.Completion < 1 || e.Length {
			t.Fatalf("%s", describe(&e))
		}
		cut := ask(New(standard(1_000_000_000, 60_000_000), Options{Seed: 3}), second, Event{Key: key, OutputTokens: -1, MaxTokens: 50})
		if cut.Completion != min(e.Completion, 50) || cut.Length != (e.Completion > 50) {
			t.Fatalf("at 50: %s, else %s", describe(&cut), describe(&e))
		}
	}
	if len(drawn) < 100 {
		t.Errorf("only %d different lengths in 200", len(drawn))
	}
	again := Event{Key: 7, OutputTokens: -1, MaxTokens: -1, Stream: true}
	a, b := ask(c, second, again), ask(c, second, again)
	if a.Completion == b.Completion || a.FirstIn() == b.FirstIn() {
		t.Error("the second attempt of a request draws the same length or pace")
	}
}

// A request that says itself which try it is draws as that one, however often
// it comes; any other draws as the sighting of its key that it is.
func TestAttemptOfTheDice(t *testing.T) {
	cfg := standard(1_000_000_000, 60_000_000)
	cfg.Latency = latency.Config{}
	c := New(cfg, Options{Seed: 3})
	first := func(ev Event) tick.Units {
		ev.Key, ev.OutputTokens, ev.MaxTokens, ev.Stream = 7, 10, -1, true
		e := ask(c, second, ev)
		return e.FirstIn()
	}
	seen := [3]tick.Units{first(Event{}), first(Event{}), first(Event{})}
	if seen[0] == seen[1] || seen[1] == seen[2] {
		t.Errorf("sightings draw alike: %v", seen)
	}
	for _, try := range []uint16{2, 0, 0, 1} {
		if got := first(Event{Marked: true, Try: try}); got != seen[try] {
			t.Errorf("try %d draws %d, want %d as that sighting", try, got, seen[try])
		}
	}
	c = New(cfg, Options{Seed: 3})
	if first(Event{Marked: true}); first(Event{}) != seen[0] {
		t.Error("a marked request counts as a sighting")
	}
}

// The table counts as a plain one does, for as long as keys do not collide.
func TestSightings(t *testing.T) {
	var s sightings
	dice := rand.New(rand.NewSource(5))
	plain := map[uint64]uint32{}
	rows := map[uint64]uint64{}
	for range 20_000 {
		key := uint64(dice.Intn(3000))
		if dice.Intn(2) == 0 {
			key |= 0xabcdef12 << 32
		}
		row := key * 0x9e3779b97f4a7c15 >> 50
		if owner, taken := rows[row]; taken && owner != key {
			continue
		}
		rows[row] = key
		if got := s.count(key); got != plain[key] {
			t.Fatalf("key %x was seen %d times, not %d", key, plain[key], got)
		}
		plain[key]++
	}
	// A key that is pushed out starts anew, and pushes the other out in turn.
	a, b := uint64(1), uint64(0)
	for k := uint64(2); b == 0; k++ {
		if k*0x9e3779b97f4a7c15>>50 == a*0x9e3779b97f4a7c15>>50 {
			b = k
		}
	}
	s.forget()
	for i, want := range []uint32{0, 1, 0, 0, 1} {
		if got := s.count([]uint64{a, a, b, a, a}[i]); got != want {
			t.Errorf("sighting %d is number %d, want %d", i, got, want)
		}
	}
	allocated := testing.AllocsPerRun(1, func() { // of the second of two runs
		for range 200_000 {
			s.count(dice.Uint64())
		}
	})
	if allocated != 0 {
		t.Errorf("%v allocations by a table that is there", allocated)
	}
	if sightingRows != 1<<(64-50) {
		t.Error("the test assumes another size of the table")
	}
}

func TestEventsAndEffectsAreSmall(t *testing.T) {
	if e, f, s := unsafe.Sizeof(Event{}), unsafe.Sizeof(Effect{}), unsafe.Sizeof(stream{}); e > 96 || f > 96 || s > 128 {
		t.Errorf("an event has %d bytes, an effect %d, a stream %d; the bounds are 96, 96 and 128", e, f, s)
	}
}

func TestOutputWeight(t *testing.T) {
	for name, want := range map[string]int64{"gpt-4.1": 4, "gpt-5": 8, "gpt-5.4": 6, "unknown": 4} {
		if got := OutputWeight(name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

// A core that is told to do what it does not know says so.
func TestUnknownEventPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(standard(1000, 60), Options{}).Step(0, Event{Kind: 99, Ref: record.Ref{}}, nil)
}
