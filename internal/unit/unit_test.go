package unit

import (
	"encoding"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// kind is one unit type seen through its methods, with its value as a number
// so that every test below runs over all types.
type kind struct {
	name  string
	parse func(text string) (any, error)
	// exact is the value of a text by rational arithmetic: the dumb second
	// version. It is called with texts that match the pattern only.
	exact func(text string) *big.Rat
	value func(any) *big.Rat
}

type textUnit interface {
	encoding.TextMarshaler
	fmt.Stringer
	Pattern() string
	Example() string
}

func parseAs[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](text string) (any, error) {
	var v T
	err := P(&v).UnmarshalText([]byte(text))
	return v, err
}

var kinds = []kind{
	{"Duration", parseAs[Duration], exactDuration, func(v any) *big.Rat { return new(big.Rat).SetInt64(int64(v.(Duration))) }},
	{"Count", parseAs[Count], exactCount, func(v any) *big.Rat { return new(big.Rat).SetInt64(int64(v.(Count))) }},
	{"Rate", parseAs[Rate], exactRate, func(v any) *big.Rat { return big.NewRat(v.(Rate).Num, v.(Rate).Per) }},
	{"Ratio", parseAs[Ratio], exactRatio, func(v any) *big.Rat { return big.NewRat(int64(v.(Ratio)), 1_000_000) }},
	{"Money", parseAs[Money], rat, func(v any) *big.Rat { return big.NewRat(int64(v.(Money)), 1_000_000) }},
}

func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic("not a number: " + text)
	}
	return r
}

func exactDuration(text string) *big.Rat {
	sum := new(big.Rat)
	for _, m := range regexp.MustCompile(`([0-9.]+)([a-z]+)`).FindAllStringSubmatch(text, -1) {
		scale := map[string]string{"h": "3600e9", "m": "60e9", "s": "1e9", "ms": "1e6", "us": "1e3", "ns": "1"}[m[2]]
		sum.Add(sum, new(big.Rat).Mul(rat(m[1]), rat(scale)))
	}
	return sum
}

func exactCount(text string) *big.Rat {
	digits := strings.TrimRight(text, "kMB")
	scale := map[string]string{"": "1", "k": "1e3", "M": "1e6", "B": "1e9"}[text[len(digits):]]
	return new(big.Rat).Mul(rat(digits), rat(scale))
}

// exactRate is in micro-events per nanosecond, as Num and Per are.
func exactRate(text string) *big.Rat {
	digits, period, _ := strings.Cut(text, "/")
	per := map[string]string{"s": "1e9", "m": "60e9", "h": "3600e9"}[period]
	return new(big.Rat).Quo(new(big.Rat).Mul(rat(digits), rat("1e6")), rat(per))
}

func exactRatio(text string) *big.Rat {
	digits, percent := strings.CutSuffix(text, "%")
	if percent {
		return new(big.Rat).Quo(rat(digits), rat("100"))
	}
	return rat(digits)
}

