package budget

import (
	"math/rand"
	"reflect"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

// The wait that a refusal names is exact: the same request, alone, is admitted
// then and not a nanosecond before.
func TestAllowanceWaitIsExact(t *testing.T) {
	dice := rand.New(rand.NewSource(1))
	refused := map[record.Reason]int{}
	for range 200 {
		a := Allowance{}
		a.Reconfigure(at(0), Limits{TPM: unit.Count(1_000 + dice.Intn(10_000)), RPM: unit.Count(1 + dice.Intn(60))})
		now := at(0)
		for range 50 {
			now = now.Add(time.Duration(dice.Intn(int(time.Second))))
			cost := 1 + dice.Int63n(1_000)
			why, wait := a.Admit(now, Spend{Tokens: cost})
			if why == record.NoReason {
				a.End(now, Spend{Tokens: -dice.Int63n(cost)}, now)
				continue
			}
			refused[why]++
			early := a
			tokens, requests := *a.tokens, *a.requests
			early.tokens, early.requests = &tokens, &requests
			if why, _ := early.Admit(now.Add(wait-1), Spend{Tokens: cost}); why == record.NoReason {
				t.Fatal("the wait was too long")
			}
			tokens, requests = *a.tokens, *a.requests
			if why, _ := early.Admit(now.Add(wait), Spend{Tokens: cost}); why != record.NoReason {
				t.Fatal("the wait was too short")
			}
		}
	}
	if refused[record.TenantTokens] < 100 || refused[record.TenantRequests] < 100 {
		t.Errorf("too few refusals to tell: %v", refused)
	}
}

func TestAllowance(t *testing.T) {
	a := Allowance{}
	a.Reconfigure(at(0), Limits{TPM: 1_000, Concurrency: 2})
	expect := func(what string, cost int64, want record.Reason) {
		t.Helper()
		if why, _ := a.Admit(at(0), Spend{Tokens: cost}); why != want {
			t.Errorf("%s: %v, want %v", what, why, want)
		}
	}
	expect("larger than the whole limit", 1_001, record.TooLarge)
	expect("it fits", 600, record.NoReason)
	expect("it does not fit beside what is reserved", 600, record.TenantTokens)
	a.End(at(0), Spend{Tokens: -500}, at(0))
	expect("what was not used is free again", 600, record.NoReason)
	expect("the second", 100, record.NoReason)
	expect("the third at a time", 1, record.TenantConcurrency)
	a.End(at(0), Spend{Tokens: 0}, at(0))
	a.Reconfigure(at(0), Limits{TPM: 500})
	expect("another limit: what was used stays used", 1, record.TenantTokens)
	a.Reconfigure(at(0), Limits{})
	expect("no limit", 1<<40, record.NoReason)
	if a.Active() != 2 {
		t.Errorf("%d are active", a.Active())
	}
}

func TestShares(t *testing.T) {
	var s Shares
	s.Reconfigure(at(0), []int64{6_000, 0}) // 100 a second, 1,000 to save up
	within := func(what string, tenant int, d time.Duration, cost int64, want bool) {
		t.Helper()
		if got := s.Within(at(d), tenant, cost); got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	within("nothing used yet", 0, 0, 5_000, true)
	within("entitled to nothing", 1, 0, 1, false)
	s.Take(at(0), 0, 600)
	within("what is saved up", 0, 0, 400, true)
	within("more than that", 0, 0, 401, false)
	within("it comes back with time", 0, time.Second, 500, true)
	s.Take(at(time.Second), 0, 1<<30)
	within("who took far too much", 0, 11*time.Second, 1, false)
	within("is forgiven before long", 0, 21*time.Second, 1, true)
	s.Take(at(time.Second), 1, 100)
}

// A request that is withdrawn is as if it had not come; what drained meanwhile is not given back twice.
func TestWithdraw(t *testing.T) {
	cost := Spend{Tokens: 600, Money: 40 * million}
	a, b := Allowance{}, Allowance{}
	for _, x := range []*Allowance{&a, &b} {
		x.Reconfigure(at(0), Limits{TPM: 6_000, RPM: 60, Concurrency: 3, Quota: []Quota{{Tokens: 5_000, Period: "hour"}, {Amount: 500, Period: "day"}}})
		x.Admit(at(0), cost)
		x.Admit(at(0), cost)
	}
	a.Admit(at(0), cost)
	a.Withdraw(at(0), cost, at(0))
	if got, want := a.Use(at(0)), b.Use(at(0)); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	a.Withdraw(at(time.Minute), cost, at(0))
	if u := a.Use(at(time.Minute)); u.Tokens != 0 || u.Requests != 0 || u.Active != 1 || u.Quotas[0].Used != 600 || u.Quotas[1].Used != 40*million {
		t.Errorf("%+v", u)
	}
}
