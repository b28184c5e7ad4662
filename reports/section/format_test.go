package section

import (
	"math"
	"math/rand"
	"slices"
	"testing"

	"foundrylab/internal/record"
)

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"},
		{Count(999), "999"},
		{Count(1_000), "1,000"},
		{Count(-1), "–"},
		{Count(math.MaxInt64), "9,223,372,036,854,775,807"},
		{Human(0, 3), "0"},
		{Human(1, 3), "0.00"},
		{Human(5, 3), "0.01"},
		{Human(9_994, 3), "9.99"},
		{Human(9_995, 3), "10.00"},
		{Human(10_000, 3), "10.0"},
		{Human(99_949, 3), "99.9"},
		{Human(100_000, 3), "100"},
		{Human(100_499, 3), "100"},
		{Human(100_500, 3), "101"},
		{Human(1_234_567, 3), "1,235"},
		{Human(7, 0), "7"},
		{Human(record.Null, 3), "–"},
		{Human(math.MaxInt64, 6), "9,223,372,036,855"},
		{Ms(12_345), "12.3"},
		{Span(record.Null), "–"},
		{Span(0), "0 ms"},
		{Span(250), "0.25 ms"},
		{Span(999_999), "1,000 ms"},
		{Span(1_204_300), "1.2 s"},
		{Span(10_000_000), "10 s"},
		{Span(59_900_000), "59.9 s"},
		{Span(60_000_000), "1 min"},
		{Span(90_000_000), "1 min 30 s"},
		{Span(3_600_000_000), "1 h"},
		{Span(5_400_000_000), "1 h 30 min"},
		{Percent(1_000_000), "100 %"},
		{Percent(999_999), "99.99 %"},
		{Percent(0), "0 %"},
		{Percent(1_234_500), "123.45 %"},
		{Percent(record.Null), "–"},
		{Index(1_000_000), "1.000"},
		{Index(999_999), "0.999"},
		{Index(record.Null), "–"},
		{Times(1_066_258), "1.07×"},
		{Times(record.Null), "–"},
		{Clock(0), "0:00"},
		{Clock(65_000), "1:05"},
		{Clock(615_999), "10:15"},
		{Clock(3_723_000), "1:02:03"},
		{Clock(record.Null), "–"},
		{Plural(1, "send"), "1 send"},
		{Plural(0, "send"), "0 sends"},
		{trim("10"), "10"},
		{trim("1.50"), "1.5"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		want        record.Ratio
	}{
		{1, 3, 333_333}, {3, 3, 1_000_000}, {0, 3, 0}, {1, 0, record.Null}, {-1, 3, record.Null}, {1 << 50, 1 << 51, 500_000},
	} {
		if got := Share(c.part, c.whole); got != c.want {
			t.Errorf("Share(%d, %d) = %d, want %d", c.part, c.whole, got, c.want)
		}
	}
}

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		decimals int
		v        int64
		want     string
	}{
		{indexDecimals, 999_999, "0.999"}, {percentDecimals, 999_999, "99.99"}, {percentDecimals, 0, "0"}, {3, 1_500, "1.50"}, {0, 12, "12"}, {0, record.Null, "–"},
	} {
		d := Data{Decimals: c.decimals}
		if got := d.Figure(c.v); got != c.want {
			t.Errorf("%d / 1e%d: %q, want %q", c.v, c.decimals, got, c.want)
		}
	}
}

// Stats agrees with sorting by hand.
func TestStats(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 2000 {
		values := make([]int64, rnd.Intn(8))
		var some []int64
		for i := range values {
			values[i] = int64(rnd.Intn(6)) - 1
			if values[i] >= 0 {
				some = append(some, values[i])
			}
		}
		least, median, greatest, at, ok := Stats(&Data{Values: values}, 1000)
		if ok != (len(some) > 0) {
			t.Fatalf("%v: ok is %v", values, ok)
		}
		if !ok {
			continue
		}
		slices.Sort(some)
		if least != some[0] || greatest != some[len(some)-1] || median != some[(len(some)-1)/2] {
			t.Fatalf("%v: %d, %d, %d", values, least, median, greatest)
		}
		if at != int64(slices.Index(values, greatest))*1000 {
			t.Fatalf("%v: greatest at %d ms", values, at)
		}
	}
}

// Windows longer than a second become rates per second; what is missing stays
// missing; sums do not wrap.
func TestColumns(t *testing.T) {
	tl := &record.Timeline{WindowMs: 4000, Windows: 3}
	d := count("x", "requests/s", []int64{8, 5}, tl)
	if want := []int64{2000, 1250, record.Null}; !slices.Equal(d.Values, want) || d.Decimals != 3 {
		t.Errorf("rates %v / 1e%d, want %v / 1e3", d.Values, d.Decimals, want)
	}
	tl.WindowMs = 1000
	if d := count("x", "requests/s", []int64{8, 5, 1}, tl); d.Decimals != 0 || d.Values[0] != 8 {
		t.Errorf("one second windows: %v / 1e%d", d.Values, d.Decimals)
	}
	tenants := []record.TenantTimeline{{Offered: []int64{math.MaxInt64, 1}}, {Offered: []int64{5, 2, 3}}}
	got := sum(tenants, 3, func(t *record.TenantTimeline) []int64 { return t.Offered })
	if want := []int64{math.MaxInt64, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("sum %v, want %v", got, want)
	}
	if got := fixed([]record.Ratio{7, -5}, 3); !slices.Equal(got, []int64{7, record.Null, record.Null}) {
		t.Errorf("fixed %v", got)
	}
}