func TestAcceptedTexts(t *testing.T) {
	tests := []struct {
		text, canonical string
		want            any
	}{
		{"90s", "1m30s", Duration(90e9)},
		{"6m30s", "6m30s", Duration(390e9)},
		{"100us", "100us", Duration(100e3)},
		{"1h", "1h", Duration(3600e9)},
		{"1.5h", "1h30m", Duration(5400e9)},
		{"0s", "0s", Duration(0)},
		{"0.5ms", "500us", Duration(500e3)},
		{"1.5s", "1.5s", Duration(1500e6)},
		{"1h500ms", "1h500ms", Duration(3600e9 + 500e6)},
		{"1s1h1s", "1h2s", Duration(3602e9)},
		{"1ns", "1ns", Duration(1)},
		{"9223372036854775807ns", "2562047h47m16.854775807s", Duration(math.MaxInt64)},
		{"4000", "4k", Count(4000)},
		{"300k", "300k", Count(300_000)},
		{"1.5M", "1.5M", Count(1_500_000)},
		{"2B", "2B", Count(2_000_000_000)},
		{"1530k", "1.53M", Count(1_530_000)},
		{"1500", "1500", Count(1500)},
		{"1.0k", "1k", Count(1000)},
		{"0", "0", Count(0)},
		{"0k", "0", Count(0)},
		{"0.001k", "1", Count(1)},
		{"9223372036854775807", "9223372036854775807", Count(math.MaxInt64)},
		{"6/s", "6/s", Rate{6_000_000, 1e9}},
		{"2.5/s", "2.5/s", Rate{2_500_000, 1e9}},
		{"2.50/s", "2.5/s", Rate{2_500_000, 1e9}},
		{"120/m", "120/m", Rate{120_000_000, 60e9}},
		{"10/h", "10/h", Rate{10_000_000, 3600e9}},
		{"0.000001/h", "0.000001/h", Rate{1, 3600e9}},
		{"1000000000/s", "1000000000/s", Rate{1e15, 1e9}},
		{"99%", "99%", Ratio(990_000)},
		{"99.5%", "99.5%", Ratio(995_000)},
		{"0.99", "99%", Ratio(990_000)},
		{"1.3", "1.3", Ratio(1_300_000)},
		{"130%", "1.3", Ratio(1_300_000)},
		{"0.000001", "0.0001%", Ratio(1)},
		{"100%", "1", One},
		{"0%", "0", Ratio(0)},
		{"9223372036854.775807", "9223372036854.775807", Ratio(math.MaxInt64)},
		{"2.50", "2.5", Money(2_500_000)},
		{"0.000001", "0.000001", Money(1)},
		{"0", "0", Money(0)},
		{"25", "25", Money(25_000_000)},
		{"9223372036854.775807", "9223372036854.775807", Money(math.MaxInt64)},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%T/%s", test.want, test.text), func(t *testing.T) {
			got, err := kindOf(t, test.want).parse(test.text)
			if err != nil || got != test.want {
				t.Fatalf("got %v, %v, want %v", got, err, test.want)
			}
			if text := got.(textUnit).String(); text != test.canonical {
				t.Errorf("String() = %s, want %s", text, test.canonical)
			}
		})
	}
}

