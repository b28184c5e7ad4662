package record

import (
	"slices"
	"time"

	"foundrylab/internal/tick"
)

// fairness is satisfaction by tenant and 10 s window: what a tenant was served
// over what it was entitled to, where the entitlement is the weighted max-min
// share of all that was served, capped by the tenant's own demand. Demand and
// service count at the instant a request was intended, each request once.
type fairness struct {
	every  time.Duration
	cost   [][]Ratio // [tenant][window], in the unit of the binding resource
	tokens [][]Ratio // the same in actual tokens
	jain   []Ratio   // over backlogged tenants; Null where there is none
	result FairnessResult
	first  int // first window after the warm-up
}

const fairnessWindow = 10 * time.Second

func (s *Summary) fairness() *fairness {
	per := int(max((fairnessWindow+s.window-1)/s.window, 1))
	n := (s.count + per - 1) / per
	f := &fairness{every: time.Duration(per) * s.window}
	f.first = int((s.Header.Warmup + f.every - 1) / f.every)
	var jainTokens []Ratio
	f.cost, f.jain = s.satisfaction(n, per, func(w *tenantWindow) (int64, int64) { return w.costOffered, w.costServed })
	f.tokens, jainTokens = s.satisfaction(n, per, func(w *tenantWindow) (int64, int64) { return w.tokensOffered, w.tokensServed })
	f.summarise(s, jainTokens)
	return f
}

// satisfaction computes the windows of one unit.
func (s *Summary) satisfaction(n, per int, unit func(*tenantWindow) (offered, served int64)) (by [][]Ratio, jain []Ratio) {
	tenants := len(s.tenants)
	by = make([][]Ratio, tenants)
	demand, served, weights := make([]int64, tenants), make([]int64, tenants), make([]int64, tenants)
	for i := range weights {
		weights[i] = s.Header.Tenants[i].Weight
	}
	for w := range n {
		capacity := int64(0)
		for i := range demand {
			demand[i], served[i] = 0, 0
			for j := w * per; j < min((w+1)*per, s.count); j++ {
				d, x := unit(&s.tw[i][j])
				demand[i] += d
				served[i] += x
			}
			capacity += served[i]
		}
		due := Entitlements(capacity, demand, weights)
		var backlogged []Ratio
		for i := range demand {
			sat := Ratio(Null)
			if due[i] > 0 {
				sat = ratio(served[i], due[i])
			}
			by[i] = append(by[i], sat)
			if sat != Null && served[i] < demand[i] {
				backlogged = append(backlogged, sat)
			}
		}
		jain = append(jain, Jain(backlogged))
	}
	return by, jain
}

// Entitlements divides capacity by weighted max-min: nobody is due more than
// it demands, and what one does not need goes to the others by weight.
func Entitlements(capacity int64, demand, weights []int64) []int64 {
	due := make([]int64, len(demand))
	open := make([]bool, len(demand))
	var total int64
	for i := range demand {
		if open[i] = demand[i] > 0; open[i] {
			total += weights[i]
		}
	}
	for total > 0 {
		left, leftTotal, filled := capacity, total, false
		for i := range demand {
			if open[i] && demand[i] <= tick.MulDiv(capacity, weights[i], total) {
				due[i], open[i], filled = demand[i], false, true
				left -= demand[i]
				leftTotal -= weights[i]
			}
		}
		if !filled {
			for i := range demand {
				if open[i] {
					due[i] = tick.MulDiv(capacity, weights[i], total)
				}
			}
			break
		}
		capacity, total = left, leftTotal
	}
	return due
}

// Jain returns Jain's index (sum)^2/(n * sum of squares) of the values; Null
// for none, and one where all are zero.
func Jain(v []Ratio) Ratio {
	if len(v) == 0 {
		return Null
	}
	top := int64(slices.Max(v))
	if top <= 0 {
		return 1_000_000
	}
	var sum, squares int64
	for _, x := range v {
		// as a part of the greatest: the index does not depend on the scale,
		// and small values count as exactly as large ones
		part := tick.MulDiv(int64(x), 1_000_000, top)
		sum += part
		squares += part * part
	}
	return Ratio(min(tick.MulDiv(tick.MulDiv(sum, sum, int64(len(v))), 1_000_000, squares), 1_000_000))
}

func (f *fairness) summarise(s *Summary, jainTokens []Ratio) {
	r := FairnessResult{JainMean: 1_000_000, JainP5: 1_000_000, JainMeanActual: 1_000_000, SatisfactionMin: Null}
	var all []Ratio
	r.JainMean, all = meanOf(f.jain, f.first)
	r.JainMeanActual, _ = meanOf(jainTokens, f.first)
	r.BackloggedWindows = int64(len(all))
	r.EvaluatedWindows = int64(max(len(f.jain)-f.first, 0))
	if len(all) > 0 {
		slices.Sort(all)
		r.JainP5 = all[(len(all)*5+99)/100-1]
	}
	for i := range f.cost {
		if l := f.least(i, f.cost); l != Null && (r.SatisfactionMin == Null || l < r.SatisfactionMin) {
			r.SatisfactionMin = l
		}
	}
	r.LongestStarvationS = s.starvation()
	f.result = r
}

// meanOf averages what is not Null from place first on; one where nothing is.
func meanOf(v []Ratio, first int) (Ratio, []Ratio) {
	var kept []Ratio
	var sum Ratio
	for i, x := range v {
		if i >= first && x != Null {
			kept = append(kept, x)
			sum += x
		}
	}
	if len(kept) == 0 {
		return 1_000_000, nil
	}
	return sum / Ratio(len(kept)), kept
}

// least returns a tenant's lowest satisfaction of a window, at most one; Null
// where it never asked.
func (f *fairness) least(tenant int, by [][]Ratio) Ratio {
	least := Ratio(Null)
	for w, x := range by[tenant] {
		if w >= f.first && x != Null && (least == Null || x < least) {
			least = min(x, 1_000_000)
		}
	}
	return least
}

func (f *fairness) mean(tenant int) Ratio {
	m, kept := meanOf(f.cost[tenant], f.first)
	if len(kept) == 0 {
		return Null
	}
	return m
}

// starvation returns the longest run of seconds after the warm-up in which a
// tenant asked and got nothing at all; seconds without a wish do not end it.
func (s *Summary) starvation() int64 {
	longest, first := 0, int((s.Header.Warmup+s.window-1)/s.window)
	for i := range s.tw {
		run := 0
		for w := first; w < s.count; w++ {
			switch x := &s.tw[i][w]; {
			case x.offered == 0:
			case x.costServed == 0:
				run++
				longest = max(longest, run)
			default:
				run = 0
			}
		}
	}
	return int64(longest) * int64(s.window/time.Second)
}
