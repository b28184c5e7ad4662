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
				for range 60 {
					switch it, h, ok := q.Peek(0); {
					case r.Intn(3) > 0 || !ok:
						q.Push(0, Item{Cost: 1 + r.Int63n(3000), Deadline: tick.Instant(1 + r.Intn(100)), Tenant: uint16(r.Intn(len(tenants)))})
					case r.Intn(5) == 0:
						q.Adjust(int(it.Tenant), r.Int63n(2000)-1000)
					default:
						q.Take(0, h)
					}
				}
				tenant, cost := r.Intn(len(tenants)), 1+r.Int63n(3000)
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

// Nothing is allocated once a queue has been as full before.
func TestAllocatesNothing(t *testing.T) {
	for _, d := range Disciplines {
		q := churned(d.Name, 1000, 100)
		now, i := tick.Instant(0), 0
		if n := testing.AllocsPerRun(5000, func() { churn(q, &now, &i, 100) }); n != 0 {
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