func TestRefusedTexts(t *testing.T) {
	tests := []struct {
		text    string
		into    any
		message string
	}{
		{"90", Duration(0), `"90" has no unit: add one, such as 90s or 90ms`},
		{"0", Duration(0), `"0" has no unit: add one, such as 0s or 0ms`},
		{"1m30", Duration(0), `"1m30" has no unit: add one, such as 30s or 30ms`},
		{"-5s", Duration(0), `"-5s" is negative`},
		{"-5", Money(0), `"-5" is negative`},
		{"$5", Money(0), `"$5" is not a plain number: write digits, and at most one point between digits`},
		{"0.0000001", Money(0), `"0.0000001" is finer than a millionth: use at most 6 decimals`},
		{"9223372036855", Money(0), `"9223372036855" is too large: the largest amount is 9223372036854.775807`},
		{"", Duration(0), `"" does not start with a number`},
		{"s", Duration(0), `"s" does not start with a number`},
		{"5 s", Duration(0), `"5 s" is not a plain number: write it without spaces or separators`},
		{"1_000s", Duration(0), `"1_000s" is not a plain number: write it without spaces or separators`},
		{"1d", Duration(0), `"1d" has the unknown unit "d": use h, m, s, ms, us or ns`},
		{"5µs", Duration(0), `"5µs" has the unknown unit "µs": use h, m, s, ms, us or ns`},
		{".5s", Duration(0), `".5s" is not a plain number: write digits, and at most one point between digits`},
		{"0.5ns", Duration(0), `"0.5ns" is finer than a nanosecond: use fewer decimals`},
		{"2562048h", Duration(0), `"2562048h" is too long: the longest duration is 2562047h47m16.854775807s`},
		{"2562047h2562047h", Duration(0), `"2562047h2562047h" is too long: the longest duration is 2562047h47m16.854775807s`},
		{"1.5", Count(0), `"1.5" is not a whole number: decimals need k, M or B`},
		{"1.2345k", Count(0), `"1.2345k" does not come out whole: use fewer decimals`},
		{"-4", Count(0), `"-4" is negative`},
		{"+4", Count(0), `"+4" is not a plain number: write it without a sign`},
		{"1e3", Count(0), `"1e3" is not a plain number: write it without an exponent`},
		{"1,000", Count(0), `"1,000" is not a plain number: write it without spaces or separators`},
		{"007", Count(0), `"007" starts with a needless 0: remove it`},
		{"300K", Count(0), `"300K" has an unknown suffix: use k (thousand), M (million) or B (billion)`},
		{"k", Count(0), `"k" does not start with a number`},
		{"many", Count(0), `"many" is not a plain number: write digits, and at most one point between digits`},
		{"9223372036854775808", Count(0), `"9223372036854775808" is too large: the largest count is 9223372036854775807`},
		{"99999999999B", Count(0), `"99999999999B" is too large: the largest count is 9223372036854775807`},
		{strings.Repeat("9", 50), Count(0), `"9999999999999999999999999999999999999999"... has more than 19 digits`},
		{"0/s", Rate{}, `"0/s" is zero: a rate must be above 0`},
		{"-6/s", Rate{}, `"-6/s" is negative: a rate must be above 0`},
		{"6", Rate{}, `"6" has no period: write 6/s, 6/m or 6/h`},
		{"6/d", Rate{}, `"6/d" has the unknown period "d": use s, m or h`},
		{"6/10s", Rate{}, `"6/10s" has the unknown period "10s": use s, m or h`},
		{"1.0000001/s", Rate{}, `"1.0000001/s" has more than 6 decimals`},
		{"1e3/s", Rate{}, `"1e3/s" is not a plain number: write it without an exponent`},
		{"/s", Rate{}, `"/s" does not start with a number`},
		{"1000000000.1/s", Rate{}, `"1000000000.1/s" is too fast: the highest rate is 1000000000/s`},
		{"9999999999999/h", Rate{}, `"9999999999999/h" is too fast: the highest rate is 1000000000/s`},
		{"-1%", Ratio(0), `"-1%" is negative`},
		{"1e-3", Ratio(0), `"1e-3" is not a plain number: write it without an exponent`},
		{"0.0000001", Ratio(0), `"0.0000001" is finer than a millionth: use at most 6 decimals, or 4 before a %`},
		{"0.00001%", Ratio(0), `"0.00001%" is finer than a millionth: use at most 6 decimals, or 4 before a %`},
		{"9223372036854.775808", Ratio(0), `"9223372036854.775808" is too large: the largest ratio is 9223372036854.775807`},
		{"99 %", Ratio(0), `"99 %" is not a plain number: write it without spaces or separators`},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%T/%s", test.into, test.text), func(t *testing.T) {
			got, err := kindOf(t, test.into).parse(test.text)
			if err == nil || err.Error() != test.message {
				t.Errorf("got %v, %v\nwant error %s", got, err, test.message)
			}
		})
	}
}

func kindOf(t *testing.T, v any) kind {
	t.Helper()
	for _, k := range kinds {
		if "unit."+k.name == fmt.Sprintf("%T", v) {
			return k
		}
	}
	t.Fatalf("no kind for %T", v)
	return kind{}
}

func TestRefusedTextLeavesReceiverAlone(t *testing.T) {
	d, c, r, q := Duration(1), Count(2), Rate{3, 1e9}, Ratio(4)
	for _, u := range []encoding.TextUnmarshaler{&d, &c, &r, &q} {
		if err := u.UnmarshalText([]byte("5x/")); err == nil {
			t.Errorf("%T accepted 5x/", u)
		}
	}
	if d != 1 || c != 2 || r != (Rate{3, 1e9}) || q != 4 {
		t.Errorf("changed to %v %v %v %v", d, c, r, q)
	}
}

func TestExamplesAreAccepted(t *testing.T) {
	for _, u := range []textUnit{Duration(0), Count(0), Rate{}, Ratio(0)} {
		if _, err := kindOf(t, u).parse(u.Example()); err != nil {
			t.Errorf("%T: %v", u, err)
		}
	}
}

