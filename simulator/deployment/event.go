package deployment

import (
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
)

// EventKind tags an Event.
type EventKind uint8

// The events of a deployment.
const (
	Wake      EventKind = iota // settle what is due; nothing else
	Start                      // a request arrived, authenticated and counted
	Gone                       // its client left
	Reserved                   // the answer to a Reserve effect
	Configure                  // switch to an installed configuration
)

// Event is what happens to a deployment; a flat value.
type Event struct {
	Ref            record.Ref
	Key            uint64 // request key: names the dice
	Prefix         uint64 // name of the beginning that its prompt shares with others; 0: none
	PromptTokens   int32
	PromptEstimate int32 // prompt tokens as the service guesses them from characters
	OutputTokens   int32 // wanted length; negative: the deployment draws one
	MaxTokens      int32 // negative: absent
	Shared         int32 // prompt tokens of Prefix
	Version        uint32
	RetryMs        uint32    // Reserved and not Granted
	Left           int32     // Reserved: tokens left of what is shared; headers show the smaller figure
	N              uint16    // choices; 0 counts as 1
	Try            uint16    // Marked: which sending of the request by its client this is
	Ask            fault.Ask // what the request itself asks to go wrong
	Kind           EventKind
	Stream         bool
	Marked         bool // the request said its Key and Try itself
	Granted        bool
	Why            record.Reason // Reserved and not Granted
}

// EffectKind tags an Effect.
type EffectKind uint8

// The effects of a deployment. Every Start yields exactly one of Refuse,
// Finish and Cut; Finish comes after a Plan, and so does Cut unless its
// reservation was still unanswered.
const (
	Plan        EffectKind = iota // admitted: answer like this
	Head                          // the headers and, streamed, the filter-only chunk are due
	Refuse                        // answer Status, or reset the connection where Status is 0
	Finish                        // the answer ended as planned
	Cut                           // stop the answer now: a fault, or the client is gone
	Reserve                       // ask the shared state for Charged tokens, answer with Reserved
	Utilization                   // periodic: load of the last 10 s against capacity, in ppm, in RemainingTokens
	FaultEdge                     // a scheduled fault begins (Gen 0) or ends (Gen 1); Slot is its place among the rules of its set. Where one Configure changes sets, ends of the old come before beginnings of the new
	Stray                         // an event about nothing that is in flight: ignored
	Replan                        // a planned answer unfolds otherwise from now on; as Plan, At is when that was
	Drained                       // the last request of an older configuration ended
)

// Effect is what its driver must do; a flat value. Spans are in grid units
// after At for Plan; for the terminal ones Elapsed is from the Plan to At, and
// from arrival where there was none.
type Effect struct {
	Ref               record.Ref
	At                tick.Instant
	HeadIn            tick.Units
	FirstIn           tick.Units
	Elapsed           tick.Units // Plan: when it will end
	Prompt            int32      // tokens
	Completion        int32      // tokens of each choice: planned (Plan) or produced (Finish, Cut)
	Cached            int32      // prompt tokens that were in the prompt cache; Refuse: 0
	Charged           int32      // tokens in the limiter's unit
	RetryMs           uint32     // Refuse by a limiter: wait this long; Plan: nothing comes for so long after After tokens
	RemainingTokens   int32      // standard: after this request; -1 on provisioned
	RemainingRequests int32
	Attempt           uint32 // Plan: what its dice were keyed by, beside the request key
	Status            uint16
	Kind              EffectKind
	Outcome           record.Outcome
	Reason            record.Reason
	Length            bool   // finish_reason length: max_tokens cut the answer
	After             uint16 // Plan: a fault breaks the answer off once so many tokens came, or pauses it where RetryMs says how long; 0: none does
}

// TokensAt returns how many tokens of a planned answer exist at now; the
// first comes at FirstIn and the last at Elapsed, evenly between.
func (e *Effect) TokensAt(now tick.Instant) int32 {
	pause := e.pause()
	n := tokensAt(e.At, now, e.FirstIn, e.paceEnd(), e.Completion)
	if after := int32(e.After); pause > 0 && n > after {
		n = max(after, tokensAt(e.At, now.Add(-pause), e.FirstIn, e.paceEnd(), e.Completion))
	}
	return n
}

// pause returns how long a fault lets nothing come, between token After and
// the next.
func (e *Effect) pause() time.Duration { return time.Duration(e.RetryMs) * time.Millisecond }

// paceEnd returns when the answer would end without its pause.
func (e *Effect) paceEnd() tick.Units {
	return max(e.FirstIn, e.Elapsed-min(e.Elapsed, tick.ToUnits(e.pause())))
}

// BreaksOff reports whether a fault will break a planned answer off, after
// After tokens.
func (e *Effect) BreaksOff() bool { return e.After > 0 && e.RetryMs == 0 }

// TokenAt returns when token k (from 1) of a planned answer is due: the first
// instant at which TokensAt counts it.
func (e *Effect) TokenAt(k int32) tick.Instant {
	first, end := e.At.After(e.FirstIn), e.At.After(e.paceEnd())
	if e.RetryMs > 0 && k > int32(e.After) {
		first, end = first.Add(e.pause()), end.Add(e.pause())
	}
	if k <= 1 || e.Completion <= 1 {
		return first
	}
	if k >= e.Completion {
		return end
	}
	return first.Add(time.Duration(tick.CeilMulDiv(int64(end-first), int64(k-1), int64(e.Completion-1))))
}

// Ends returns when a planned answer is over, one way or the other: at its
// planned end, or where a fault breaks it off. That is on the grid, as all that
// others react to: at the token's instant, or less than a grid unit after it.
func (e *Effect) Ends() tick.Instant {
	if !e.BreaksOff() {
		return e.At.After(e.Elapsed)
	}
	in := e.TokenAt(int32(e.After)).Sub(e.At)
	return e.At.After(tick.Units(tick.CeilMulDiv(int64(in), 1, int64(tick.Grid))))
}

func tokensAt(start, now tick.Instant, first, end tick.Units, total int32) int32 {
	from, to := start.After(first), start.After(end)
	switch {
	case now < from || total == 0:
		return 0
	case now >= to || total == 1:
		return total
	}
	return 1 + int32(tick.MulDiv(int64(now-from), int64(total-1), int64(to-from)))
}
