package render

import (
	"strings"
	"testing"
	"unicode"

	"foundrylab/internal/record"
	"foundrylab/reports/reporttest"
	"foundrylab/reports/section"
)

// hostile are names that break terminals, tables or layouts.
func hostile() []string {
	return []string{
		"a|b", "a\\|b", "`code`", "``", "*b* _i_ ~s~", "[x](http://evil.example)", "http://evil.example www.evil.example",
		"<details>", "&lt;", "# head", "line\nbreak\r\ttab", "\x1b[31mred\x1b[0m\x07", "\u202eright to left", "\xff\xfe", "é̀̂", "漢字漢字漢字漢字",
		strings.Repeat("long ", 60), strings.Repeat("x", 300), "", " ", "-", "$x$", "@team",
	}
}

// No line is wider than asked for, and nothing in a name steers the terminal.
func TestTextWidthAndControl(t *testing.T) {
	results := []*record.Result{reporttest.Result(1000), reporttest.Void(10000), {}}
	for _, s := range hostile() {
		results = append(results, reporttest.Hostile(10000, s))
	}
	big := reporttest.Result(10000)
	big.Tenants[0].Requests, big.Tenants[0].Throttled, big.Tenants[0].Failed, big.Tenants[0].Rescued = 1<<50, 1<<50, 1<<50, 1<<50
	results = append(results, big)
	for _, r := range results {
		for _, opt := range []TextOptions{{}, {Width: 60}, {Width: 200}, {Color: true}} {
			limit := opt.Width
			if limit == 0 {
				limit = 110
			}
			out := string(Text(r, opt))
			for _, ansi := range []string{"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"} {
				if opt.Color {
					out = strings.ReplaceAll(out, ansi, "")
				}
			}
			for _, line := range strings.Split(out, "\n") {
				if w := width(line); w > limit {
					t.Errorf("%.20q: %d cells where %d fit: %s", r.Scenario, w, limit, line)
				}
				for _, c := range line {
					if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
						t.Fatalf("%.20q: control character %q in %q", r.Scenario, c, line)
					}
				}
			}
		}
	}
}

// Colour changes colours only.
func TestTextColour(t *testing.T) {
	r := reporttest.Result(1000)
	plain, coloured := string(Text(r, TextOptions{})), string(Text(r, TextOptions{Color: true}))
	if !strings.Contains(coloured, "\x1b[31m✗ FAIL") || !strings.Contains(coloured, "\x1b[32m✓ pass") {
		t.Error("the verdict and the assertions have no colour")
	}
	for _, ansi := range []string{"\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m"} {
		coloured = strings.ReplaceAll(coloured, ansi, "")
	}
	if strip(coloured) != strip(plain) {
		t.Error("without its colours the text differs")
	}
}

