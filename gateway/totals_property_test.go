package gateway

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"foundrylab/gateway/budget"
	"foundrylab/gateway/core"
	"foundrylab/internal/record"
	"foundrylab/internal/unit"
)

// A reload keeps what was used of a total, also by requests under way; of a tenant that is gone, or has no total any more, it
// is forgotten; one that is not valid changes nothing.
func TestTotalsAreReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := always(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); ok(w, r) })
		var cfg Config
		limits := func(quota unit.Count) budget.Limits {
			return budget.Limits{Concurrency: 2, Quota: []budget.Quota{{Tokens: quota, Period: "day"}}}
		}
		lb := newLab(t, []*fake{always(ok), slow}, func(c *Config) { inTotal(c, limits(200)); cfg = *c })
		reload := func(change func(c *Config)) error {
			next := cfg
			change(&next)
			return lb.Reconfigure(next)
		}
		expect := func(when string, used int64, active int) {
			t.Helper()
			if use := lb.ofTotal(); use.Quotas[0].Used != used || use.Active != active {
				t.Errorf("%s: %+v, want %d used and %d active", when, use, used, active)
			}
		}
		lb.ask("large")
		expect("at first", 27, 0)
		done := make(chan struct{})
		go func() { defer close(done); lb.ask("small") }()
		synctest.Wait()
		if err := reload(func(c *Config) { c.Totals = []Total{{"team", limits(70)}} }); err != nil {
			t.Fatal(err)
		}
		expect("after a reload", 27+49, 1)
		if got := lb.ask("large"); got.told() != "403 tenant-quota 86400000" {
			t.Errorf("it is not in force: %s", got.told())
		}
		<-done
		synctest.Wait()
		expect("what began before is over", 27+27, 0)
		for _, bad := range []Total{{"who", limits(5)}, {"team", budget.Limits{}}, {"team", budget.Limits{Quota: []budget.Quota{{Tokens: 5, Period: "week"}}}}} {
			if err := reload(func(c *Config) { c.Totals = []Total{bad} }); err == nil {
				t.Errorf("%+v is taken", bad)
			}
		}
		if err := reload(func(c *Config) {
			c.FrontDoor, c.Totals, c.Backends = "x", []Total{{"team", limits(5)}}, make([]Backend, 1)
		}); err == nil {
			t.Error("a configuration that is wrong elsewhere is taken")
		}
		expect("after mistakes", 27+27, 0)
		if got := lb.ofTotal().Quotas[0].Tokens; got != 70 {
			t.Errorf("its quota is %v", got)
		}
		for _, gone := range []func(c *Config){func(c *Config) { c.Totals = nil }, func(c *Config) { c.Totals = []Total{{"nobody", limits(5)}} }, func(c *Config) { c.Totals, c.Clients = nil, c.Clients[:1] }} {
			if err := reload(gone); err != nil {
				t.Fatal(err)
			}
			if err := reload(func(*Config) {}); err != nil {
				t.Fatal(err)
			}
			expect("back again", 0, 0)
			lb.ask("large")
			expect("and anew", 27, 0)
		}
	})
}

// act is a request of a sequence.
type act struct {
	after time.Duration // since the one before came
	body  string
	path  string
	leave time.Duration
}

// sequence makes requests of all kinds, which come one by one and overlap.
func sequence(dice *rand.Rand) []act {
	list := make([]act, 60)
	for i := range list {
		words := strings.Repeat("hello ", 1+dice.Intn(60))
		extra := []string{"", `,"max_tokens":20`, `,"max_tokens":90`, `,"max_tokens":400`, `,"max_tokens":20,"n":3`, `,"stream":true,"max_tokens":30`, `,"stream":true`}[dice.Intn(7)]
		a := act{after: time.Duration(1+dice.Intn(900))*time.Millisecond + time.Duration(i)*time.Microsecond, path: v1,
			body: fmt.Sprintf(`{"model":"gpt-4.1","messages":[{"role":"user","content":%q}]%s}`, words, extra)}
		// Of one that leaves before its answer began a pool counts the prompt's estimate, and its bill what was counted.
		if dice.Intn(8) == 0 {
			a.body = strings.Replace(strings.Replace(marked(uint64(i)), "{", `{"model":"gpt-4.1",`, 1), `,"max_tokens":16`, extra, 1)
			a.leave = time.Duration(1+dice.Intn(2000))*time.Millisecond + 500*time.Nanosecond
		}
		list[i] = a
	}
	return list
}

