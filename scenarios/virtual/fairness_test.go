package virtual_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/scenarios"
	"foundrylab/scenarios/virtual"
)

// shop is a gateway in front of one deployment that admits 600,000 tokens a
// minute, and who comes. Prompts are of 200 to 900 tokens, so that the largest
// request is less than 2 % of what the least tenant is entitled to in a minute.
type shop struct {
	gateway string // more of the gateway, or instead
	backend string
	visitor []visitor
	length  time.Duration
}

type visitor struct {
	name      string
	weight    int
	rate      string // of requests
	maxTokens int
	more      string
}

const (
	perMinute = 600_000
	queued    = "queue: {ttl: 30s, discipline: %s}, budget: {dispatch: %s, limits: [{backend: a, tpm: 600k}]}"
)

func (s shop) run(t *testing.T) *watched {
	t.Helper()
	var b strings.Builder
	backend := s.backend
	if backend == "" {
		backend = "{name: a, model: gpt-4.1, sku: GlobalStandard, tpm: 600k, rpm: 60k}"
	}
	fmt.Fprintf(&b, "version: 1\nseed: 7\nduration: %v\nwarmup: 2m\ndrain: 40m\nbackends: [%s]\ngateway: {route: {groups: [[a]]}, %s}\ntenants:\n", s.length, backend, s.gateway)
	for _, v := range s.visitor {
		fmt.Fprintf(&b, "- {name: %s, weight: %d, client: none, arrivals: {poisson: {rate: %s}}, prompt: {uniform: {min: 200, max: 900}}, output: 10, max_tokens: %d%s}\n",
			v.name, v.weight, v.rate, v.maxTokens, v.more)
	}
	sc, err := scenarios.Load("shop.yaml", []byte(b.String()), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{start: tick.Instant(sc.StartTime().UnixNano())}
	w.Result = virtual.Run(sc, virtual.Options{Also: w}).Result()
	return w
}

// watched keeps what a record sums up.
type watched struct {
	*record.Result
	start    tick.Instant
	attempts []record.Attempt
	requests []record.Request
}

func (w *watched) Attempt(a *record.Attempt)         { w.attempts = append(w.attempts, *a) }
func (w *watched) Request(r *record.Request)         { w.requests = append(w.requests, *r) }
func (w *watched) Try(*record.Try)                   {}
func (w *watched) Sample(*record.Sample)             {}
func (w *watched) Transition(*record.Transition)     {}
func (w *watched) Lag(time.Duration)                 {}
func (w *watched) Dropped(int64)                     {}
func (w *watched) tenant(i int) *record.TenantResult { return &w.Tenants[i] }

// charged returns what the backend charged for each tenant in each aligned
// window of two limiter periods after the first.
func (w *watched) charged(tenants int, length time.Duration) (windows [][]int64) {
	const window = 2 * time.Minute
	for range length/window - 1 {
		windows = append(windows, make([]int64, tenants))
	}
	for _, a := range w.attempts {
		if i := int(a.Start.Sub(w.start)/window) - 1; i >= 0 && i < len(windows) {
			windows[i][a.Tenant] += a.Charged
		}
	}
	return windows
}

// waits returns a quantile of the queue wait of a tenant's requests, in parts
// per hundred.
func (w *watched) wait(tenant, quantile int) time.Duration {
	var waits []time.Duration
	for _, r := range w.requests {
		if int(r.Tenant) == tenant && r.Intended.Sub(w.start) >= 2*time.Minute {
			waits = append(waits, r.QueueWait)
		}
	}
	slices.Sort(waits)
	return waits[(len(waits)*quantile+99)/100-1]
}

// Five tenants want three times what there is: in every two minutes each gets
// its share by weight of all that there is.
func TestSharesAreFair(t *testing.T) {
	for _, discipline := range []string{"vtc", "drr"} {
		weights := []int64{5, 3, 1, 1, 1}
		s := shop{length: 20 * time.Minute, gateway: fmt.Sprintf(queued, discipline, "predictive")}
		for i, rate := range []string{"21/s", "13/s", "4.3/s", "4.3/s", "4.3/s"} {
			s.visitor = append(s.visitor, visitor{name: fmt.Sprint("t", i), weight: int(weights[i]), rate: rate, maxTokens: 100})
		}
		w := s.run(t)
		worst, jain, used := record.Ratio(1_000_000), record.Ratio(1_000_000), record.Ratio(1_000_000)
		for _, served := range w.charged(len(weights), s.length) {
			total := int64(0)
			for _, n := range served {
				total += n
			}
			var satisfied []record.Ratio
			for i, n := range served {
				satisfied = append(satisfied, record.Ratio(n*1_000_000*11/(total*weights[i])))
			}
			worst, jain = min(worst, slices.Min(satisfied)), min(jain, record.Jain(satisfied))
			used = min(used, record.Ratio(total*1_000_000/(2*perMinute)))
		}
		t.Logf("%s: in the worst of %d windows satisfaction %d ppm, Jain's index %d ppm, budget used %d ppm; %d refusals", discipline,
			len(w.charged(5, s.length)), worst, jain, used, w.Backends[0].Throttled)
		if worst < 950_000 || jain < 990_000 || used < 970_000 || w.Backends[0].Throttled > 0 {
			t.Errorf("%s is not fair", discipline)
		}
	}
}

// One tenant asks for a hundred times its share, or for 16,000 tokens where it
// needs ten: who uses half of what it is entitled to does not notice.
func TestNobodyPaysForAnother(t *testing.T) {
	base := []visitor{{"half", 5, "3.5/s", 100, ""}, {"b", 3, "2/s", 100, ""}, {"greedy", 1, "0.7/s", 100, ""}, {"c", 1, "0.7/s", 100, ""}, {"d", 1, "0.7/s", 100, ""}}
	with := func(greedy visitor) []visitor {
		v := slices.Clone(base)
		v[2] = greedy
		return v
	}
	p95 := func(discipline, dispatch string, v []visitor) time.Duration {
		s := shop{length: 10 * time.Minute, gateway: fmt.Sprintf(queued, discipline, dispatch), visitor: v}
		return s.run(t).wait(0, 95)
	}
	for _, c := range []struct {
		discipline, dispatch string
		fair                 bool
	}{{"vtc", "predictive", true}, {"drr", "predictive", true}, {"vtc", "hybrid", true}, {"fifo", "predictive", false}, {"vtc", "reactive", false}} {
		before := p95(c.discipline, c.dispatch, base)
		many := p95(c.discipline, c.dispatch, with(visitor{"greedy", 1, "125/s", 100, ""}))
		large := p95(c.discipline, c.dispatch, with(visitor{"greedy", 1, "3/s", 16_000, ""}))
		t.Logf("%s, %s: p95 of the wait %v; beside a hundred times the share %v; beside max_tokens of 16,000 %v", c.discipline, c.dispatch, before, many, large)
		bound := before + max(before/10, 5*time.Millisecond)
		if fair := many <= bound && large <= bound; fair != c.fair {
			t.Errorf("%s, %s: fair is %v, want %v: the test cannot tell, or nobody is protected", c.discipline, c.dispatch, fair, c.fair)
		}
	}
}

// While people want all there is, batch work waits: none of it is lost, it never
// stops altogether, and nobody who is in a hurry waits for it.
func TestBatchWaitsForPeople(t *testing.T) {
	s := shop{length: 20 * time.Minute,
		gateway: `queue: {bands: [{name: people}, {name: batch, min_share: 5%, ttl: 30m}]}, tenants: [{name: day, priority: people}, {name: peak, priority: people}],
  budget: {dispatch: predictive, limits: [{backend: a, tpm: 600k}]}`,
		visitor: []visitor{{"day", 1, "4/s", 100, ""}, {"peak", 1, "5/s", 100, ", start: 6m, stop: 12m"}, {"nightly", 1, "5/s", 100, ""}}}
	w := s.run(t)
	for i, name := range []string{"day", "peak"} {
		t.Logf("%s: p95 of the wait %v, %d lost", name, w.wait(i, 95), w.tenant(i).Requests-w.tenant(i).Succeeded)
		if w.wait(i, 95) > 5*time.Millisecond || w.tenant(i).Succeeded != w.tenant(i).Requests {
			t.Errorf("%s had to wait", name)
		}
	}
	seconds := map[int]bool{} // in which batch work began
	for _, a := range w.attempts {
		if a.Tenant == 2 {
			seconds[int(a.Start.Sub(w.start)/time.Second)] = true
		}
	}
	idle, longest := 0, 0
	for i := range 12 * 60 {
		if idle++; seconds[i] {
			idle = 0
		}
		longest = max(longest, idle)
	}
	t.Logf("nightly: p95 of the wait %v, at most %v, longest pause %d s, %d lost", w.wait(2, 95), w.wait(2, 100), longest, w.tenant(2).Requests-w.tenant(2).Succeeded)
	if w.tenant(2).Succeeded != w.tenant(2).Requests || longest > 5 || w.wait(2, 100) < time.Minute {
		t.Error("batch work is lost, starved, or did not have to wait")
	}
}
