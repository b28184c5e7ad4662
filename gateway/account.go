package gateway

import (
	"bytes"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"foundrylab/gateway/account"
	"foundrylab/gateway/budget"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
)

// Spent is an attempt that is over, and what it cost.
type Spent struct {
	Key     uint64 // of the request: that of its marker, where it has one
	Pool    string
	Backend string
	Tenant  uint16 // place in Config.Clients; record.NoTenant: whoever came
	Attempt uint16 // of the request, from 1
	Hedge   bool   // it was made beside another one
	Status  uint16 // of the answer; 0: none came
	Reason  record.Reason
	account.Entry
}

// asks is what a request asks for, as far as its cost depends on it.
type asks struct {
	key       uint64
	estimate  int32 // of the prompt: what the service's limits take it for
	maxTokens int32 // of all choices together; negative: it does not say
	stream    bool
}

// asksOf reads it from a body. Several choices, of which perhaps not all are
// shown, to each of several prompts are as many answers.
func asksOf(op *ops.Operation, p *ops.Peeked) asks {
	a := asks{maxTokens: -1, stream: p.Stream}
	if most := p.OutputLimit(); op.GenAI == "embeddings" { // nothing is said in answer
		a.maxTokens = 0
	} else if most >= 0 {
		a.maxTokens = tokens32(min(most, math.MaxInt32) * max(p.N, p.BestOf, 1) * max(len(p.Inputs), 1))
	}
	return a
}

// spent accounts, once, for an attempt, which is over for that reason: with that
// status, or 0 for that of its answer as far as one has come.
func (a *attempt) spent(status uint16, why record.Reason) {
	if !a.open {
		return
	}
	a.open = false
	x := a.x
	x.pool.countHedge(a)
	if x.route.op.Peek == nil { // who asks nothing of a model is billed nothing
		return
	}
	if status == 0 && a.response != nil {
		status = uint16(a.response.StatusCode)
	}
	s := x.settings()
	b := &s.backends[a.at]
	t := s.tallies[x.visitor.place()]
	known := account.Attempt{Status: status, Reason: why, Estimate: x.asks.estimate, MaxTokens: x.asks.maxTokens, Stream: x.asks.stream}
	if m := a.meter; m != nil {
		known.Usage, known.Used, known.Stream = m.usage, m.used, m.framer != nil
	} else {
		known.Filtered = status == 400 && bytes.Contains(a.kept.body, contentFilter)
	}
	if !known.Usage {
		x.countPrompt()
		if known.Prompt = x.prompt; known.Prompt == 0 {
			known.Prompt = x.asks.estimate
		}
		known.Expected, known.Worked = t.expects(a.at, a.ended().Sub(a.sent))
	}
	if !a.written {
		known.Reason = record.ConnectError
	}
	e := account.Of(&known, b.rule)
	prices := &s.Core.Budget.Prices
	t.spend(a.at, &e, prices, known.Usage && !known.Stream)
	x.cost.add(&e, prices)
	if x.g.cfg.Account != nil {
		x.g.cfg.Account(Spent{Key: x.asks.key, Pool: s.Name, Backend: b.Name, Tenant: x.visitor.tenant, Attempt: a.nth, Hedge: a.beside != nil, Status: status, Reason: why, Entry: e})
	}
}

// contentFilter stands in the answer to a prompt that the content filter stopped.
var contentFilter = []byte(`"content_filter"`)

// cost is what the attempts of a request cost together.
type cost struct {
	prompt, cached, completion, charge int64
	money                              int64 // as budget.Prices.Of has it
	estimated                          bool  // not all of it was counted by backends
}

func (c *cost) add(e *account.Entry, prices *budget.Prices) {
	c.prompt += int64(e.Bill.Prompt)
	c.cached += int64(e.Bill.Cached)
	c.completion += int64(e.Bill.Completion)
	c.charge += e.Charge
	c.money = budget.Sum(c.money, prices.Of(int64(e.Bill.Prompt), int64(e.Bill.Cached), int64(e.Bill.Completion)))
	c.estimated = c.estimated || !e.Bill.Exact
}

// expenses are what the attempts of one tenant at one backend cost, in tokens.
type expenses struct {
	exact, estimated bills
	charge           uint64
	money            int64 // as budget.Prices.Of has it

	wholes, length uint64        // whole answers, and the tokens of them
	begins         uint64        // streams that have begun
	beginning      time.Duration // and how long they took to
}

// bills are the sums of bills.
type bills struct{ prompt, cached, completion uint64 }

func (t *tally) spend(backend uint16, e *account.Entry, prices *budget.Prices, whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &t.at(int(backend)).expenses
	sum := &x.exact
	if !e.Bill.Exact {
		sum = &x.estimated
	}
	sum.prompt += uint64(e.Bill.Prompt)
	sum.cached += uint64(e.Bill.Cached)
	sum.completion += uint64(e.Bill.Completion)
	x.charge += uint64(e.Charge)
	x.money = budget.Sum(x.money, prices.Of(int64(e.Bill.Prompt), int64(e.Bill.Cached), int64(e.Bill.Completion)))
	if whole {
		x.wholes++
		x.length += uint64(e.Bill.Completion)
	}
}

// begin notes how long a stream took to begin.
func (t *tally) begin(backend uint16, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &t.at(int(backend)).expenses
	x.begins++
	x.beginning += took
}

// expects returns the mean length of whole answers by a backend, in tokens,
// negative where there were none; and whether it has begun with what it has had
// for so long: for half the time that a stream takes to begin.
func (t *tally) expects(backend uint16, had time.Duration) (length int32, worked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &t.at(int(backend)).expenses
	length = -1
	if x.wholes > 0 {
		length = int32(x.length / x.wholes)
	}
	return length, x.begins > 0 && had > x.beginning/time.Duration(2*x.begins)
}

func (m *metrics) collectExpenses(out chan<- prometheus.Metric, x *expenses, pool, tenant, backend string) {
	for _, c := range []struct {
		count string
		*bills
	}{{"exact", &x.exact}, {"estimated", &x.estimated}} {
		for _, k := range []struct {
			kind string
			n    uint64
		}{{"prompt", c.prompt}, {"cached", c.cached}, {"completion", c.completion}} {
			out <- prometheus.MustNewConstMetric(m.billed, prometheus.CounterValue, float64(k.n), pool, tenant, backend, k.kind, c.count)
		}
	}
	if x.money > 0 {
		out <- prometheus.MustNewConstMetric(m.amount, prometheus.CounterValue, amount(x.money), pool, tenant, backend)
	}
	out <- prometheus.MustNewConstMetric(m.charged, prometheus.CounterValue, float64(x.charge), pool, tenant, backend)
}

// amount is money of budget.Prices.Of in its currency.
func amount(money int64) float64 { return float64(money) / 1e12 }