// strip drops the blanks at line ends, which colours hide from trimming.
func strip(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// Every row of a Markdown table has as many cells as its head, whatever the
// names are, and no name becomes a link, an element or a heading.
func TestMarkdownHostile(t *testing.T) {
	for _, s := range hostile() {
		out := string(Markdown(reporttest.Hostile(10000, s)))
		cells := 0
		fenced := false
		for _, line := range strings.Split(out, "\n") {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			switch {
			case !strings.HasPrefix(line, "|"):
				cells = 0
			case cells == 0:
				cells = countCells(line)
			case countCells(line) != cells:
				t.Errorf("%.20q: %d cells, want %d: %s", s, countCells(line), cells, line)
			}
			if i := strings.IndexByte(line, '<'); i >= 0 && (i == 0 || line[i-1] != '\\') && !strings.Contains(line, "details>") && !strings.Contains(line, "`") {
				t.Errorf("%.20q: bare < in %s", s, line)
			}
			if strings.Contains(strings.ReplaceAll(line, `\://`, ""), "://") && !strings.Contains(line, "`") && !strings.HasPrefix(line, "<details>") {
				t.Errorf("%.20q: a link in %s", s, line)
			}
		}
		if strings.ContainsAny(out, "\x1b\x07\r") {
			t.Errorf("%.20q: control characters", s)
		}
	}
}

// countCells counts the bars that end a cell.
func countCells(line string) int {
	n := 0
	for i := range len(line) {
		back := 0
		for j := i - 1; j >= 0 && line[j] == '\\'; j-- {
			back++
		}
		if line[i] == '|' && back%2 == 0 {
			n++
		}
	}
	return n
}

func TestMarkdownIsBounded(t *testing.T) {
	r := reporttest.Result(10000)
	for len(r.Tenants) < 5000 {
		r.Tenants = append(r.Tenants, r.Tenants[0])
		r.Timeline.Tenants = append(r.Timeline.Tenants, r.Timeline.Tenants[0])
		r.Assertions = append(r.Assertions, r.Assertions[0])
	}
	r.Assertions[4321].Pass, r.Assertions[4321].Expr = false, "the one that failed"
	r.Canonical = strings.Repeat("a: b\n", 1<<20)
	out := Markdown(r)
	if len(out) > 1<<20 {
		t.Errorf("%d bytes do not fit a step summary of 1 MiB", len(out))
	}
	if !strings.Contains(string(out), "more in the JSON report") || !strings.Contains(string(out), "cut here") {
		t.Error("what was left out is not said")
	}
	if !strings.Contains(string(out), "the one that failed") {
		t.Error("a failed assertion was left out")
	}
}

func TestEscapes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{clean("a\tb\nc"), "a b c"},
		{clean("\x1b[0m\u202e\xff"), "\uFFFD[0m\uFFFD\uFFFD"},
		{mdText("a|b*c_<d>`"), "a\\|b\\*c\\_\\<d\\>\\`"},
		{mdText("http://x www.x"), `http\://x www\.x`},
		{mdText(`\|`), `\\\|`},
		{mdCode("a|b"), "`a\\|b`"},
		{mdCode("a`b"), "``a`b``"},
		{mdCode("`"), "`` ` ``"},
		{mdCode(" "), ""},
		{mdCode(`a\|b`), `a\\\|b`},
		{mdFence("x: ```\n", "yaml"), "````yaml\nx: ```\n````\n"},
		{mdSummary("<b>&\n"), "&lt;b&gt;&amp; "},
		{cut("abcdef", 4), "abc…"},
		{cut("漢字漢", 4), "漢…"},
		{cut("abcd", 4), "abcd"},
		{pad("é", 3, true), "  é"},
		{strings.Join(wrap("one two three", 7), "/"), "one two/three"},
		{strings.Join(wrap("abcdefgh", 3), "/"), "abc/def/gh"},
		{strings.Join(wrap("", 3), "/"), ""},
		{strings.Join(wrap("漢字漢", 3), "/"), "漢/字/漢"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Pieces fit, and together they are the text without some of its blanks.
func FuzzWrap(f *testing.F) {
	f.Add("one two three", 7)
	f.Add("漢字 x", 2)
	f.Add("  lead", 3)
	f.Fuzz(func(t *testing.T, s string, w int) {
		if w < 2 || w > 200 || len(s) > 1000 {
			return
		}
		s = clean(s)
		parts := wrap(s, w)
		for _, p := range parts {
			if width(p) > w {
				t.Errorf("%q is wider than %d", p, w)
			}
		}
		if got := strings.ReplaceAll(strings.Join(parts, ""), " ", ""); got != strings.ReplaceAll(s, " ", "") {
			t.Errorf("%q became %q", s, parts)
		}
	})
}

func TestSparkline(t *testing.T) {
	const none = record.Null
	for _, c := range []struct {
		values   []int64
		greatest int64
		n        int
		mean     bool
		want     string
	}{
		{[]int64{0, 1, 2, 3, 4, 5, 6, 7, 8}, 8, 9, true, "·▁▂▃▄▅▆▇█"},
		{[]int64{none, 8, none}, 8, 9, true, " █ "},
		{[]int64{0, 8, none, none, none, 4}, 8, 3, true, "▄ ▄"},
		{[]int64{0, 8, none, none, none, 4}, 8, 3, false, "█ ▄"},
		{[]int64{0, 0, 0, 1}, 1000, 1, true, "▁"},
		{[]int64{1 << 50}, 1 << 50, 1, true, "█"},
		{nil, 1, 5, true, ""},
	} {
		d := section.Data{Values: c.values}
		if got := sparkline(&d, c.greatest, c.n, c.mean); got != c.want {
			t.Errorf("%v in %d: %q, want %q", c.values, c.n, got, c.want)
		}
	}
}

func TestBandline(t *testing.T) {
	c := section.Chart{StepMs: 1000, Data: []section.Data{{Values: make([]int64, 10)}}}
	for _, v := range []struct {
		from, to int64
		n        int
		want     string
	}{
		{2000, 4000, 10, "  ▲▲      "},
		{2500, 2600, 10, "  ▲       "},
		{2000, 4000, 5, " ▲   "},
		{9000, 99000, 5, "    ▲"},
	} {
		if got := bandline(&c, section.Band{FromMs: v.from, ToMs: v.to}, v.n); got != v.want {
			t.Errorf("%d to %d in %d: %q, want %q", v.from, v.to, v.n, got, v.want)
		}
	}
}

func TestAppendDecimal(t *testing.T) {
	for _, c := range []struct {
		v        int64
		decimals int
		want     string
	}{{0, 3, "0"}, {1, 3, "0.001"}, {1500, 3, "1.5"}, {-1, 3, "null"}, {7, 0, "7"}, {1_000_000, 6, "1"}, {1_000_010, 6, "1.00001"}} {
		if got := string(appendDecimal(nil, c.v, c.decimals)); got != c.want {
			t.Errorf("%d / 1e%d: %s, want %s", c.v, c.decimals, got, c.want)
		}
	}
}
