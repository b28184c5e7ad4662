package section

import (
	"math"
	"slices"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// count is a column of events per window as a rate per second. Missing
// elements are None, so that a short column draws what it has.
func count(name, unit string, values []int64, tl *record.Timeline) Data {
	d := Data{Name: name, Unit: unit, Values: make([]int64, tl.Windows)}
	if tl.WindowMs != 1000 {
		d.Decimals = 3
	}
	for i := range d.Values {
		v := at(values, i)
		if v != record.Null && d.Decimals > 0 {
			v = tick.MulDiv(v, 1_000_000, tl.WindowMs)
		}
		d.Values[i] = v
	}
	return d
}

func at(values []int64, i int) int64 {
	if i >= len(values) || values[i] < 0 {
		return record.Null
	}
	return values[i]
}

// spans is a column of latencies in milliseconds.
func spans(name string, values []record.Millis, n int) Data {
	return Data{Name: name, Unit: "ms", Decimals: 3, Values: fixed(values, n)}
}

// percents is a column of ratios in percent.
func percents(name string, values []record.Ratio, n int) Data {
	return Data{Name: name, Unit: "%", Decimals: percentDecimals, Values: fixed(values, n)}
}

// indexes is a column of ratios as they are.
func indexes(name string, values []record.Ratio, n int) Data {
	return Data{Name: name, Decimals: indexDecimals, Values: fixed(values, n)}
}

func fixed[T record.Millis | record.Ratio](values []T, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = record.Null
		if i < len(values) && values[i] >= 0 {
			out[i] = int64(values[i])
		}
	}
	return out
}

// sum adds one column of every tenant. A sum too large to hold stays at the
// largest value.
func sum(tenants []record.TenantTimeline, n int, of func(*record.TenantTimeline) []int64) []int64 {
	out := make([]int64, n)
	for i := range tenants {
		column := of(&tenants[i])
		for j := range out {
			v := max(at(column, j), 0)
			out[j] += min(v, math.MaxInt64-out[j])
		}
	}
	return out
}

// bands are the warm-up and the faults.
func bands(r *record.Result) []Band {
	var out []Band
	if r.WarmupMs > 0 {
		out = append(out, Band{Label: "warm-up", FromMs: 0, ToMs: int64(r.WarmupMs) / 1000, Warmup: true})
	}
	for _, f := range r.Timeline.Faults {
		out = append(out, Band{Label: f.Name, FromMs: int64(f.AtMs) / 1000, ToMs: int64(f.AtMs+f.ForMs) / 1000})
	}
	return out
}

// Stats are a column's least, median and greatest value and where the last
// one lies; ok is false for a column without values.
func Stats(d *Data, stepMs int64) (least, median, greatest, atMs int64, ok bool) {
	var sorted []int64
	where := 0
	for i, v := range d.Values {
		if v == record.Null {
			continue
		}
		if len(sorted) == 0 || v > greatest {
			greatest, where = v, i
		}
		sorted = append(sorted, v)
	}
	if len(sorted) == 0 {
		return record.Null, record.Null, record.Null, record.Null, false
	}
	slices.Sort(sorted)
	return sorted[0], sorted[(len(sorted)-1)/2], greatest, int64(where) * stepMs, true
}
