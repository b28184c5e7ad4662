package queue

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

func TestUnknownDiscipline(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an unknown name must panic: the configuration has let it through")
		}
	}()
	New(&Config{Discipline: "lifo"}, nil)
}

// one is a queue of one band without bounds that matter.
func one(discipline string, tenants ...Tenant) *Queue {
	return New(&Config{Discipline: discipline, MaxRequests: 1_000_000, MaxBytes: 1 << 40, TTL: unit.Duration(time.Hour), Quantum: 1000}, tenants)
}

// Ahead is exact within a band: what it says of an item that comes now is what
// is served before it.
func TestAheadIsExactWithinABand(t *testing.T) {
	for _, d := range Disciplines {
		t.Run(d.Name, func(t *testing.T) {
			for seed := range int64(400) {
				r := rand.New(rand.NewSource(seed))
				tenants := make([]Tenant, 1+r.Intn(6))
				for i := range tenants {
					tenants[i].Weight = 1 + r.Int63n(5)
				}
				q := one(d.Name, tenants...)
				unit := int64(1 + seed%2*199) // even sizes meet a quantum exactly
				var handles []Handle
				for range 100 {
					switch _, h, ok := q.Peek(0); {
					case r.Intn(2) > 0 || !ok:
						_, h = q.Push(0, Item{Cost: unit * (1 + r.Int63n(3000/unit)), Deadline: tick.Instant(1 + r.Intn(100)), Tenant: uint16(r.Intn(len(tenants)))})
						handles = append(handles, h)
					case r.Intn(4) == 0:
						q.Remove(handles[r.Intn(len(handles))])
					case r.Intn(5) == 0:
						q.Adjust(r.Intn(len(tenants)), r.Int63n(9000)-1000)
					default:
						q.Take(0, h)
					}
				}
				tenant, cost := r.Intn(len(tenants)), unit*(1+r.Int63n(3000/unit))
				want := q.Ahead(tenant, cost)
				_, mine := q.Push(0, Item{Cost: cost, Deadline: tick.Never, Tenant: uint16(tenant)})
				served := int64(0)
				for {
					it, h, _ := q.Peek(0)
					if h == mine {
						break
					}
					served += it.Cost
					q.Take(0, h)
				}
				if served != want {
					t.Fatalf("seed %d: %d were served before it, and %d were foretold", seed, served, want)
				}
			}
		})
	}
}

// Between bands Ahead counts as if cost flowed: it is off by no more than an item
// of each tenant that waits.
func TestAheadBetweenBands(t *testing.T) {
	for seed := range int64(2000) {
		r := rand.New(rand.NewSource(seed))
		shares := []unit.Ratio{0, unit.Ratio(r.Intn(3) * r.Intn(200_000)), unit.Ratio(r.Intn(3) * r.Intn(200_000))}
		cfg := &Config{Discipline: "vtc", MaxRequests: 1000, MaxBytes: 1 << 40, TTL: unit.Duration(time.Hour)}
		for i, share := range shares {
			cfg.Bands = append(cfg.Bands, Band{Name: fmt.Sprint(i), MinShare: share})
		}
		q := New(cfg, []Tenant{{1, 0}, {2, 0}, {1, 1}, {2, 1}, {1, 2}, {2, 2}})
		for range r.Intn(200) {
			if _, h, ok := q.Peek(0); ok && r.Intn(3) == 0 {
				q.Take(0, h)
				continue
			}
			q.Push(0, Item{Cost: 1 + r.Int63n(100), Deadline: tick.Never, Tenant: uint16(r.Intn(6) * r.Intn(6) / 5)})
		}
		tenant, cost := r.Intn(6), 1+r.Int63n(100)
		told := q.Ahead(tenant, cost)
		_, mine := q.Push(0, Item{Cost: cost, Deadline: tick.Never, Tenant: uint16(tenant)})
		served := int64(0)
		for it, h, _ := q.Peek(0); h != mine; it, h, _ = q.Peek(0) {
			served += it.Cost
			q.Take(0, h)
		}
		if off := told - served; off > 6*100 || off < -6*100 {
			t.Errorf("seed %d, shares %v: %d were served before one of tenant %d, and %d were foretold", seed, shares, served, tenant, told)
		}
	}
}

