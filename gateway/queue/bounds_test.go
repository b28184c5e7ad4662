package queue

import (
	"encoding/csv"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"testing"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// costsOfTrace returns the tokens of every request of the shipped trace.
func costsOfTrace(t *testing.T) []int64 {
	f, err := os.Open("../../scenarios/library/traces/sample.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var costs []int64
	for _, row := range rows[1:] {
		in, _ := strconv.ParseInt(row[1], 10, 64)
		out, err := strconv.ParseInt(row[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		costs = append(costs, in+2*out) // as the paper weighs them
	}
	return costs
}

// busy is a queue whose tenants send sizes of the trace, each with its own
// offset and some much larger, while some of them pause now and then.
type busy struct {
	q       *Queue
	tenants []Tenant
	costs   []int64
	next    []int
	largest []int64 // cost that a tenant sent
	pauses  int     // tenants up to here pause
}

func (b *busy) push(tenant int) {
	cost := b.costs[b.next[tenant]%len(b.costs)]
	b.next[tenant] += 1 + tenant%3
	if tenant%2 == 1 {
		cost *= 3
	}
	b.largest[tenant] = max(b.largest[tenant], cost)
	b.q.Push(0, Item{Cost: cost, Deadline: tick.Never, Tenant: uint16(tenant)})
}

// TestServiceDifference holds the bound of each fair discipline on real sizes:
// of two tenants that wait all the time, what they are served in any interval
// differs, by weight, by no more than their largest items, and with round robin
// a quantum. Its largest difference comes near it: the bound is not slack.
func TestServiceDifference(t *testing.T) {
	for _, c := range []struct {
		discipline string
		quantum    int64
	}{{"vtc", 0}, {"drr", 500}, {"drr", 5000}, {"drr", 50_000}} {
		t.Run(fmt.Sprint(c.discipline, c.quantum), func(t *testing.T) {
			nearest := int64(0) // percent of the bound
			for seed := range int64(20) {
				nearest = max(nearest, serviceDifference(t, c.discipline, c.quantum, seed))
			}
			t.Logf("the largest difference is %d %% of the bound", nearest)
			if nearest < 60 || nearest > 100 {
				t.Errorf("the largest difference is %d %% of the bound", nearest)
			}
		})
	}
}

// serviceDifference serves 4,000 items and returns the largest difference, in
// percent of the bound.
func serviceDifference(t *testing.T, discipline string, quantum, seed int64) (nearest int64) {
	r := rand.New(rand.NewSource(seed))
	b := &busy{tenants: make([]Tenant, 5), costs: costsOfTrace(t), next: make([]int, 5), largest: make([]int64, 5), pauses: 2}
	for i := range b.tenants {
		b.tenants[i].Weight = []int64{5, 3, 1, 1, 1}[i]
		b.next[i] = r.Intn(400)
	}
	b.q = New(&Config{Discipline: discipline, MaxRequests: 1 << 20, MaxBytes: 1 << 40, TTL: 1 << 60, Quantum: unit.Count(quantum)}, b.tenants)
	// What a tenant was served is compared with what it was at every earlier
	// moment: the extremes since both began to wait are enough.
	served := make([]int64, 5)
	var least, most [5][5]int64 // of Wi*wj - Wj*wi
	fresh := func(i int) {
		for j := range served {
			d := served[i]*b.tenants[j].Weight - served[j]*b.tenants[i].Weight
			least[i][j], most[i][j], least[j][i], most[j][i] = d, d, -d, -d
		}
	}
	for range 4000 {
		for i := range b.tenants {
			begins := b.q.LenOf(i) == 0
			if begins && i < b.pauses && r.Intn(10) > 0 {
				continue
			}
			for b.q.LenOf(i) < 3 {
				b.push(i)
			}
			if begins {
				fresh(i)
			}
		}
		it, h, _ := b.q.Peek(0)
		b.q.Take(0, h)
		served[it.Tenant] += it.Cost
		for i := range served {
			for j := range served {
				if i == j || b.q.LenOf(i) == 0 || b.q.LenOf(j) == 0 {
					continue
				}
				wi, wj := b.tenants[i].Weight, b.tenants[j].Weight
				d := served[i]*wj - served[j]*wi
				least[i][j], most[i][j] = min(least[i][j], d), max(most[i][j], d)
				bound := b.largest[i]*wj + b.largest[j]*wi + quantum*wi*wj
				apart := max(d-least[i][j], most[i][j]-d)
				// A counter is exact to one unit: for each of the two.
				if (apart-bound)*scale > wi+wj {
					t.Fatalf("seed %d: tenants %d and %d differ by %d (times weights), the bound is %d", seed, i, j, apart, bound)
				}
				nearest = max(nearest, apart*100/bound)
			}
		}
	}
	return nearest
}

// TestFIFOHasNoBound shows what the others are for: with the same load, a tenant
// that sends a hundred times as much gets a hundred times as much.
func TestFIFOHasNoBound(t *testing.T) {
	for _, d := range Disciplines {
		q := one(d.Name, Tenant{Weight: 1}, Tenant{Weight: 1})
		for i := range 1010 {
			q.Push(0, Item{Cost: 100, Deadline: tick.Never, Tenant: uint16(min(i%101, 1))})
		}
		var served [2]int64
		for range 20 {
			it, h, _ := q.Peek(0)
			q.Take(0, h)
			served[it.Tenant]++
		}
		if fair := served[0] == 10; fair == (d.Name == "fifo") {
			t.Errorf("%s served %d of the one and %d of the other", d.Name, served[0], served[1])
		}
	}
}

// TestMinShare: while it waits, a lower band is never further behind its share
// of what is served than one item of each band that has a share, and one more;
// with one such band, than its next item and its share of the last.
func TestMinShare(t *testing.T) {
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		bands := []Band{{Name: "high"}, {Name: "middle", MinShare: unit.Ratio(r.Intn(3) * r.Intn(250_000))}, {Name: "low", MinShare: unit.Ratio(1 + r.Intn(400_000))}}
		q := New(&Config{Discipline: "vtc", MaxRequests: 1 << 20, MaxBytes: 1 << 40, TTL: 1 << 60, Bands: bands}, []Tenant{{1, 0}, {1, 1}, {1, 2}})
		var served [3]int64
		total, largest := int64(0), int64(0)
		for step := range 3000 {
			for tenant := range 3 {
				for q.LenOf(tenant) < 2 {
					cost := 1 + r.Int63n(1000)*r.Int63n(1+int64(step%7))
					largest = max(largest, cost)
					q.Push(0, Item{Cost: cost, Deadline: tick.Never, Tenant: uint16(tenant)})
				}
			}
			it, h, _ := q.Peek(0)
			q.Take(0, h)
			served[it.Tenant] += it.Cost
			total += it.Cost
			for i := 1; i < 3; i++ {
				share := int64(bands[i].MinShare)
				behind := total*share - served[i]*1_000_000
				bound := largest * (1_000_000 + share)
				if bands[1].MinShare > 0 {
					bound = 3 * largest * 1_000_000
				}
				if share > 0 && behind > bound {
					t.Fatalf("seed %d: after %d, band %d has %d of its %d", seed, total, i, served[i], total*share/1_000_000)
				}
				// Nor does it get more, while higher ones wait.
				if over := -behind; over > largest*1_000_000 {
					t.Fatalf("seed %d: after %d, band %d has %d of its %d", seed, total, i, served[i], total*share/1_000_000)
				}
			}
		}
	}
}

// A band without a share waits for all others; one that idles is owed nothing
// for that time.
func TestIdlingIsOwedNothing(t *testing.T) {
	q := New(&Config{Discipline: "vtc", MaxRequests: 1000, MaxBytes: 1 << 40, TTL: 1 << 60, Bands: []Band{{Name: "high"}, {Name: "low", MinShare: 500_000}}},
		[]Tenant{{1, 0}, {1, 1}})
	push := func(tenant uint16, n int) {
		for range n {
			q.Push(0, Item{Cost: 10, Deadline: tick.Never, Tenant: tenant})
		}
	}
	order := ""
	take := func(n int) {
		for range n {
			it, h, _ := q.Peek(0)
			order += string("hl"[it.Tenant])
			q.Take(0, h)
		}
		order += " "
	}
	push(0, 30)
	take(10)
	push(1, 3)
	take(8)
	push(1, 2)
	take(4)
	if want := "hhhhhhhhhh hhlhlhlh hhlh "; order != want {
		t.Errorf("%q, want %q", order, want)
	}
}
