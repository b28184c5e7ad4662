package deployment

import (
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/latency"
)

// EventKind tags an Event.
type EventKind uint8

// The events of a deployment.
const (
	Wake      EventKind = iota // settle what is due; nothing else
	Start                      // a request arrived, authenticated and counted
	Gone                       // its client left
	Reserved                   // the answer to a Reserve effect
	Configure                  // switch to a configuration that was installed and has never been in effect
)

// Event is what happens to a deployment; a flat value.
type Event struct {
	Ref            record.Ref
	Key            uint64 // request key: names the dice
	Prefix         uint64 // name of the beginning that its prompt shares with others; 0: none
	PromptTokens   int32
	PromptEstimate int32 // prompt tokens as the service guesses them from characters
	OutputTokens   int32 // wanted length; negative: the deployment draws one
	EndsBy         int32 // the text comes to its own end by this token, however long it was to be; 0: it does not
	MaxTokens      int32 // negative: absent
	Shared         int32 // prompt tokens of Prefix
	Version        uint32
	RetryMs        uint32    // Reserved and not Granted
	Left           int32     // Reserved: tokens left of what is shared; headers show the smaller figure. Shared and provisioned: tokens in the bucket
	LeftRequests   int32     // Reserved: as Left, of requests
	N              uint16    // choices; 0 counts as 1
	Try            uint16    // Marked: which sending of the request by its client this is
	Ask            fault.Ask // what the request itself asks to go wrong
	Kind           EventKind
	Stream         bool
	Marked         bool // the request said its Key and Try itself
	Forget         bool // Configure: begin anew, with nothing used and no body seen
	Granted        bool
	Chained        bool          // Start: it builds upon a stored response
	Filtered       bool          // Start: the content filter stops its prompt: it is charged and billed as admitted, and answered 400
	Missed         bool          // Start: its connection never came about, as whoever owns the network says
	Why            record.Reason // Reserved and not Granted
	Tier           record.Tier   // asked for
	Effort         latency.Effort
}

// EffectKind tags an Effect.
type EffectKind uint8

// The effects of a deployment. Every Start yields exactly one of Refuse,
// Finish and Cut; Finish comes after a Plan, and so does Cut unless its
// reservation was still unanswered, or it waited for capacity in vain.
const (
	Plan        EffectKind = iota // admitted: answer like this
	Head                          // the headers and, streamed, the filter-only chunk are due
	Refuse                        // answer Status, or reset the connection where Status is 0
	Finish                        // the answer ended as planned
	Cut                           // stop the answer now: a fault, or the client is gone
	Reserve                       // ask the shared state for Charged tokens, answer with Reserved; with a Reason the request is refused already, and asks only how long it has to wait
	Utilization                   // periodic: load of the last 10 s against capacity, in ppm, in RemainingTokens
	FaultEdge                     // a scheduled fault begins (Gen 0) or ends (Gen 1); Slot is its place among the rules of its set. Where one Configure changes sets, ends of the old come before beginnings of the new. With the Reason DeletedFault the deployment is a new one from then on
	Stray                         // an event about nothing that is in flight: ignored
	Replan                        // a planned answer unfolds otherwise from now on; as Plan, At is when that was
	Drained                       // an earlier configuration, whose version Slot is, has no more requests and is gone
)

// Effect is what its driver must do; a flat value.
type Effect struct {
	Ref record.Ref
	At  tick.Instant
	// Plan and Replan: how the answer unfolds after At. The terminal ones: when
	// it began and, in End, ended after the Plan (after its arrival where there
	// was none), and what came of its tokens.
	latency.Schedule
	Completion        int32  // output tokens of each choice, planned (Plan) or produced (Finish, Cut): the schedule's, which are seen, and those of reasoning
	Prompt            int32  // tokens
	Cached            int32  // prompt tokens that were in the prompt cache; Refuse: 0
	Charged           int32  // tokens in the limiter's unit
	RetryMs           uint32 // Refuse by a limiter: wait this long
	RemainingTokens   int32  // standard: after this request; -1 on provisioned; Cut by a wrong length: bytes that Content-Length is off by
	RemainingRequests int32
	Attempt           uint32 // Plan: what its dice were keyed by, beside the request key
	Status            uint16
	Kind              EffectKind
	Outcome           record.Outcome
	Reason            record.Reason
	Tier              record.Tier // in which it is or was served; Refuse: AutoTier
	Length            bool        // finish_reason length: max_tokens cut the answer
}

// TokensAt returns how many tokens of a planned answer have come by now.
func (e *Effect) TokensAt(now tick.Instant) int32 { return e.Count(now.Sub(e.At)) }

// TokenAt returns when token k, from 1, of a planned answer is due: the first
// instant at which TokensAt counts it.
func (e *Effect) TokenAt(k int32) tick.Instant { return e.At.Add(e.Schedule.At(k)) }

// EndsAt returns when a planned answer is over, complete or broken off.
func (e *Effect) EndsAt() tick.Instant { return e.At.After(e.Ends()) }