// One item displaces 64 others, and no more.
func TestDisplacesABoundedNumber(t *testing.T) {
	q := New(&Config{Discipline: "vtc", MaxRequests: 1000, MaxBytes: 1000, TTL: unit.Duration(time.Hour), Bands: []Band{{Name: "high"}, {Name: "low"}}},
		[]Tenant{{1, 0}, {1, 1}})
	for range 100 {
		q.Push(0, Item{Bytes: 10, Deadline: tick.Never, Tenant: 1})
	}
	if v, _ := q.Push(0, Item{Bytes: 10*maxDisplaced + 1, Deadline: tick.Never}); v != FullBytes || q.Len() != 100 || q.Bytes() != 1000 {
		t.Fatalf("%v, and %d wait with %d bytes", v, q.Len(), q.Bytes())
	}
	if v, _ := q.Push(0, Item{Bytes: 10 * maxDisplaced, Deadline: tick.Never}); v != Queued || q.Len() != 100-maxDisplaced+1 || q.Bytes() != 1000 {
		t.Fatalf("%v, and %d wait with %d bytes", v, q.Len(), q.Bytes())
	}
	for i := range maxDisplaced {
		// The newest first.
		if it, ok := q.Displaced(); !ok || it.Tenant != 1 {
			t.Fatalf("%d: %v %t", i, it, ok)
		}
	}
	if _, ok := q.Displaced(); ok {
		t.Error("one too many")
	}
}

// A handle that names nothing does nothing.
func TestStaleHandles(t *testing.T) {
	q := one("vtc", Tenant{Weight: 1})
	_, old := q.Push(0, Item{Deadline: tick.Never})
	q.Take(0, old)
	q.Push(0, Item{Deadline: tick.Never})
	for _, h := range []Handle{{}, old, {slot: 7, gen: 1}, {slot: 1}} {
		if q.Remove(h) {
			t.Errorf("%v was removed", h)
		}
		if q.Take(0, h); q.Len() != 1 {
			t.Fatalf("%v was taken", h)
		}
	}
}

// What is outside its bounds counts as the nearest: nothing overflows, and
// nothing is free.
func TestNearestThatCounts(t *testing.T) {
	q := one("vtc", Tenant{Weight: -1, Band: -1}, Tenant{Weight: 1 << 40, Band: 99})
	q.Push(0, Item{Cost: -5, Bytes: -5, Deadline: tick.Never})
	q.Push(0, Item{Cost: 1 << 60, Bytes: 3, Deadline: tick.Never, Tenant: 1})
	for _, want := range []int64{1, MaxCost} {
		it, h, _ := q.Peek(0)
		if q.Take(0, h); it.Cost != want {
			t.Errorf("cost %d, want %d", it.Cost, want)
		}
	}
	if q.Bytes() != 0 || q.lines[0].weight != 1 || q.lines[1].weight != MaxWeight {
		t.Errorf("%d bytes, weights %d and %d", q.Bytes(), q.lines[0].weight, q.lines[1].weight)
	}
}

// A tenant that is charged for ever while others wait, and served never, stays
// last.
func TestChargedForEver(t *testing.T) {
	for _, d := range []string{"vtc", "drr"} {
		q := one(d, Tenant{Weight: 1}, Tenant{Weight: 1})
		q.Push(0, Item{Deadline: tick.Never})
		q.Push(0, Item{Deadline: tick.Never, Tenant: 1})
		q.lines[0].counter, q.lines[0].deficit = 2*far-1, 1-far
		for range 3 {
			q.Adjust(0, MaxCost)
		}
		if l := &q.lines[0]; l.counter > 2*far || l.deficit < -far {
			t.Errorf("%s: counter %d, deficit %d", d, l.counter, l.deficit)
		}
		if it, _, _ := q.Peek(0); it.Tenant != 1 || q.lines[0].turn.major < far/1000 {
			t.Errorf("%s: tenant %d is next; the turn of the other is %d", d, it.Tenant, q.lines[0].turn.major)
		}
	}
}

