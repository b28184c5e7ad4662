package record

import (
	"math/big"
	"math/rand"
	"slices"
	"testing"
	"time"
)

func TestEntitlementsKnown(t *testing.T) {
	for _, c := range []struct {
		capacity              int64
		demand, weights, want []int64
	}{
		{100, []int64{50, 50}, []int64{1, 1}, []int64{50, 50}},
		{100, []int64{80, 80}, []int64{1, 1}, []int64{50, 50}},
		{100, []int64{20, 200}, []int64{1, 1}, []int64{20, 80}},
		{100, []int64{200, 200}, []int64{3, 1}, []int64{75, 25}},
		{100, []int64{10, 200, 200}, []int64{2, 2, 1}, []int64{10, 60, 30}},
		{100, []int64{10, 35, 200}, []int64{1, 1, 1}, []int64{10, 35, 55}}, // 33, then 45 each
		{90, []int64{10, 40, 200}, []int64{1, 1, 1}, []int64{10, 40, 40}},
		{1000, []int64{10, 20}, []int64{1, 9}, []int64{10, 20}},
		{10, []int64{9, 9, 9}, []int64{1, 1, 1}, []int64{3, 3, 3}},
		{0, []int64{5, 5}, []int64{1, 1}, []int64{0, 0}},
		{100, []int64{0, 500}, []int64{100, 1}, []int64{0, 100}},
		{100, []int64{0, 0}, []int64{1, 1}, []int64{0, 0}},
		{100, nil, nil, []int64{}},
	} {
		if got := Entitlements(c.capacity, c.demand, c.weights); !slices.Equal(got, c.want) {
			t.Errorf("%d among demands %v, weights %v: %v, want %v", c.capacity, c.demand, c.weights, got, c.want)
		}
	}
}

// pour is water-filling in fractions: it raises the level of all who are not
// full until the next one is, or nothing is left.
func pour(capacity int64, demand, weights []int64) []int64 {
	level, left := new(big.Rat), new(big.Rat).SetInt64(capacity)
	full := func(i int) *big.Rat { return big.NewRat(demand[i], weights[i]) }
	for {
		open, next := new(big.Rat), (*big.Rat)(nil)
		for i := range demand {
			if full(i).Cmp(level) > 0 {
				open.Add(open, big.NewRat(weights[i], 1))
				if next == nil || full(i).Cmp(next) < 0 {
					next = full(i)
				}
			}
		}
		if next == nil {
			break
		}
		rise := new(big.Rat).Sub(next, level)
		if need := new(big.Rat).Mul(rise, open); need.Cmp(left) > 0 {
			level.Add(level, new(big.Rat).Quo(left, open))
			break
		} else {
			left.Sub(left, need)
		}
		level.Set(next)
	}
	due := make([]int64, len(demand))
	for i := range due {
		share := new(big.Rat).Mul(level, big.NewRat(weights[i], 1))
		if d := big.NewRat(demand[i], 1); share.Cmp(d) > 0 {
			share = d
		}
		due[i] = new(big.Int).Quo(share.Num(), share.Denom()).Int64()
	}
	return due
}

func TestEntitlementsAgainstPouring(t *testing.T) {
	dice := rand.New(rand.NewSource(5))
	for range 3000 {
		n := 1 + dice.Intn(8)
		demand, weights := make([]int64, n), make([]int64, n)
		for i := range demand {
			demand[i] = dice.Int63n(1 << (1 + dice.Intn(36)))
			weights[i] = 1 + dice.Int63n(1<<dice.Intn(20))
		}
		capacity := dice.Int63n(1 << (1 + dice.Intn(38)))
		if got, want := Entitlements(capacity, demand, weights), pour(capacity, demand, weights); !slices.Equal(got, want) {
			t.Fatalf("%d among demands %v, weights %v: %v, want %v", capacity, demand, weights, got, want)
		}
	}
}

