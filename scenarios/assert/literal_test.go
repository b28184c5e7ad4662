package assert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct{ src, text string }{
		// durations
		{`5s`, `5000 `},
		{`250ms`, `250 `},
		{`1.5s`, `1500 `},
		{`0.001ms`, `0.001 `},
		{`2m`, `120000 `},
		{`1h`, `3600000 `},
		{`277777h`, `999997200000 `},
		{`0.5h`, `1800000 `},
		{`1m30s`, `90000 `},
		{`1h0.5ms`, `3600000.5 `},
		{`.5s`, `500 `},
		{`1_000ms`, `1000 `},
		{`0s`, `0 `},
		{`x<5s`, `x<5000 `},
		{`[5s,1s]`, `[5000 ,1000 ]`},
		// percentages
		{`99%`, `0.99 `},
		{`99.5 %`, `0.995 `},
		{`99.9999%`, `0.999999 `},
		{`150%`, `1.5 `},
		{`0%`, `0 `},
		{`99%and x`, `0.99 and x`},
		{`99% and x`, `0.99  and x`},
		{`99% not in y`, `0.99  not in y`},
		{`(99%)`, `(0.99 )`},
		{`100% - 5%`, `1  - 0.05 `},
		{`99%, 1`, `0.99 , 1`},
		{`99% != x`, `0.99  != x`},
		{`99% || x`, `0.99  || x`},
		{`x > 99%}`, `x > 0.99 }`},
		// remainders
		{`a % b`, `a % b`},
		{`a % 5`, `a % 5`},
		{`10 % 3`, `10 % 3`},
		{`10%3`, `10%3`},
		{`10 % x`, `10 % x`},
		{`10 % andy`, `10 % andy`},
		{`10 % (3)`, `10 % (3)`},
		{`10 % .weight`, `10 % .weight`},
		{`10 % #`, `10 % #`},
		{`p95 % 7`, `p95 % 7`},
		{`p95 %`, `p95 %`},
		{`a % 50%`, `a % 0.5 `},
		// what only looks like a literal
		{`x5s`, `x5s`},
		{`"5s 99%"`, `"5s 99%"`},
		{`'5s \' 5s'`, `'5s \' 5s'`},
		{"`5s \\` + 5s", "`5s \\` + 5000 "},
		{"`5s``5s` + 5s", "`5s``5s` + 5000 "},
		{`"5s`, `"5s`},
		{`"5s\`, `"5s\`},
		{"1 // 5s\n+ 5s", "1 // 5s\n+ 5000 "},
		{`1 /* 5s */ + 5s /* 5s`, `1 /* 5s */ + 5000  /* 5s`},
		{`0x5s`, `0x5s`},
		{`0b1`, `0b1`},
		{`1e3`, `1e3`},
		{`1e-3`, `1e-3`},
		{`1e-3s`, `1e-3s`},
		{`1..5`, `1..5`},
		{`1.5.5`, `1.5.5`},
		{`p95.5s`, `p95500 `},
	} {
		s, err := rewrite(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if s.text != c.text {
			t.Errorf("%s: %q, want %q", c.src, s.text, c.text)
		}
	}
}

// TestOffsets: every rune of the rewritten text that is not of a literal maps
// to the same rune of the original.
func TestOffsets(t *testing.T) {
	src := `é<5s and "ü">99.5 % or 1h30m==x%2 and 1ms`
	s, err := rewrite(src)
	if err != nil {
		t.Fatal(err)
	}
	original, text := []rune(src), []rune(s.text)
	inLiteral := func(at int) bool {
		for _, l := range s.literals {
			if l.from <= at && at < l.to {
				return true
			}
		}
		return false
	}
	for at := range text {
		o := s.offset(at)
		if inLiteral(at) {
			if c := original[o]; c != '5' && c != '9' && c != '1' {
				t.Errorf("offset %d lies in a literal, but maps to %d, %q", at, o, c)
			}
		} else if original[o] != text[at] {
			t.Errorf("offset %d is %q, but maps to %d, %q", at, text[at], o, original[o])
		}
	}
	if got := s.offset(len(text)); got != len(original) {
		t.Errorf("the end maps to %d, want %d", got, len(original))
	}
	if len(s.literals) != 4 {
		t.Errorf("literals %v", s.literals)
	}
}

// TestDurationsAgreeWithGo compares with the reader of durations in Go, which
// knows the same units.
func TestDurationsAgreeWithGo(t *testing.T) {
	n := int64(1)
	for i := range 2000 {
		n = n*6364136223846793005 + 1442695040888963407
		us := n >> 20 & (1<<38 - 1) // up to 76 h
		d := time.Duration(us) * time.Microsecond
		spellings := []string{
			fmt.Sprintf("%d.%03dms", us/1000, us%1000),
			fmt.Sprintf("%d.%06ds", us/1e6, us%1e6),
			fmt.Sprintf("%dh%dm%d.%06ds", us/3.6e9, us/6e7%60, us/1e6%60, us%1e6),
		}
		src := spellings[i%len(spellings)]
		want, err := time.ParseDuration(src)
		if err != nil || want != d {
			t.Fatalf("%s: the test is wrong: %v %v", src, want, err)
		}
		got, end, err := readDuration([]rune(src), 0)
		if err != nil || end != len(src) || time.Duration(got)*time.Microsecond != want {
			t.Fatalf("%s: %d µs up to %d, %v, want %v", src, got, end, err, want)
		}
	}
}

// TestNumbersEqualTheirLiterals: what the record holds equals the literal that
// spells it, for every ppm and many durations.
func TestNumbersEqualTheirLiterals(t *testing.T) {
	res := healthy()
	for ppm := int64(0); ppm <= 1_000_000; ppm += 7_919 {
		res.Totals.GoodputRatio = record.Ratio(1_000_000 - ppm)
		res.Generator.LagP99 = record.Millis(ppm * 1_237)
		percent := fmt.Sprintf("%d.%04d%%", (1_000_000-ppm)/10_000, (1_000_000-ppm)%10_000)
		lag := fmt.Sprintf("%d.%03dms", ppm*1_237/1000, ppm*1_237%1000)
		src := fmt.Sprintf("goodput == %s and goodput == %s and generator.lag_p99 == %s", percent, res.Totals.GoodputRatio, lag)
		if a := mustCompile(t, src).Judge(res); !a.Pass {
			t.Fatalf("%s: %s", src, a.Value)
		}
		value := strings.TrimSuffix(strings.TrimRight(strings.TrimSuffix(percent, "%"), "0"), ".") + " %"
		if a := mustCompile(t, "goodput > 0.5").Judge(res); a.Value != value {
			t.Fatalf("%s is shown as %s", value, a.Value)
		}
	}
}