// Counters that have grown for years are brought back to the origin, and nobody
// notices: a queue that is that old serves in the same order as a new one.
func TestOldCounters(t *testing.T) {
	for _, d := range []string{"vtc", "drr"} {
		young := one(d, Tenant{Weight: 1}, Tenant{Weight: 3}, Tenant{Weight: 7})
		old := one(d, Tenant{Weight: 1}, Tenant{Weight: 3}, Tenant{Weight: 7})
		switch o := old.bands[0].order.(type) {
		case *vtc:
			o.start = far - 50_000
		case *drr:
			o.quantum, young.bands[0].order.(*drr).quantum = 1, 1
			o.round = far - 50_000
			for i := range old.lines {
				old.lines[i].visited = o.round
			}
		}
		r := rand.New(rand.NewSource(1))
		came := false
		for i := range 20_000 {
			it := Item{Cost: 1 + r.Int63n(1000), Deadline: tick.Never, Tenant: uint16(r.Intn(3))}
			young.Push(0, it)
			old.Push(0, it)
			if i%5 == 0 {
				young.Adjust(int(it.Tenant), 100)
				old.Adjust(int(it.Tenant), 100)
			}
			if r.Intn(10) == 0 {
				continue
			}
			want, h, _ := young.Peek(0)
			young.Take(0, h)
			got, h, _ := old.Peek(0)
			old.Take(0, h)
			if got != want {
				t.Fatalf("%s: %d: %v, want %v", d, i, got, want)
			}
			came = came || old.lines[0].turn.major < far/2 && i > 100
		}
		if !came {
			t.Errorf("%s: the counters did not come to the bound", d)
		}
	}
}

// Nothing is allocated once a queue has been as full before.
func TestAllocatesNothing(t *testing.T) {
	for _, d := range Disciplines {
		q := churned(d.Name, 1000, 100)
		now, i := tick.Instant(0), 0
		if n := testing.AllocsPerRun(5000, func() { churn(q, &now, &i, 100); q.Ahead(i%100, 10) }); n != 0 {
			t.Errorf("%s: %v allocations per operation", d.Name, n)
		}
	}
}

// churned returns a queue in two bands, in which so many of so many tenants wait.
func churned(discipline string, waiting, tenants int) *Queue {
	list := make([]Tenant, tenants)
	for i := range list {
		list[i] = Tenant{Weight: int64(1 + i%5), Band: i % 2}
	}
	q := New(&Config{Discipline: discipline, MaxRequests: waiting, MaxBytes: 1 << 40, TTL: unit.Duration(time.Hour), Quantum: 1000,
		Bands: []Band{{Name: "high"}, {Name: "low", MinShare: 200_000}}}, list)
	now, i := tick.Instant(0), 0
	for q.Len() < waiting || i < 3*waiting {
		churn(q, &now, &i, tenants)
	}
	return q
}

// churn does each operation once: one comes, one is served, and every now and
// then one leaves, comes back, is displaced, expires or is charged more.
func churn(q *Queue, now *tick.Instant, i *int, tenants int) {
	*i++
	*now = now.Add(time.Millisecond)
	_, left := q.Push(*now, Item{Cost: int64(1 + *i*7919%3000), Bytes: 100, Deadline: now.Add(time.Duration(1+*i*31%100) * time.Minute), Tenant: uint16(*i * 7 % tenants)})
	for _, ok := q.Displaced(); ok; _, ok = q.Displaced() {
	}
	if *i%50 == 0 {
		q.Remove(left)
	}
	q.Adjust(*i%tenants, int64(*i%200-100))
	for _, ok := q.Expire(*now); ok; _, ok = q.Expire(*now) {
	}
	if q.Len() < q.cfg.MaxRequests {
		return
	}
	it, h, _ := q.Peek(*now)
	q.Take(*now, h)
	if *i%10 == 0 {
		q.Return(*now, it)
	}
}

// BenchmarkChurn is flat from 10 to 100,000 that wait.
func BenchmarkChurn(b *testing.B) {
	for _, d := range Disciplines {
		for _, size := range []struct{ waiting, tenants int }{{10, 5}, {1000, 100}, {100_000, 100}, {100_000, 10_000}} {
			b.Run(fmt.Sprintf("%s/%d-of-%d", d.Name, size.waiting, size.tenants), func(b *testing.B) {
				q := churned(d.Name, size.waiting, size.tenants)
				now, i := tick.Instant(0), 0
				b.ReportAllocs()
				for b.Loop() {
					churn(q, &now, &i, size.tenants)
				}
			})
		}
	}
}

// BenchmarkAhead grows with the tenants that are served before, and not with what
// they have waiting.
func BenchmarkAhead(b *testing.B) {
	for _, d := range Disciplines {
		for _, size := range []struct{ waiting, tenants int }{{1000, 10}, {100_000, 10}, {100_000, 10_000}} {
			b.Run(fmt.Sprintf("%s/%d-of-%d", d.Name, size.waiting, size.tenants), func(b *testing.B) {
				q := churned(d.Name, size.waiting, size.tenants)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					q.Ahead(i%size.tenants, 100)
				}
			})
		}
	}
}