func TestValuesWithoutText(t *testing.T) {
	tests := []struct {
		value textUnit
		show  string
	}{
		{Duration(-90e9), "-1m30s"},
		{Duration(math.MinInt64), "-2562047h47m16.854775808s"},
		{Count(-4000), "-4k"},
		{Count(math.MinInt64), "-9223372036854775808"},
		{Ratio(-500_000), "-50%"},
		{Rate{}, "0/0s"},
		{Rate{5_000_000, 10e9}, "5/10s"},
		{Rate{-5_000_000, 1e9}, "-5/s"},
		{Rate{1e15 + 1, 1e9}, "1000000000.000001/s"},
	}
	for _, test := range tests {
		if text, err := test.value.MarshalText(); err == nil {
			t.Errorf("%T %s marshalled to %s", test.value, test.value, text)
		}
		if test.value.String() != test.show {
			t.Errorf("String() = %s, want %s", test.value, test.show)
		}
	}
}

// check holds a text against the exact value, the pattern and the canonical form.
func check(t *testing.T, k kind, text string) {
	t.Helper()
	v, err := k.parse(text)
	u := v.(textUnit)
	matches := regexp.MustCompile(u.Pattern()).MatchString(text)
	if err != nil {
		if matches && !regexp.MustCompile(`too (long|large|fast)|finer|more than|zero|come out`).MatchString(err.Error()) {
			t.Errorf("%s: pattern takes %q, parser says %v", k.name, text, err)
		}
		return
	}
	if !matches {
		t.Fatalf("%s: parser takes %q, pattern does not", k.name, text)
	}
	if k.value(v).Cmp(k.exact(text)) != 0 {
		t.Errorf("%s: %q read as %v", k.name, text, v)
	}
	canonical, err := u.MarshalText()
	if err != nil {
		t.Fatalf("%s: %q: %v", k.name, text, err)
	}
	if k.name != "Duration" && len(canonical) > len(text) {
		t.Errorf("%s: canonical %s is longer than %s", k.name, canonical, text)
	}
	if again, err := k.parse(string(canonical)); err != nil || again != v {
		t.Errorf("%s: %q -> %s -> %v, %v", k.name, text, canonical, again, err)
	}
}

func TestRandomTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	suffixes := map[string][]string{
		"Duration": {"h", "m", "s", "ms", "us", "ns"},
		"Count":    {"", "k", "M", "B"},
		"Rate":     {"/s", "/m", "/h"},
		"Ratio":    {"", "%"},
		"Money":    {""},
	}
	for _, k := range kinds {
		for range 20_000 {
			text := ""
			for range 1 + r.IntN(2) {
				text += fmt.Sprint(r.Int64N(1 << (1 + r.IntN(62))))
				if r.IntN(2) == 0 {
					text += fmt.Sprintf(".%0*d", 1+r.IntN(7), r.IntN(1000))
				}
				text += suffixes[k.name][r.IntN(len(suffixes[k.name]))]
				if k.name != "Duration" {
					break
				}
			}
			check(t, k, text)
		}
	}
}

// TestRandomValues is the round trip from values: whatever can be written reads
// back as the same value.
func TestRandomValues(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		n := r.Int64N(math.MaxInt64 >> r.IntN(62))
		per := []int64{1e9, 60e9, 3600e9}[r.IntN(3)]
		for _, u := range []textUnit{Duration(n), Count(n), Ratio(n), Rate{1 + n%maxNum(per), per}} {
			text, err := u.MarshalText()
			if err != nil {
				t.Fatalf("%T %v: %v", u, u, err)
			}
			if again, err := kindOf(t, u).parse(string(text)); err != nil || again != u {
				t.Fatalf("%T %s read back as %v, %v", u, text, again, err)
			}
		}
	}
}

func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"90s", "6m30.5s", "300k", "1.5M", "2.5/s", "99.5%", "1.3", "0", "-1", "1e3", "5µs", "9223372036854775808ns"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range kinds {
			check(t, k, text)
		}
	})
}
