package budget

import (
	"reflect"
	"testing"
	"time"

	"foundrylab/internal/record"
)

// What is used drains and is given back; a quota's begins anew with its period; and looking changes nothing.
func TestUse(t *testing.T) {
	var a Allowance
	day := "2026-11-26T"
	a.Reconfigure(moment(t, day+"10:00:00Z"), Limits{TPM: 6_000, RPM: 60, Concurrency: 5, Quota: []Quota{{Tokens: 10_000, Period: "hour"}, {Tokens: 20_000, Period: "day"}}})
	begun := moment(t, day+"10:00:00Z")
	for range 2 {
		if why, _ := a.Admit(begun, Spend{Tokens: 1_500}); why != record.NoReason {
			t.Fatal(why)
		}
	}
	a.End(begun, Spend{Tokens: -500}, begun)
	for _, c := range []struct {
		at                        string
		tokens, requests, hour, d int64
		end                       string
	}{
		{"10:00:00Z", 2_500, 2, 2_500, 2_500, "11:00:00Z"},
		{"10:00:01Z", 2_400, 1, 2_500, 2_500, "11:00:00Z"},
		{"10:59:59Z", 0, 0, 2_500, 2_500, "11:00:00Z"},
		{"11:00:00Z", 0, 0, 0, 2_500, "12:00:00Z"},
	} {
		now := moment(t, day+c.at)
		u := a.Use(now)
		if u.Tokens != c.tokens || u.Requests != c.requests || u.Active != 1 || u.TPM != 6_000 || u.RPM != 60 || u.Concurrency != 5 || len(u.Quotas) != 2 ||
			u.Quotas[0].Used != c.hour || u.Quotas[1].Used != c.d || u.Quotas[0].End != moment(t, day+c.end) || u.Quotas[1].Tokens != 20_000 {
			t.Errorf("%s: %+v", c.at, u)
		}
	}
	if u := a.Use(begun); u.Tokens != 2_500 || u.Quotas[0].Used != 2_500 {
		t.Errorf("who looked at what comes later changed what is now: %+v", u)
	}
	if u := (&Allowance{}).Use(begun.Add(time.Hour)); !reflect.DeepEqual(u, Use{}) {
		t.Errorf("nothing is limited: %+v", u)
	}
}
