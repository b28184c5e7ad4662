package virtual_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"foundrylab/internal/unit"
	"foundrylab/scenarios"
	"foundrylab/scenarios/assert"
	"foundrylab/scenarios/virtual"
)

// scaled returns the ptu-outage scenario with every rate and every limit
// multiplied, so that about times*25 requests are in flight.
func scaled(tb testing.TB, times int64) *scenarios.Scenario {
	tb.Helper()
	src, err := os.ReadFile("../library/ptu-outage.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	n := strconv.FormatInt
	s, err := scenarios.Load("ptu-outage.yaml", src, []scenarios.Set{
		{Path: "backends[0].ptu", Value: n(min(700*times, 100_000), 10)},
		{Path: "backends[1].tpm", Value: n(1_500_000*times, 10)},
		{Path: "backends[2].tpm", Value: n(1_500_000*times, 10)},
	}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	s.Tenants[0].Arrivals.Poisson.Rate = s.Tenants[0].Arrivals.Poisson.Rate.Scale(times, 1)
	s.Tenants[1].Arrivals.Gamma.Rate = s.Tenants[1].Arrivals.Gamma.Rate.Scale(times, 1)
	s.Tenants[2].Arrivals.Constant.Rate = s.Tenants[2].Arrivals.Constant.Rate.Scale(times, 1)
	s.Backends[0].PTU = 700 * times
	return s
}

func TestExp(t *testing.T) {
	s := scaled(t, 400)
	s.Duration = unit.Duration(15 * time.Minute)
	b := time.Now()
	sum := virtual.Run(s, virtual.Options{})
	el := time.Since(b)
	res := sum.Result()
	assert.JudgeAll(res, s.Programs())
	t.Logf("%v %d requests %.0f/s amp %v good %v", el, res.Totals.Requests, float64(res.Totals.Requests)*15/14/el.Seconds(), res.Totals.RetryAmplification, res.Totals.GoodputRatio)
	for _, a := range res.Assertions {
		t.Logf("%+v", a)
	}
}
