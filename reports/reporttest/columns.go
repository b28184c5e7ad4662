package reporttest

import "foundrylab/internal/record"

// mix hashes a second and a purpose.
func mix(second int, purpose uint64) uint64 {
	x := uint64(second)*0x9e3779b97f4a7c15 + purpose*0xbf58476d1ce4e5b9
	x ^= x >> 31
	x *= 0x94d049bb133111eb
	x ^= x >> 29
	return x
}

// coins counts how many of n fair coins fall heads.
func coins(n, second int, purpose uint64) int64 {
	heads := int64(0)
	for bits := mix(second, purpose); n > 0; n-- {
		heads += int64(bits & 1)
		bits >>= 1
	}
	return heads
}

// around is base plus or minus up to spread.
func around(base, spread int64, second int, purpose uint64) int64 {
	return base - spread + int64(mix(second, purpose)%uint64(2*spread+1))
}

func inFault(s int) bool { return s >= faultAt && s < faultAt+faultFor }

// columns makes every column at a resolution of one second.
func columns() ([]record.TenantTimeline, []record.BackendTimeline) {
	tenants := []record.TenantTimeline{{Name: "chat"}, {Name: "coding"}, {Name: "batch"}}
	backends := []record.BackendTimeline{{Name: "ptu-swe"}, {Name: "paygo-swe"}, {Name: "paygo-fra"}}
	load := int64(6_000) // smoothed offered cost per second
	for s := range seconds {
		attempts := int64(0)
		cost := int64(0)
		for i := range tenants {
			tenantSecond(&tenants[i], i, s)
			t := &tenants[i]
			attempts += t.Offered[s]
			cost += t.CostServed[s]
		}
		load += (cost - load) / 12
		backendSecond(backends, s, attempts, cost, load)
	}
	return tenants, backends
}

func offered(tenant, s int) int64 {
	switch tenant {
	case 0:
		return coins(12, s, 1)
	case 1:
		if mix(s/17, 2)%6 == 0 {
			return coins(9, s, 3)
		}
		return coins(2, s, 4) / 2
	}
	if s >= batchFrom && s < batchUntil && mix(s/4, 5)%3 == 0 {
		return coins(12, s, 6)
	}
	return 0
}

func tenantSecond(t *record.TenantTimeline, tenant, s int) {
	perRequest := [...]int64{1_970, 2_020, 6_000}[tenant]
	n := offered(tenant, s)
	failed, throttled := int64(0), int64(0)
	if s >= faultAt && s < faultAt+3 && tenant < 2 {
		failed = min(n, 2)
	}
	crowded := s >= batchFrom && s < batchUntil
	switch {
	case inFault(s) && s < faultAt+20:
		throttled = (n - failed) / int64(6-2*tenant)
	case inFault(s) && tenant == 2, crowded && tenant == 2 && mix(s, 7)%3 == 0:
		throttled = n / 4
	case inFault(s) && mix(s, 8)%9 == 0:
		throttled = n / 6
	}
	t.Offered = append(t.Offered, n)
	t.Failed = append(t.Failed, failed)
	t.Throttled = append(t.Throttled, throttled)
	t.Succeeded = append(t.Succeeded, n-failed-throttled)
	t.CostOffered = append(t.CostOffered, n*perRequest)
	t.CostServed = append(t.CostServed, (n-failed-throttled)*perRequest)
	p50, p95 := ttft(tenant, s, n)
	t.TTFTP50 = append(t.TTFTP50, p50)
	t.TTFTP95 = append(t.TTFTP95, p95)
	if s%jainEvery == 0 {
		t.Satisfaction = append(t.Satisfaction, satisfaction(tenant, s))
	}
}

// ttft is a second's TTFT in microseconds on the grid of 100.
func ttft(tenant, s int, n int64) (record.Millis, record.Millis) {
	if n == 0 {
		return record.Null, record.Null
	}
	base := [...]int64{362, 640, 905}[tenant]
	switch {
	case s >= faultAt && s < faultAt+8:
		base += int64(faultAt+9-s) * 190
	case inFault(s):
		base = base * 14 / 10
	case s >= batchFrom && s < batchUntil:
		base = base * 11 / 10
	}
	p50 := around(base, base/9, s, uint64(10+tenant))
	p95 := p50 + around(base, base/3, s, uint64(20+tenant))
	if n == 1 {
		p95 = p50
	}
	return record.Millis(p50 * 1000), record.Millis(p95 * 1000)
}

func satisfaction(tenant, s int) record.Ratio {
	if tenant == 2 && (s < batchFrom || s >= batchUntil) {
		return record.Null
	}
	lost := [...]int64{2_000, 9_000, 120_000}[tenant]
	switch {
	case s >= faultAt && s < faultAt+20:
		lost = [...]int64{69_789, 288_096, 557_130}[tenant]
	case inFault(s):
		lost = [...]int64{11_000, 61_000, 240_000}[tenant]
	case s < batchFrom || s >= batchUntil:
		return 1_000_000
	}
	return record.Ratio(1_000_000 - lost + int64(mix(s, uint64(30+tenant))%uint64(lost)/4))
}

// backendSecond spreads a second's requests: the first backend while it is
// up and not full, the others otherwise.
func backendSecond(b []record.BackendTimeline, s int, requests, cost, load int64) {
	full := load * 1_000_000 / 24_500
	spill := int64(0)
	switch {
	case inFault(s) || s >= faultAt+faultFor && s < faultAt+faultFor+15:
		spill = requests
	case full > 900_000:
		spill = requests / 4
	}
	down, opened := int64(0), int64(0)
	if inFault(s) && (s < faultAt+2 || s%15 == 0) {
		down = min(3, requests)
		opened = min(int64(s%15/14)+1, down)
	}
	refused := int64(0)
	if full > 900_000 && !inFault(s) {
		refused = spill
	}
	swe := (spill*2 + 2) / 3
	util := min(full, 1_000_000) * (requests - spill + 1) / (requests + 1)
	backendRow(&b[0], requests-spill+down+refused, refused, down, cost*(requests-spill)/max(requests, 1), util, opened)
	limited := spill / 9
	backendRow(&b[1], swe, limited, 0, cost*swe/max(requests, 1), min(full*swe/max(requests, 1), 1_000_000), 0)
	backendRow(&b[2], spill-swe+limited, 0, 0, cost*(spill-swe)/max(requests, 1), full*(spill-swe)/max(requests, 1), 0)
}

func backendRow(b *record.BackendTimeline, attempts, throttled, failed, charged, utilization, opened int64) {
	b.Attempts = append(b.Attempts, attempts)
	b.Throttled = append(b.Throttled, throttled)
	b.Failed = append(b.Failed, failed)
	b.Succeeded = append(b.Succeeded, attempts-throttled-failed)
	b.Charged = append(b.Charged, charged)
	b.Utilization = append(b.Utilization, record.Ratio(utilization))
	b.Opened = append(b.Opened, opened)
}
