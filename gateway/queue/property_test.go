package queue

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/internal/unit"
)

// TestAgainstDumb throws random operations at the queue and at a list that is
// searched from end to end, in every discipline: they never differ. Small
// bounds, so that each of them is reached.
func TestAgainstDumb(t *testing.T) {
	for _, d := range Disciplines {
		t.Run(d.Name, func(t *testing.T) {
			seen := map[string]int{}
			for seed := range int64(60) {
				compareWithDumb(t, d.Name, seed, seen)
			}
			for _, what := range []string{"queued", "full", "full-bytes", "band-full", "band-full-bytes", "late", "displaced", "expired", "returned", "owed", "reconfigured"} {
				if seen[what] < 10 {
					t.Errorf("%s happened %d times: the test does not reach it", what, seen[what])
				}
			}
		})
	}
}

func testConfig(discipline string, r *rand.Rand) *Config {
	return &Config{Discipline: discipline, MaxRequests: 20 + r.Intn(20), MaxBytes: unit.Count(2000 + r.Intn(2000)),
		TTL: unit.Duration(time.Second), Quantum: unit.Count(1 + r.Intn(300)), Bands: []Band{
			{Name: "high", MaxRequests: 18},
			{Name: "middle", MinShare: unit.Ratio(r.Intn(400_000)), MaxBytes: 1500},
			{Name: "low", MinShare: unit.Ratio(1 + r.Intn(300_000)), TTL: unit.Duration(3 * time.Second)},
		}}
}

// holdSome passes over who goes first, several times, or what of it is: they are no longer first, and when they are
// released all is as before.
func holdSome(t *testing.T, q *Queue, r *rand.Rand, where string) {
	first, _, some := q.Peek(0)
	held := map[uint16]bool{}
	passed := map[Handle]bool{}
	for range r.Intn(6) {
		it, h, ok := q.Peek(0)
		if !ok {
			break
		}
		if passed[h] {
			t.Fatalf("%s: %+v is passed over, and first", where, it)
		}
		if r.Intn(2) == 0 && q.Pass(int(it.Tenant)) {
			passed[h] = true
			continue
		}
		if held[it.Tenant] || !q.Hold(int(it.Tenant)) || q.Hold(int(it.Tenant)) {
			t.Fatalf("%s: tenant %d is held, and first", where, it.Tenant)
		}
		held[it.Tenant] = true
	}
	q.Release()
	if again, _, still := q.Peek(0); again != first || still != some {
		t.Fatalf("%s: after all are released %+v is first, before it was %+v", where, again, first)
	}
}

// pair is an item that waits, as both know it.
type pair struct {
	handle Handle
	seq    int64
}

