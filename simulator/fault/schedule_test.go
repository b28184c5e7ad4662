package fault

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

func TestShapes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"wave: {every: 2s, on: 500ms}", ""},
		{"wave: {every: 2s, on: 2s}", "wave.on: must be longer than zero and shorter than every (2s)"},
		{"wave: {every: 2s, on: 0s}", "wave.on: "},
		{"wave: {every: 5ms, on: 1ms}", "wave.every: must be longer: the fault would begin more than 1000 times"},
		{"wave: {every: 2s}", "wave.on"},
		{"ramp: 5s", ""},
		{"ramp: 6s", "ramp: must not be longer than the fault lasts (5s)"},
		{"ramp: 1s\nwave: {every: 2s, on: 1s}", "ramp: does not go with a wave"},
	} {
		_, err := decode(t, head+"status: {code: 503}\n"+c.text)
		if got := fmt.Sprint(err); (err == nil) != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

// A wave of 2 s with 500 ms on, 5 s long, strikes three times; the last beat
// ends with the fault at the latest.
func TestWave(t *testing.T) {
	c, err := decode(t, head+"outage: {}\nwave: {every: 2s, on: 1500ms}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range Schedule(c, second, 1) {
		if r.Refuse != record.OutageFault || !r.CutStreams {
			t.Errorf("a beat is not the fault: %+v", r)
		}
		got = append(got, fmt.Sprint(time.Duration(r.Begin), "-", time.Duration(r.End)))
	}
	if text := strings.Join(got, " "); text != "11s-12.5s 13s-14.5s 15s-16s" {
		t.Errorf("beats %s", text)
	}
}

// The share of a ramp follows a line, and stays at its end.
func TestRamp(t *testing.T) {
	share := unit.Ratio(800_000)
	r := Schedule(Config{Name: "f", For: unit.Duration(time.Minute), Ramp: unit.Duration(10 * time.Second), Probability: &share, Status: &Status{503}}, 0, 1)[0]
	const n = 20_000
	for at, want := range map[tick.Instant]float64{0: 0, second: 0.08, 5 * second: 0.4, 10 * second: 0.8, 59 * second: 0.8} {
		struck := 0
		for key := range uint64(n) {
			if r.Strikes(at, key, 0) {
				struck++
			}
		}
		if got := float64(struck) / n; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/n)+1e-9 {
			t.Errorf("after %v %.3f are struck, want %.3f", time.Duration(at), got, want)
		}
	}
}