// moody is a backend that answers in all the ways of which the bill is what a pool's own limits count.
func moody(seed int64) *fake {
	return &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) {
		dice := rand.New(rand.NewSource(seed<<20 + int64(n)))
		pause := func() bool {
			select {
			case <-time.After(time.Duration(dice.Intn(1500))*time.Millisecond + 37*time.Nanosecond):
				return true
			case <-r.Context().Done():
				return false
			}
		}
		if !pause() {
			return
		}
		usage := fmt.Sprintf(`"usage":{"completion_tokens":%d,"prompt_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}`, dice.Intn(100), 30+dice.Intn(50), dice.Intn(30))
		switch dice.Intn(8) {
		case 0:
			status(429, "Retry-After", "1")(w, r)
		case 1:
			status(400)(w, r)
		case 2, 3:
			w.Header().Set("Content-Type", "text/event-stream")
			for _, e := range []string{roleEvent, contentEvent, contentEvent, contentEvent, finishEvent, `{"choices":[],` + usage + `}`, doneEvent} {
				if !pause() {
					return
				}
				fmt.Fprintf(w, "data: %s\n\n", e)
				w.(http.Flusher).Flush()
			}
		default:
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"Hello.","role":"assistant"}}],"object":"chat.completion",`+usage+`}`)
		}
	}}
}

// A gateway of one pool with a total answers what one does whose pool grants the same: whatever is asked, and when.
func TestTotalOfOnePoolIsThePools(t *testing.T) {
	refused := map[string]int{}
	for seed := range int64(40) {
		dice := rand.New(rand.NewSource(seed))
		limits := budget.Limits{}
		if seed%2 == 0 {
			limits.TPM = unit.Count(300 + dice.Intn(2000))
		}
		if seed%3 == 0 {
			limits.RPM = unit.Count(10 + dice.Intn(40))
		}
		if seed%5 < 2 {
			limits.Concurrency = 1 + dice.Intn(4)
		}
		if seed%4 > 1 {
			limits.Quota = []budget.Quota{{Tokens: unit.Count(1000 + dice.Intn(5000)), Period: "hour"}}
		}
		if limits.Quota = append(limits.Quota, budget.Quota{Amount: unit.Money(5_000 + dice.Intn(20_000)), Period: "day"}); seed%3 > 0 {
			limits.Quota = limits.Quota[:len(limits.Quota)-1]
		}
		if !limits.Any() {
			limits.TPM = 500
		}
		acts := sequence(dice)
		var told [2][]string
		for i, change := range []func(*Config){
			func(c *Config) { c.Core.Tenants = []core.Tenant{{Name: "team", Limits: limits}} },
			func(c *Config) { c.Totals = []Total{{"team", limits}} },
		} {
			synctest.Test(t, func(t *testing.T) { told[i] = play(t, seed, acts, change) })
		}
		for i := range acts {
			if told[0][i] != told[1][i] {
				t.Fatalf("seed %d, %+v: request %d is told\n%s\nby the pool, and by the total\n%s", seed, limits, i, told[0][i], told[1][i])
			}
			refused[strings.Fields(told[0][i] + " none")[1]]++
		}
	}
	for _, why := range []record.Reason{record.TenantTokens, record.TenantRequests, record.TenantConcurrency, record.TenantQuota} {
		if refused[why.String()] < 20 {
			t.Errorf("%d refusals with %v are too few to tell", refused[why.String()], why)
		}
	}
}

// play asks a new gateway for all of a sequence, and returns what it was told.
func play(t *testing.T, seed int64, acts []act, change func(*Config)) []string {
	lb := newLab(t, []*fake{moody(seed)}, func(c *Config) {
		c.Clients = []Client{{Name: "team", Key: "k"}}
		c.Core.Breaker.Failures = 1000
		c.Core.Breaker.MaxRetryAfter = 0
		c.Core.Budget.Prices = budget.Prices{Prompt: 2_000_000, Cached: 1_000_000, Completion: 8_000_000}
		change(c)
	})
	told := make([]string, len(acts))
	var all sync.WaitGroup
	for i, a := range acts {
		time.Sleep(a.after)
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if a.leave > 0 {
				time.AfterFunc(a.leave, cancel)
			}
			resp, err := lb.request(ctx, a.path, a.body, "api-key", "k")
			if err != nil {
				told[i] = "nothing"
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			got := reply{status: resp.StatusCode, header: resp.Header}
			told[i] = got.told() + " " + strings.Replace(string(body), ofAllModels, "", 1)
		})
	}
	all.Wait()
	time.Sleep(time.Minute)
	return told
}

// However many ask at a time, of whichever pool, and however often the configuration changes: in the end what is used is what
// the bills come to, and nobody is inside.
func TestTotalsConserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bills sum
		const quota = 20_000
		var cfg Config
		lb := newLab(t, []*fake{moody(1), moody(2)}, func(c *Config) {
			inTotal(c, budget.Limits{Concurrency: 8, Quota: []budget.Quota{{Tokens: quota, Period: "day"}, {Amount: 900_000_000, Period: "day"}}})
			for i := range c.Pools {
				c.Pools[i].Core.Breaker.Failures, c.Pools[i].Core.Breaker.MaxRetryAfter = 1000, 0
				c.Pools[i].Core.Tenants = []core.Tenant{{Name: "team", Limits: budget.Limits{RPM: 300}}}
			}
			c.Account = bills.add(c)
			cfg = *c
		})
		var all sync.WaitGroup
		for g := range 24 {
			all.Go(func() {
				dice := rand.New(rand.NewSource(int64(g)))
				for _, a := range sequence(dice) {
					ctx, cancel := context.WithCancel(t.Context())
					if a.leave > 0 {
						time.AfterFunc(a.leave, cancel)
					}
					model := []string{"large", "small"}[dice.Intn(2)]
					resp, err := lb.request(ctx, v1, strings.Replace(a.body, "gpt-4.1", model, 1), "api-key", "k")
					if err == nil {
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					cancel()
					time.Sleep(time.Duration(dice.Intn(3000)) * time.Millisecond)
				}
			})
		}
		all.Go(func() {
			for range 20 {
				time.Sleep(time.Second)
				if err := lb.Reconfigure(cfg); err != nil {
					t.Error(err)
				}
			}
		})
		all.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		use := lb.ofTotal()
		if use.Active != 0 || use.Quotas[0].Used != bills.tokens || use.Quotas[1].Used != bills.money || bills.tokens < quota/2 {
			t.Errorf("%+v are used, and the bills come to %d tokens and %d of money", use, bills.tokens, bills.money)
		}
	})
}

// What is billed after the answer is known counts as well, once; an answer that could have no tokens says nothing of how long
// others are, and a prompt that could not be counted stays what it was taken for.
func TestTotalsAreSettledAgain(t *testing.T) {
	lb := newLab(t, []*fake{always(ok), always(ok)}, func(c *Config) {
		inTotal(c, budget.Limits{Quota: []budget.Quota{{Tokens: 1000, Period: "day"}, {Amount: 1_000_000, Period: "day"}}})
	})
	in := lb.present.Load()
	x := &exchange{g: lb.Gateway, pool: in.pools[0].pool}
	x.visitor.tenant = 1
	x.withinTotal(in, &core.Event{PromptEstimate: 30})
	expect := func(when string, tokens, money int64, active int) {
		t.Helper()
		if use := lb.ofTotal(); use.Quotas[0].Used != tokens || use.Quotas[1].Used != money || use.Active != active {
			t.Errorf("%s: %+v", when, use)
		}
	}
	x.recountTotal(x.prompt)
	expect("at first", 30, 60_000_000, 1)
	x.cost.prompt, x.cost.money = 33, 66_000_000
	x.settleTotal(core.Effect{Kind: core.Respond, Outcome: record.Succeeded, Completion: 5})
	x.recountTotal(50) // by an attempt that comes too late
	expect("it is answered", 33, 66_000_000, 0)
	x.settleTotal(core.Effect{})
	expect("it is over", 33, 66_000_000, 0)
	x.cost.prompt, x.cost.money = 66, 132_000_000
	x.settleTotal(core.Effect{})
	x.settleTotal(core.Effect{})
	expect("there was another attempt", 66, 132_000_000, 0)
	x.portion, x.cost = portion{}, cost{prompt: 10, money: 20_000_000}
	x.withinTotal(in, &core.Event{PromptEstimate: 30})
	x.settleTotal(core.Effect{Kind: core.Respond, Reason: record.BackendGone, Attempts: 1})
	expect("there was an attempt before its backend was gone", 76, 152_000_000, 0)
	if n := in.totals[1].lengthOf(x.pool).Expected(); n != -1 {
		t.Errorf("answers are taken to have %d tokens", n)
	}
}

// A total costs no memory, and none costs no time to speak of.
func TestTotalsAllocateNothing(t *testing.T) {
	lb := newLab(t, []*fake{always(ok), always(ok)}, func(c *Config) {
		inTotal(c, budget.Limits{TPM: 1_000_000, RPM: 1_000_000_000, Concurrency: 9, Quota: []budget.Quota{{Tokens: 1_000_000, Period: "day"}}})
	})
	in := lb.present.Load()
	for _, tenant := range []uint16{0, 1, record.NoTenant} {
		x := &exchange{g: lb.Gateway, pool: in.pools[1].pool}
		x.visitor.tenant = tenant
		request := core.Event{Kind: core.Request, PromptEstimate: 30, MaxTokens: -1}
		turn := func() {
			x.portion = portion{}
			if x.prompt = 0; !x.withinTotal(in, &request) {
				t.Fatal("it is refused")
			}
			if x.prompt = 40; tenant == 1 && lb.ofTotalActive() != 1 {
				t.Fatal("it is not counted")
			}
			x.recountTotal(x.prompt)
			x.asks.maxTokens, x.cost.prompt, x.cost.completion = -1, 41, 7
			x.settleTotal(core.Effect{Kind: core.Respond, Outcome: record.Succeeded, Completion: 7})
			x.settleTotal(core.Effect{})
		}
		if n := testing.AllocsPerRun(100, turn); n != 0 {
			t.Errorf("tenant %d: %v allocations", tenant, n)
		}
	}
}

func (lb *lab) ofTotalActive() int {
	t := lb.present.Load().totals[1]
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.allowance.Active()
}
