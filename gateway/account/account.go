// Package account says what an attempt cost, in two views that must not be mixed: the bill, which is what a provider
// invoices, and the charge, which is what the limits of a backend count. It owns what is known, what is estimated, and
// within which bounds. It refuses prices, clocks, and to remember anything.
package account

import (
	"math"

	"foundrylab/gateway/budget"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
)

// Attempt is what a gateway knows of an attempt that is over. Counts are in tokens.
type Attempt struct {
	Status   uint16 // of its answer; 0: none came
	Reason   record.Reason
	Filtered bool // the answer says that the content filter stopped the prompt

	Prompt    int32 // as the gateway counts it
	Estimate  int32 // what the service's limits take the prompt for at arrival
	MaxTokens int32 // of all choices together; negative: the request says nothing

	Worked   bool     // the backend had it for long enough to have begun with it
	Stream   bool     // its answer came, or would have come, in events
	Usage    bool     // the backend said what it used, in Used
	Used     ops.Used // without Usage as far as it is known: Completion is what came
	Expected int32    // length of a whole answer to the same tenant by the same backend; negative: nobody knows
}

// Entry is the account of an attempt.
type Entry struct {
	Bill   Bill
	Charge int64 // in the backend's own unit, as budget.Limit has it
}

// Bill is what an attempt is invoiced for, in tokens. Where the backend said it, or surely invoices nothing, it is Exact;
// else it is an estimate, and what is invoiced in the end lies between Least and Most, prompt and completion together.
type Bill struct {
	Prompt, Cached, Completion int32 // Cached is part of Prompt
	Exact                      bool
	Least, Most                int64 // negative Most: no bound is known
}

// Total is the tokens of a bill.
func (b *Bill) Total() int64 { return int64(b.Prompt) + int64(b.Completion) }

// Of is the account of an attempt at a backend that charges by that rule.
func Of(a *Attempt, rule budget.Rule) Entry {
	e := Entry{Bill: billOf(a)}
	switch {
	case a.Status == 429 || a.Reason == record.ConnectError: // limits do not count what they refuse
	case a.Status == 401 || a.Status == 403 || a.Status == 404: // nor what is refused before they are asked
	case a.Usage:
		e.Charge = rule.InTheEnd(a.Estimate, a.MaxTokens, e.Bill.Prompt-e.Bill.Cached, e.Bill.Completion)
	default:
		e.Charge = rule.InTheEnd(a.Estimate, a.MaxTokens, e.Bill.Prompt, e.Bill.Completion)
	}
	return e
}

func billOf(a *Attempt) Bill {
	switch {
	case a.Usage:
		b := a.said()
		b.Exact = true
		b.Least, b.Most = b.Total(), b.Total()
		return b
	case a.Reason == record.ConnectError: // nothing was sent
		return Bill{Exact: true}
	case a.Filtered: // the service bills a prompt that its filter stops
		return Bill{Prompt: a.Prompt, Least: int64(a.Prompt), Most: int64(a.Prompt)}
	case a.Status == 408: // billed where it was worked on, says the service
		return Bill{Most: a.most()}
	case a.Status >= 300:
		return Bill{Exact: true}
	case a.Status == 0 && (a.Worked || a.left()): // the prompt was read, as far as one can tell
		return Bill{Prompt: a.Prompt, Most: a.most()}
	case a.Status == 0: // who breaks off at once has not begun
		return Bill{Most: a.most()}
	}
	return a.broken()
}

// left reports whether the gateway has broken it off: since its client left, or
// another attempt of the same request was faster.
func (a *Attempt) left() bool { return a.Reason == record.ClientGone || a.Reason == record.Outrun }

// broken is the bill of an answer that began and did not come to its end.
func (a *Attempt) broken() Bill {
	b := a.said()
	if b.Prompt == 0 { // some say what they read before they answer, most do not
		b.Prompt = a.Prompt
	}
	b.Least = b.Total()
	if !a.Stream && !a.left() { // it was made, and did not arrive whole
		b.Completion = max(a.Expected, 0)
	}
	if a.MaxTokens >= 0 {
		b.Completion = min(b.Completion, a.MaxTokens)
	}
	b.Most = a.most()
	return b
}

// most is what an attempt is billed at most; negative: nobody knows.
func (a *Attempt) most() int64 {
	if a.MaxTokens < 0 {
		return -1
	}
	said := a.said()
	return int64(max(a.Prompt, said.Prompt)) + int64(max(a.MaxTokens, said.Completion))
}

// said is the bill by what the backend says, which may be anything.
func (a *Attempt) said() Bill {
	prompt := count(a.Used.Prompt)
	return Bill{Prompt: prompt, Cached: min(count(a.Used.Cached), prompt), Completion: count(a.Used.Completion)}
}

func count(n int) int32 { return int32(min(max(n, 0), math.MaxInt32)) }