func compareWithDumb(t *testing.T, discipline string, seed int64, seen map[string]int) {
	r := rand.New(rand.NewSource(seed))
	cfg := testConfig(discipline, r)
	tenants := make([]Tenant, 8)
	for i := range tenants {
		tenants[i] = Tenant{Weight: 1 + r.Int63n(5), Band: r.Intn(3)}
	}
	q, d := New(cfg, tenants), newDumb(cfg, tenants)
	now := tick.Instant(0)
	var waiting []pair
	var taken []Item
	item := func() Item {
		it := Item{Cost: 1 + r.Int63n(500), Bytes: r.Int63n(200), Deadline: tick.Never, Tenant: uint16(r.Intn(len(tenants)))}
		if r.Intn(2) == 0 {
			it.Deadline = now.Add(time.Duration(r.Intn(30)-1) * 100 * time.Millisecond)
		}
		if r.Intn(20) == 0 {
			it.Cost, it.Bytes = it.Cost*20, it.Bytes*4
		}
		return it
	}
	for step := range 1500 {
		where := fmt.Sprintf("seed %d, step %d", seed, step)
		if r.Intn(4) == 0 {
			holdSome(t, q, r, where)
		}
		switch op := r.Intn(21); {
		case op < 9:
			it := item()
			v, h := q.Push(now, it)
			w, seq := d.push(now, it)
			if v != w {
				t.Fatalf("%s: pushed %+v: %v, want %v", where, it, v, w)
			}
			if v == Queued {
				waiting = append(waiting, pair{h, seq})
			}
			seen[v.String()]++
			compareDisplaced(t, where, q, d, seen)
		case op < 14:
			got, h, ok := q.Peek(now)
			want, wantOK := d.peek()
			if got != want.Item || ok != wantOK {
				t.Fatalf("%s: next is %+v %t, want %+v %t", where, got, ok, want.Item, wantOK)
			}
			if ok {
				if tenants[got.Tenant].Band > 0 && q.LenAbove(tenants[got.Tenant].Band) > 0 {
					seen["owed"]++
				}
				q.Take(now, h)
				d.take(want.seq)
				taken = append(taken, got)
			}
		case op == 14 && len(waiting) > 0: // any, also one that is gone
			p := waiting[r.Intn(len(waiting))]
			was := d.has(p.seq)
			if q.Remove(p.handle) != was {
				t.Fatalf("%s: removing: want %t", where, was)
			}
			if was {
				d.drop(p.seq)
			}
		case op == 15 && len(waiting) > 0: // out of turn
			p := waiting[r.Intn(len(waiting))]
			q.Take(now, p.handle)
			if d.has(p.seq) {
				d.take(p.seq)
			}
		case op == 16 && len(taken) > 0:
			it := taken[len(taken)-1]
			taken = taken[:len(taken)-1]
			q.Adjust(int(it.Tenant), -it.Cost)
			d.adjust(int(it.Tenant), -it.Cost)
			waiting = append(waiting, pair{q.Return(now, it), d.giveBack(it)})
			seen["returned"]++
		case op == 20 && r.Intn(4) == 0: // other weights and bounds
			next := testConfig(discipline, r)
			for i := range tenants {
				tenants[i].Weight = 1 + r.Int63n(5)
			}
			q.Reconfigure(next, tenants)
			d.reconfigure(next, tenants)
			seen["reconfigured"]++
		case op == 17:
			tenant, delta := r.Intn(len(tenants)), r.Int63n(2000)-1000
			q.Adjust(tenant, delta)
			d.adjust(tenant, delta)
		default:
			now = now.Add(time.Duration(r.Intn(200)) * time.Millisecond)
			for {
				got, ok := q.Expire(now)
				want, wantOK := d.expire(now)
				if got != want || ok != wantOK {
					t.Fatalf("%s: expired %+v %t, want %+v %t", where, got, ok, want, wantOK)
				}
				if !ok {
					break
				}
				seen["expired"]++
			}
		}
		compareCounts(t, where, q, d)
	}
}

func (d *dumb) has(seq int64) bool {
	for _, it := range d.items {
		if it.seq == seq {
			return true
		}
	}
	return false
}

func compareDisplaced(t *testing.T, where string, q *Queue, d *dumb, seen map[string]int) {
	for _, want := range d.gone {
		got, ok := q.Displaced()
		if !ok || got != want {
			t.Fatalf("%s: displaced %+v %t, want %+v", where, got, ok, want)
		}
		seen["displaced"]++
	}
	d.gone = nil
	if got, ok := q.Displaced(); ok {
		t.Fatalf("%s: displaced %+v too", where, got)
	}
}

func compareCounts(t *testing.T, where string, q *Queue, d *dumb) {
	if q.Len() != len(d.items) || q.Bytes() != d.bytes() {
		t.Fatalf("%s: %d with %d bytes, want %d with %d", where, q.Len(), q.Bytes(), len(d.items), d.bytes())
	}
	for tenant := range d.tenants {
		if got, want := q.LenOf(tenant), len(d.line(tenant)); got != want {
			t.Fatalf("%s: tenant %d has %d, want %d", where, tenant, got, want)
		}
	}
	above := 0
	for band := range d.bands {
		if got := q.LenAbove(band); got != above {
			t.Fatalf("%s: %d above band %d, want %d", where, got, band, above)
		}
		n, _ := d.inBand(band)
		above += n
	}
	next := tick.Never
	for _, it := range d.items {
		next = min(next, it.Deadline)
	}
	if got := q.NextExpiry(); got != next {
		t.Fatalf("%s: next expiry %d, want %d", where, got, next)
	}
}