func TestJainKnown(t *testing.T) {
	for _, c := range []struct {
		values []Ratio
		want   Ratio
	}{
		{nil, Null}, {[]Ratio{700_000}, 1_000_000}, {[]Ratio{0}, 1_000_000}, {[]Ratio{0, 0, 0}, 1_000_000},
		{[]Ratio{500_000, 500_000, 500_000}, 1_000_000}, {[]Ratio{1_000_000, 0}, 500_000}, {[]Ratio{1_000_000, 0, 0, 0}, 250_000},
		{[]Ratio{1_000_000, 500_000}, 900_000}, {[]Ratio{300, 0}, 500_000}, {[]Ratio{2, 1}, 900_000}, {[]Ratio{1 << 60, 1 << 59}, 900_000},
		{[]Ratio{1_000_000, 900_000, 300_000}, 849_122}, // 2.2^2 / (3 * 1.9)
	} {
		if got := Jain(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

func TestJainAgainstFractions(t *testing.T) {
	dice := rand.New(rand.NewSource(6))
	for range 3000 {
		v := make([]Ratio, 1+dice.Intn(300))
		sum, squares := new(big.Int), new(big.Int)
		for i := range v {
			v[i] = Ratio(dice.Int63n(1 << (1 + dice.Intn(40))))
			x := big.NewInt(int64(v[i]))
			sum.Add(sum, x)
			squares.Add(squares, x.Mul(x, x))
		}
		if squares.Sign() == 0 {
			continue
		}
		num := new(big.Int).Mul(new(big.Int).Mul(sum, sum), big.NewInt(1_000_000))
		want := Ratio(num.Quo(num, squares.Mul(squares, big.NewInt(int64(len(v))))).Int64())
		if got := Jain(v); got < want-slack(v) || got > want+slack(v) {
			t.Fatalf("%v: %v, want %v", v, got, want)
		}
	}
}

// slack is the error that rounding each value to a millionth of the greatest may
// add up to, in millionths.
func slack(v []Ratio) Ratio { return 2 + Ratio(len(v)/50) }

// wish is what a tenant wants in a second: so many requests of a cost, of which
// so many are served. Its tokens are a half, a third, a quarter of the cost.
func wish(s *Summary, tenant uint16, sec int, cost int64, offered, served int) {
	for i := range offered {
		r := ok(sec, tenant)
		if i >= served {
			r = bad(sec, tenant, Throttled, false)
		}
		r.Cost, r.Tokens = cost, cost/int64(2+tenant)
		s.Request(r)
	}
}

func TestSatisfaction(t *testing.T) {
	h := header([]int64{2, 1, 1}, 1)
	h.Duration, h.Warmup = 55*second, 10*second
	s := NewSummary(h)
	// Warm-up: unfair, and left out.
	wish(s, 0, 3, 100, 10, 0)
	wish(s, 1, 4, 100, 10, 10)
	// 10 to 20 s: 2400 were served. The third is due its 300, of the rest the first two thirds, 1400, the second 700.
	wish(s, 0, 10, 300, 12, 4) // 1200
	wish(s, 1, 19, 300, 11, 4) // 1200
	wish(s, 2, 15, 300, 1, 0)
	// 20 to 30 s: nobody is short.
	wish(s, 0, 29, 100, 5, 5)
	wish(s, 1, 20, 100, 5, 5)
	// 30 to 40 s: nobody is served: who is due nothing has no satisfaction.
	wish(s, 0, 30, 100, 5, 0)
	// 40 to 50 s: one is short and the other has all it wanted. Due of 400 are 266 and 133.
	wish(s, 0, 45, 100, 4, 1)
	wish(s, 1, 45, 100, 3, 3)
	r := s.Result()
	tl := r.Timeline
	if tl.JainEvery != 10_000 {
		t.Fatalf("every %d ms", tl.JainEvery)
	}
	for i, want := range [][]Ratio{
		{0, 857_142, 1_000_000, Null, 375_939, Null},
		{3_003_003, 1_714_285, 1_000_000, Null, 2_255_639, Null},
		{Null, 0, Null, Null, Null, Null},
	} {
		if got := tl.Tenants[i].Satisfaction; !slices.Equal(got, want) {
			t.Errorf("tenant %d: %v, want %v", i, got, want)
		}
	}
	// Backlogged in 10 to 20 s: 0.857142, 1.714285 and 0; in 40 to 50 s the first alone.
	third := Jain([]Ratio{857_142, 1_714_285, 0})
	if want := []Ratio{Jain([]Ratio{0}), third, Null, Null, 1_000_000, Null}; !slices.Equal(tl.Jain, want) {
		t.Errorf("Jain %v, want %v", tl.Jain, want)
	}
	// In tokens: 600 of 1800, 400 of 1100, 0 of 75 wanted; due of 1000 are 75, and of the rest 616 and 308. Then 50 of 200 and 99 of 99: 99 and 49.
	actual := Jain([]Ratio{974_025, 1_298_701, 0})
	if want := (FairnessResult{JainMean: (third + 1_000_000) / 2, JainP5: third, SatisfactionMin: 0, JainMeanActual: (actual + 1_000_000) / 2, BackloggedWindows: 2,
		EvaluatedWindows: 5, LongestStarvationS: 1}); r.Fairness != want {
		t.Errorf("got  %+v\nwant %+v", r.Fairness, want)
	}
	for i, want := range []struct{ least, mean, leastTokens Ratio }{
		{375_939, (857_142 + 1_000_000 + 375_939) / 3, 505_050},
		{1_000_000, (1_714_285 + 1_000_000 + 2_255_639) / 3, 1_000_000},
		{0, 0, 0},
	} {
		if x := r.Tenants[i]; x.SatisfactionMin != want.least || x.SatisfactionMean != want.mean || x.ActualSatisfaction != want.leastTokens {
			t.Errorf("tenant %d: least %v, mean %v, least in tokens %v; want %v", i, x.SatisfactionMin, x.SatisfactionMean, x.ActualSatisfaction, want)
		}
	}
}

// Nobody asked, or nobody went short: that is fair.
func TestFairWithoutBacklog(t *testing.T) {
	s := NewSummary(header([]int64{1, 1}, 0))
	if got := s.Result().Fairness; got != (FairnessResult{JainMean: 1_000_000, JainP5: 1_000_000, JainMeanActual: 1_000_000, SatisfactionMin: Null, EvaluatedWindows: 60}) {
		t.Errorf("nobody asked: %+v", got)
	}
	wish(s, 0, 5, 100, 3, 3)
	if got := s.Result().Fairness; got != (FairnessResult{JainMean: 1_000_000, JainP5: 1_000_000, JainMeanActual: 1_000_000, SatisfactionMin: 1_000_000, EvaluatedWindows: 60}) {
		t.Errorf("all were served: %+v", got)
	}
}

// Who gets more than its due is satisfied, not more than that.
func TestLeastSatisfactionIsAtMostOne(t *testing.T) {
	s := NewSummary(header([]int64{1, 1}, 0))
	wish(s, 0, 1, 100, 4, 1)
	wish(s, 1, 1, 100, 3, 3)
	if x := s.Result().Tenants[1]; x.SatisfactionMin != 1_000_000 || x.SatisfactionMean != 1_500_000 {
		t.Errorf("least %v, mean %v", x.SatisfactionMin, x.SatisfactionMean)
	}
}

// The fifth percentile of Jain is by nearest rank.
func TestJainP5(t *testing.T) {
	h := header([]int64{1, 1}, 0)
	h.Duration = 1000 * second
	for _, c := range []struct{ unfair, windows int }{{1, 20}, {1, 21}, {2, 40}, {2, 41}} {
		s := NewSummary(h)
		for w := range c.windows {
			wish(s, 0, 10*w, 100, 4, 1)
			if w < c.unfair {
				wish(s, 1, 10*w, 100, 4, 0)
			} else {
				wish(s, 1, 10*w, 100, 4, 1)
			}
		}
		want := Ratio(1_000_000)
		if c.windows <= 20*c.unfair {
			want = 500_000
		}
		if got := s.Result().Fairness; got.JainP5 != want || got.BackloggedWindows != int64(c.windows) {
			t.Errorf("%d unfair of %d: %+v, want p5 %v", c.unfair, c.windows, got, want)
		}
	}
}

func TestStarvation(t *testing.T) {
	h := header([]int64{1, 1}, 0)
	h.Warmup = 5 * second
	for _, c := range []struct {
		name   string
		wishes [][3]int // second, offered, served
		want   int64
	}{
		{"never", [][3]int{{10, 2, 1}, {11, 2, 2}}, 0},
		{"three seconds", [][3]int{{10, 2, 1}, {11, 2, 0}, {12, 1, 0}, {13, 1, 0}, {14, 2, 1}, {15, 1, 0}}, 3},
		{"a pause does not end it", [][3]int{{11, 2, 0}, {13, 1, 0}, {20, 1, 1}}, 2},
		{"not in the warm-up", [][3]int{{1, 1, 0}, {2, 1, 0}, {3, 1, 0}, {4, 1, 0}, {5, 1, 0}}, 1},
		{"till the end", [][3]int{{598, 1, 0}, {599, 1, 0}}, 2},
	} {
		s := NewSummary(h)
		for _, w := range c.wishes {
			wish(s, 1, w[0], 100, w[1], w[2])
			wish(s, 0, w[0], 100, 1, 1)
		}
		if got := s.Result().Fairness.LongestStarvationS; got != c.want {
			t.Errorf("%s: %d s, want %d", c.name, got, c.want)
		}
	}
	// A window of several seconds counts as those.
	h.Duration = 3 * time.Hour // windows of 4 s
	s := NewSummary(h)
	wish(s, 0, 100, 100, 1, 0)
	wish(s, 0, 104, 100, 1, 0)
	if got := s.Result().Fairness.LongestStarvationS; got != 8 {
		t.Errorf("in windows of 4 s: %d s, want 8", got)
	}
}
