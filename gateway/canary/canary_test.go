package canary

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

func config() *Config {
	return &Config{Backends: []string{"b"}, Share: 50_000, By: "request", Rollback: Rollback{Failures: 50_000, Over: unit.Duration(time.Minute), Min: 20}}
}

// The canary has its share of what is drawn; who is in at a share is in at each larger one, in whatever process; and
// another canary draws others.
func TestDraws(t *testing.T) {
	const keys = 100_000
	in := map[unit.Ratio]int{}
	both := 0
	other := config()
	other.Backends = []string{"c"}
	for key := range uint64(keys) {
		before := false
		for _, share := range []unit.Ratio{0, 10_000, 50_000, 500_000, unit.One} {
			cfg := config()
			cfg.Share = share
			drawn := New(cfg).Draws(key)
			if before && !drawn {
				t.Fatalf("%d is out again at %v", key, share)
			}
			if before = drawn; drawn {
				in[share]++
			}
		}
		if New(config()).Draws(key) && New(other).Draws(key) {
			both++
		}
	}
	for share, n := range map[unit.Ratio]int{0: 0, 10_000: 1_000, 50_000: 5_000, 500_000: 50_000, unit.One: keys} {
		if off := in[share] - n; off*off > 25*n && share < unit.One || share == unit.One && off != 0 {
			t.Errorf("at %v %d are in, want about %d", share, in[share], n)
		}
	}
	if both < 150 || both > 350 {
		t.Errorf("two canaries have %d in common, want about 250", both)
	}
	var first []uint64
	for key := range uint64(100) {
		if New(config()).Draws(key) {
			first = append(first, key)
		}
	}
	if got := fmt.Sprint(first); got != "[4 19 49 66 83 90]" { // else an update takes people out, and puts others in
		t.Errorf("drawn are %s", got)
	}
}

// Each line is a run of attempts, one a second: at the canary . ended well and x failed, at the others , and X; - is a second
// in which nothing ends. It is over with the last one, or never.
func TestRollback(t *testing.T) {
	for _, c := range []struct {
		name string
		min  int64
		runs string
		over bool
	}{
		{"one of twenty is five percent", 20, "...................x", true},
		{"nobody is judged by few", 20, "..................x", false},
		{"a success can make it enough of them", 4, "xxx.", true},
		{"one of twenty-one is less", 21, "x....................", false},
		{"the others fail as often", 4, ",X,X" + "xxxx", true},
		{"and as often as that", 4, "XXXX" + "xxxx", false},
		{"few of the others count as none failed", 4, "XXX" + "...x", true},
		{"what is old does not count", 4, "xxx" + strings.Repeat("-", 61) + ".", false},
		{"nor that of the others", 4, "XXXX" + strings.Repeat("-", 57) + "...x", true},
	} {
		cfg := config()
		cfg.Rollback.Min = c.min
		trial := New(cfg)
		var over []int
		now := tick.Instant(1_700_000_000_000_000_000)
		for i, r := range c.runs {
			if now = now.Add(time.Second); r != '-' && trial.Note(now, r == '.' || r == 'x', r == 'x' || r == 'X') {
				over = append(over, i)
			}
		}
		want := "[]"
		if c.over {
			want = fmt.Sprint([]int{len(c.runs) - 1})
		}
		if got := fmt.Sprint(over); got != want || trial.Over() != c.over {
			t.Errorf("%s: over at %s, want %s", c.name, got, want)
		}
	}
}

// It is over exactly when a recount of everything says so, once; then what was seen stands still.
func TestRollbackAgainstDumb(t *testing.T) {
	type end struct {
		at             tick.Instant
		canary, failed bool
	}
	for seed := range int64(200) {
		dice := rand.New(rand.NewSource(seed))
		cfg := config()
		cfg.Rollback = Rollback{Failures: unit.Ratio(20_000 + dice.Int63n(200_000)), Over: unit.Duration(10 * time.Second), Min: 1 + dice.Int63n(30)}
		trial, now := New(cfg), tick.Instant(1_700_000_000_000_000_000)
		var ends []end
		var stood View
		bad := 2 + dice.Intn(20) // of the canary, one of so many fails
		for n := range 600 {
			now = now.Add(time.Duration(dice.Intn(300)) * time.Millisecond)
			e := end{now, dice.Intn(3) == 0, dice.Intn(20) == 0}
			if e.canary {
				e.failed = dice.Intn(bad) == 0
			}
			was := trial.Over()
			over := trial.Note(now, e.canary, e.failed)
			if was {
				if v := trial.View(now); over || v != stood {
					t.Fatalf("seed %d: over again, or %+v became %+v", seed, stood, v)
				}
				continue
			}
			ends = append(ends, e)
			var v View
			for _, e := range ends {
				if e.at < (now/tick.Instant(time.Second)-9)*tick.Instant(time.Second) { // ten parts of a second
					continue
				}
				s := &v.Rest
				if e.canary {
					s = &v.At
				}
				if s.All++; e.failed {
					s.Failed++
				}
			}
			rest := 0.0
			if v.Rest.All >= cfg.Rollback.Min {
				rest = float64(v.Rest.Failed) / float64(v.Rest.All)
			}
			excess := float64(v.At.Failed)/float64(max(v.At.All, 1)) - rest - float64(cfg.Rollback.Failures)/1e6
			want := e.canary && v.At.All >= cfg.Rollback.Min && excess >= 0
			if near := excess < 2e-6 && excess > -2e-6; over != want && !near {
				t.Fatalf("seed %d, end %d: over %v, want %v: %+v", seed, n, over, want, v)
			}
			if v.Over = over; over {
				v.Since = now
			}
			if stood = trial.View(now); stood != v {
				t.Fatalf("seed %d: stands at %+v, want %+v", seed, stood, v)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Header = "X-Canary : yes: really" }, ""},
		{func(c *Config) { c.Share = unit.One + 1 }, "share: is more than all"},
		{func(c *Config) { c.Header = "x-canary" }, "header: write a name and a value"},
		{func(c *Config) { c.Header = ": 1" }, "header: write a name and a value"},
		{func(c *Config) { c.Header = "x canary: 1" }, "header: write a name and a value"},
		{func(c *Config) { c.Rollback.Failures = unit.One + 1 }, "rollback.failures: is more than all"},
		{func(c *Config) { c.Rollback.Over = 0 }, "rollback.over: must be longer"},
	} {
		cfg := config()
		c.change(cfg)
		var told []string
		fail := func(prefix string) func(path, format string, args ...any) {
			return func(path, format string, args ...any) {
				told = append(told, prefix+path+": "+fmt.Sprintf(format, args...))
			}
		}
		cfg.Validate(fail(""))
		cfg.Rollback.Validate(fail("rollback."))
		if got := strings.Join(told, "; "); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %s, want %s", *cfg, got, c.want)
		}
	}
}

func TestSame(t *testing.T) {
	for i, change := range []func(*Config){
		func(c *Config) {}, func(c *Config) { c.Backends = []string{"c"} }, func(c *Config) { c.Share++ }, func(c *Config) { c.By = "tenant" },
		func(c *Config) { c.Header = "x: 1" }, func(c *Config) { c.Rollback.Min++ },
	} {
		other := config()
		if change(other); config().Same(other) != (i == 0) {
			t.Errorf("change %d: the same %v", i, i > 0)
		}
	}
}

func TestNoteAllocatesNothing(t *testing.T) {
	trial, now := New(config()), tick.Instant(time.Hour)
	if n := testing.AllocsPerRun(1000, func() { now++; trial.Note(now, now%3 == 0, false); trial.Draws(uint64(now)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
