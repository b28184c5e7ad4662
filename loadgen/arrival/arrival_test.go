package arrival

import (
	"math"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/rng"
	"foundrylab/internal/unit"
)

func rate(s string) (r unit.Rate) {
	if err := r.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return r
}

func TestMeanAndVariation(t *testing.T) {
	for _, c := range []struct {
		name     string
		cfg      Config
		mean, cv float64
	}{
		{"poisson 5/s", Config{Poisson: &Poisson{rate("5/s")}}, 0.2, 1},
		{"constant 8/s", Config{Constant: &Constant{rate("8/s")}}, 0.125, 0},
		{"gamma cv 3.5", Config{Gamma: &Gamma{rate("2/s"), 3_500_000}}, 0.5, 3.5},
		{"gamma cv 0.5", Config{Gamma: &Gamma{rate("2/s"), 500_000}}, 0.5, 0.5},
		{"gamma cv 1", Config{Gamma: &Gamma{rate("100/m"), 1_000_000}}, 0.6, 1},
		{"gamma cv 13", Config{Gamma: &Gamma{rate("10/s"), 13_000_000}}, 0.1, 13},
	} {
		p := c.cfg.Start(rng.New(11, rng.Arrival, rng.Entity(c.name)), nil)
		const n = 400000
		var sum, sq, prev float64
		for range n {
			a, ok := p.Next()
			at := a.At.Seconds()
			if !ok || at < prev {
				t.Fatalf("%s: falls or ends", c.name)
			}
			sum += at - prev
			sq += (at - prev) * (at - prev)
			prev = at
		}
		mean := sum / n
		cv := math.Sqrt(sq/n-mean*mean) / mean
		if math.Abs(mean/c.mean-1) > 0.01+c.cv*0.006 || math.Abs(cv-c.cv) > 0.02+0.05*c.cv {
			t.Errorf("%s: mean %.4f cv %.3f, want %.4f %.3f", c.name, mean, cv, c.mean, c.cv)
		}
	}
}

// A process has its rate from the first second on: over many short runs as many
// arrive as should.
func TestShortRunsHaveTheRate(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
	}{
		{"poisson", Config{Poisson: &Poisson{rate("2/s")}}},
		{"gamma cv 0.5", Config{Gamma: &Gamma{rate("2/s"), 500_000}}},
		{"gamma cv 3.5", Config{Gamma: &Gamma{rate("2/s"), 3_500_000}}},
		{"gamma cv 13", Config{Gamma: &Gamma{rate("2/s"), 13_000_000}}},
	} {
		const runs, length = 4000, 60 * time.Second
		n := 0
		for run := range uint64(runs) {
			p := c.cfg.Start(rng.New(run, rng.Arrival, 1), nil)
			for a, _ := p.Next(); a.At < length; a, _ = p.Next() {
				n++
			}
		}
		if mean := float64(n) / runs; math.Abs(mean-120) > 12 {
			t.Errorf("%s: %.1f arrivals a minute, want 120", c.name, mean)
		}
	}
}

// A rate of next to nothing ends instead of wrapping around.
func TestRareArrivalsEnd(t *testing.T) {
	p := Config{Poisson: &Poisson{rate("0.000001/h")}}.Start(rng.New(38, rng.Arrival, 1), nil)
	for range 1000 {
		if a, ok := p.Next(); !ok || a.At > latest {
			return
		} else if a.At < 0 {
			t.Fatalf("wrapped around: %v", a.At)
		}
	}
}

const csv = `TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:17:05.9799600,110,27
`

func TestTrace(t *testing.T) {
	rows, err := ParseTrace([]byte(csv))
	if err != nil || len(rows) != 3 || rows[1] != (Row{52 * time.Millisecond, 3180, 8}) {
		t.Fatalf("%v %v", rows, err)
	}
	p := Config{Trace: &Trace{Compress: 10_000_000}}.Start(rng.Die{}, rows)
	p.Next()
	p.Next()
	if a, _ := p.Next(); a != (Arrival{200 * time.Millisecond, 110, 27}) {
		t.Fatalf("compressed: %+v", a)
	}
	if _, ok := p.Next(); ok {
		t.Fatal("goes on after its rows")
	}
}

func TestBrokenTraces(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", "line 1: no rows"},
		{"a,b\n", "line 1: the header must be"},
		{csv + "2023-11-16 18:17:06.9799600,11", "line 5: needs 3 fields, has 2"},
		{csv + "2023-11-16 18:17:06.9799600,11,x\n", `line 5: GeneratedTokens "x"`},
		{csv + "2023-11-16 18:17:06.9799600,-1,2\n", `line 5: ContextTokens "-1"`},
		{csv + "yesterday,1,2\n", `line 5: TIMESTAMP "yesterday"`},
		{csv + "2023-11-16 18:17:04.9799600,1,2\n", "line 5: is earlier"},
	} {
		if _, err := ParseTrace([]byte(c.src)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte(csv))
	f.Fuzz(func(t *testing.T, src []byte) {
		rows, err := ParseTrace(src)
		if (err == nil) == (len(rows) == 0) {
			t.Fatal("rows or an error, never both or neither")
		}
	})
}
