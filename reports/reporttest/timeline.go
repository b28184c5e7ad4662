package reporttest

import "foundrylab/internal/record"

func fillTimeline(r *record.Result, tenants []record.TenantTimeline, backends []record.BackendTimeline, windowMs int64) {
	k := int(windowMs / 1000)
	for i := range tenants {
		t := &tenants[i]
		t.Offered, t.Succeeded = sums(t.Offered, k), sums(t.Succeeded, k)
		t.Throttled, t.Failed = sums(t.Throttled, k), sums(t.Failed, k)
		t.CostOffered, t.CostServed = sums(t.CostOffered, k), sums(t.CostServed, k)
		t.TTFTP50, t.TTFTP95 = maxima(t.TTFTP50, k), maxima(t.TTFTP95, k)
	}
	for i := range backends {
		b := &backends[i]
		b.Attempts, b.Succeeded = sums(b.Attempts, k), sums(b.Succeeded, k)
		b.Throttled, b.Failed = sums(b.Throttled, k), sums(b.Failed, k)
		b.Charged, b.Opened = sums(b.Charged, k), sums(b.Opened, k)
		b.Utilization = maxima(b.Utilization, k)
	}
	r.Timeline = record.Timeline{
		WindowMs: windowMs, Windows: seconds / k, Tenants: tenants, Backends: backends,
		Faults:    []record.FaultSpan{{Name: "ptu-outage", Kind: "outage", Backend: "ptu-swe", AtMs: faultAt * 1_000_000, ForMs: faultFor * 1_000_000}},
		Jain:      jain(tenants),
		JainEvery: jainEvery * 1000,
	}
}

func sums(column []int64, k int) []int64 {
	out := make([]int64, len(column)/k)
	for i := range out {
		for _, v := range column[i*k : (i+1)*k] {
			out[i] += v
		}
	}
	return out
}

func maxima[T record.Millis | record.Ratio](column []T, k int) []T {
	out := make([]T, len(column)/k)
	for i := range out {
		out[i] = record.Null
		for _, v := range column[i*k : (i+1)*k] {
			out[i] = max(out[i], v)
		}
	}
	return out
}

// jain is Jain's index over the tenants' satisfaction, null where all are
// wholly satisfied.
func jain(tenants []record.TenantTimeline) []record.Ratio {
	out := make([]record.Ratio, len(tenants[0].Satisfaction))
	for i := range out {
		n, total, squares, least := int64(0), int64(0), int64(0), int64(1000)
		for j := range tenants {
			s := int64(tenants[j].Satisfaction[i])
			if s == record.Null {
				continue
			}
			s /= 1000
			n, total, squares, least = n+1, total+s, squares+s*s, min(least, s)
		}
		out[i] = record.Null
		if least < 1000 {
			out[i] = record.Ratio(total * total * 1_000_000 / (n * squares))
		}
	}
	return out
}
