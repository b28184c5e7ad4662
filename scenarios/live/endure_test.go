package live

import (
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"foundrylab/gateway"
)

// vitals are what a process has at a moment.
type vitals struct{ goroutines, heap int }

func takeVitals() vitals {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return vitals{runtime.NumGoroutine(), int(m.HeapAlloc)}
}

// median is what a part of the samples has in the middle.
func median(part []vitals, of func(vitals) int) int {
	list := make([]int, len(part))
	for i, v := range part {
		list[i] = of(v)
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// endure has a gateway serve mixed requests, with faults of every kind and clients that leave, for so long, while its
// configuration changes every second: it has no more goroutines and no more memory at the end than it had in the beginning.
func endure(t *testing.T, length time.Duration, clients int) {
	before := takeVitals()
	b := openBooks(t, 1000, func(*books, gateway.Spent) {})
	over := time.Now().Add(length)
	var served atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.send(clients, func(int) bool { served.Add(1); return time.Now().Before(over) })
	}()
	var samples []vitals
	every := time.NewTicker(max(length/100, time.Second/10))
	defer every.Stop()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-every.C:
			samples = append(samples, takeVitals())
			if err := b.gateway.Reconfigure(b.config); err != nil {
				t.Fatal(err)
			}
		}
	}
	health := httptest.NewRecorder()
	b.gateway.ServeHTTP(health, httptest.NewRequest("GET", "/healthz", nil))
	b.close()
	third := len(samples) / 3
	early, late := samples[third/2:third+third/2], samples[len(samples)-third:] // what is kept for the next one has gathered by then
	goroutines, heap := func(v vitals) int { return v.goroutines }, func(v vitals) int { return v.heap }
	t.Logf("%d requests in %v: %d goroutines early, %d late; %d KiB early, %d late", served.Load(), length, median(early, goroutines), median(late, goroutines),
		median(early, heap)>>10, median(late, heap)>>10)
	if was, is := median(early, goroutines), median(late, goroutines); is > was+was/10+8 {
		t.Errorf("%d goroutines became %d", was, is)
	}
	if was, is := median(early, heap), median(late, heap); is > was+was/10+1<<20 {
		t.Errorf("%d KiB became %d", was>>10, is>>10)
	}
	if !strings.Contains(health.Body.String(), `"closed"`) {
		t.Errorf("in the end: %s", health.Body)
	}
	for wait := time.Now().Add(10 * time.Second); takeVitals().goroutines > before.goroutines+2; { // the simulator and its timers end with the test
		if time.Now().After(wait) {
			t.Errorf("%d goroutines before, %d after", before.goroutines, takeVitals().goroutines)
			break
		}
		<-every.C
	}
}

func TestEndurance(t *testing.T) { endure(t, 4*time.Second, 16) }

func TestSoakEndurance(t *testing.T) {
	if os.Getenv("FOUNDRYLAB_SOAK") == "" {
		t.Skip("set FOUNDRYLAB_SOAK=1 for ten minutes")
	}
	endure(t, 10*time.Minute, 16)
}
