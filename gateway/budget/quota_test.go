package budget

import (
	"fmt"
	"math"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

func moment(t *testing.T, text string) tick.Instant {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return tick.Instant(at.UnixNano())
}

func TestPeriod(t *testing.T) {
	for _, c := range []struct{ now, period, want string }{
		{"2026-11-26T18:59:59Z", "hour", "2026-11-26T19:00:00Z"},
		{"2026-11-26T19:00:00Z", "hour", "2026-11-26T20:00:00Z"},
		{"2026-11-26T19:00:00Z", "day", "2026-11-27T00:00:00Z"},
		{"2028-02-28T23:00:00Z", "day", "2028-02-29T00:00:00Z"},
		{"2028-02-29T00:00:00Z", "month", "2028-03-01T00:00:00Z"},
		{"2026-12-31T23:59:59Z", "month", "2027-01-01T00:00:00Z"},
	} {
		begin, end := period(moment(t, c.now), c.period)
		if end != moment(t, c.want) {
			t.Errorf("%s of %s ends at %v, want %s", c.period, c.now, time.Unix(0, int64(end)).UTC(), c.want)
		}
		if _, before := period(begin-1, c.period); before != begin {
			t.Errorf("%s of %s begins %v after the one before ends", c.period, c.now, begin.Sub(before))
		}
	}
}

func TestQuota(t *testing.T) {
	var a Allowance
	limits := Limits{Quota: []Quota{{Tokens: 1_000, Period: "hour"}, {Tokens: 1_500, Period: "day"}}}
	a.Reconfigure(0, limits)
	expect := func(at string, cost int64, why record.Reason, wait time.Duration) {
		t.Helper()
		if w, d := a.Admit(moment(t, at), Spend{Tokens: cost}); w != why || d != wait {
			t.Errorf("%s: %d tokens: %v after %v, want %v after %v", at, cost, w, d, why, wait)
		}
	}
	expect("2026-11-26T10:30:00Z", 800, record.NoReason, 0)
	expect("2026-11-26T10:40:00Z", 300, record.TenantQuota, 20*time.Minute)
	a.End(moment(t, "2026-11-26T10:40:00Z"), Spend{Tokens: -500}, moment(t, "2026-11-26T10:30:00Z")) // it used 300
	expect("2026-11-26T10:40:00Z", 700, record.NoReason, 0)
	expect("2026-11-26T11:00:00Z", 600, record.TenantQuota, 13*time.Hour) // the day's: 1,000 are gone
	expect("2026-11-26T11:00:00Z", 500, record.NoReason, 0)
	expect("2026-11-27T00:00:00Z", 1_001, record.TenantQuota, math.MaxInt64) // more than an hour ever has
	expect("2026-11-27T00:00:00Z", 1_000, record.NoReason, 0)
	limits.Quota[0].Tokens = 2_000
	a.Reconfigure(0, limits) // what was used stays used
	expect("2026-11-27T00:10:00Z", 501, record.TenantQuota, 23*time.Hour+50*time.Minute)
	// What was reserved in the hours before is given back to the day, and not to this hour.
	expect("2026-11-28T10:59:59Z", 1_400, record.NoReason, 0)
	expect("2026-11-28T11:00:00Z", 90, record.NoReason, 0)
	a.End(moment(t, "2026-11-28T11:00:01Z"), Spend{Tokens: -1_400}, moment(t, "2026-11-28T10:59:59Z"))
	if a.quotas[0].used != 90 || a.quotas[1].used != 90 {
		t.Errorf("%d of the hour's and %d of the day's tokens are used, want 90", a.quotas[0].used, a.quotas[1].used)
	}
}

func TestQuotaOncePerPeriod(t *testing.T) {
	var told string
	Limits{Quota: []Quota{{Tokens: 1, Period: "day"}, {Tokens: 2, Period: "hour"}, {Tokens: 3, Period: "day"}}}.Validate(func(path, format string, args ...any) { told += path + ": " + fmt.Sprintf(format, args...) })
	if told != "quota[2].period: there is such a quota for each day already" {
		t.Error(told)
	}
}

// A quota in money counts what tokens cost, to the last millionth of a millionth, beside one of tokens.
func TestQuotaInMoney(t *testing.T) {
	prices := Prices{Prompt: 2_000_000, Cached: 500_000, Completion: 8_000_000}
	if got, want := prices.Of(1_000, 200, 50), int64(800*2_000_000+200*500_000+50*8_000_000); got != want {
		t.Errorf("costs %d, want %d", got, want)
	}
	spend := func(prompt, completion int64) Spend {
		return Spend{prompt + completion, prices.Of(prompt, 0, completion)}
	}
	var a Allowance
	a.Reconfigure(0, Limits{Quota: []Quota{{Amount: 10_000, Period: "day"}, {Tokens: 6_000, Period: "day"}}}) // 0.01, and tokens
	at := moment(t, "2026-11-26T12:00:00Z")
	for _, c := range []struct {
		spend Spend
		why   record.Reason
	}{
		{spend(1_000, 900), record.NoReason},       // 0.002 and 0.0072
		{spend(401, 0), record.TenantQuota},        // 0.0008 are left, and this is 0.000802
		{spend(400, 0), record.NoReason},           // to the last
		{Spend{Tokens: 3_701}, record.TenantQuota}, // 3,700 tokens are left
	} {
		if why, wait := a.Admit(at, c.spend); why != c.why || why != record.NoReason && wait != 12*time.Hour {
			t.Errorf("%v: %v after %v", c.spend, why, wait)
		}
	}
	a.End(at, spend(0, -890), at) // the answer was shorter
	if why, _ := a.Admit(at, spend(0, 890)); why != record.NoReason {
		t.Errorf("what was given back is refused: %v", why)
	}
	if use := a.Use(at).Quotas; use[0].Used != 10_000*million || use[1].Used != 2_300 {
		t.Errorf("%+v", use)
	}
}

// What was reserved before there was a quota is not given back to it, and nothing that a backend says makes one larger.
func TestQuotaIsNeverMoreThanWhole(t *testing.T) {
	var a Allowance
	a.Reconfigure(moment(t, "2026-11-26T12:00:00Z"), Limits{})
	before, at, later := moment(t, "2026-11-26T12:00:01Z"), moment(t, "2026-11-26T12:00:02Z"), moment(t, "2026-11-26T12:00:03Z")
	reserved := Spend{Tokens: 900, Money: 900}
	a.Admit(before, reserved)
	a.Reconfigure(at, Limits{Quota: []Quota{{Tokens: 1_000, Period: "day"}, {Amount: maxAmount, Period: "day"}}})
	if why, _ := a.Admit(later, reserved); why != record.NoReason {
		t.Fatal(why)
	}
	a.End(later, Spend{Tokens: -900, Money: -900}, before)
	used := func() (of [2]int64) {
		for i, q := range a.Use(later).Quotas {
			of[i] = q.Used
		}
		return of
	}
	if got := used(); got != [2]int64{900, 900} {
		t.Errorf("used %v", got)
	}
	dearest := Prices{Prompt: maxPrice, Cached: maxPrice, Completion: maxPrice}
	for range 5 {
		a.Correct(later, Spend{Tokens: 1, Money: dearest.Of(math.MaxInt32, 0, math.MaxInt32)}, later)
		if why, _ := a.Admit(later, Spend{Money: 1}); why != record.TenantQuota {
			t.Errorf("used %v, and there is more: %v", used(), why)
		}
	}
	a.Correct(later, Spend{Money: math.MinInt64}, later)
	a.Correct(later, Spend{Money: math.MinInt64}, later)
	if got := used(); got != [2]int64{905, 0} {
		t.Errorf("used %v", got)
	}
}

func TestQuotaIsOfOneKind(t *testing.T) {
	for _, q := range []Quota{{Period: "day"}, {Tokens: 1, Amount: 1, Period: "day"}, {Amount: maxAmount + 1, Period: "day"}} {
		told := 0
		q.Validate(func(string, string, ...any) { told++ })
		if told != 1 {
			t.Errorf("%+v: %d mistakes", q, told)
		}
	}
	told := 0
	Prices{Prompt: maxPrice + 1, Cached: maxPrice + 2, Completion: maxPrice + 1}.Validate(func(string, string, ...any) { told++ })
	if told != 4 {
		t.Errorf("%d mistakes of prices", told)
	}
}
