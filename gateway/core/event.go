package core

import (
	"foundrylab/gateway/budget"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// EventKind tags an Event.
type EventKind uint8

// The events of a gateway.
const (
	Wake      EventKind = iota // settle what is due; nothing else
	Request                    // a client's try arrived, authenticated and read
	Reserved                   // the answer to a Reserve effect
	Head                       // an attempt's answer began with a success status
	End                        // an attempt is over
	Gone                       // the client left
	Configure                  // switch to an installed configuration
	Silent                     // the answer to a Silence effect
)

// Event is what happens to a gateway; a flat value. Ref is the request for
// Request, Reserved and Gone, the attempt for Head, End and Silent.
type Event struct {
	Ref record.Ref
	Key uint64 // names the dice
	// PromptTokens of Request and Head are as the gateway counts them, of End as
	// the backend did; 0: that is not known, or not yet.
	PromptTokens int32
	// PromptEstimate is what the limits of backends count of the prompt: of
	// Request what the service takes it for at arrival, of End what its prompt
	// cache did not know; 0: that is not known.
	PromptEstimate int32
	MaxTokens      int32 // of all choices together; negative: absent
	Completion     int32 // End, Silent and Gone: tokens passed on
	Bytes          int32 // of the body, which is kept while the request waits
	// Span of Request is how long its client waits for it to begin, 0: nobody
	// knows; of Silent how long the attempt's backend has been waited for.
	Span     tick.Units
	RetryMs  uint32
	Version  uint32
	Free     int32  // Head and End: what the answer says is free of the backend's limit, in parts per million, from 1; 0: it did not say
	Status   uint16 // 0: no answer came
	Tenant   uint16
	Kind     EventKind
	Outcome  record.Outcome // Reserved: Succeeded grants it
	Reason   record.Reason
	Limit    budget.Kind // End with 429: which limit it was
	HasRetry bool        // the answer named a wait, RetryMs
	Stream   bool
	Marks    Marks
	Pin      uint8 // Request: the only backend that it may be sent to, and 1; 0: any; PinGone: one that is no more
}

// Marks are what is particular to an Event.
type Marks uint8

const (
	AsksCanary Marks = 1 << iota // Request: it asks for the canary
	// Apart is, of a Request, one that is never asked of two backends at a time; a
	// Head or End that has it asked nothing of a model, and says nothing of how others
	// fare.
	Apart
)

// apart reports whether the event is marked so.
func (ev *Event) apart() bool { return ev.Marks&Apart != 0 }

// cached is how much of the prompt the backend had in its cache, as far as it said.
func (ev *Event) cached() int32 {
	if ev.PromptEstimate == 0 {
		return 0
	}
	return max(ev.PromptTokens-ev.PromptEstimate, 0)
}

// PinGone is the Pin of a request whose backend nobody knows any more.
const PinGone = MaxBackends + 1

// EffectKind tags an Effect.
type EffectKind uint8

// The effects of a gateway. Every Request yields exactly one Respond.
const (
	Send       EffectKind = iota // send the request to Backend as attempt Ref, beside the one under way where it is a hedge
	Commit                       // pass the answer of attempt Ref through from here on
	Abort                        // drop attempt Ref; its result no longer matters
	Respond                      // the request is over
	Reserve                      // ask the shared budget for Tokens, answer with Reserved
	Settle                       // tell the shared budget what was used
	Transition                   // the view of Backend changed
	Stray                        // an event about nothing that is in flight: ignored
	Drained                      // the last request of an older configuration ended
	RolledBack                   // too many attempts failed at the canary, the last of them one of Req: no request goes there any more
	Silence                      // ask how long attempt Ref's backend has been waited for: since the attempt began, or, once it is committed, since the last piece of its answer; answer with Silent, or not at all where it is over
)

// Effect is what its driver must do; a flat value. Req is the request.
type Effect struct {
	Req        record.Ref
	Ref        record.Ref // the attempt
	At         tick.Instant
	Until      tick.Instant // Transition to Open
	QueueWait  tick.Units
	Tokens     int32 // Reserve, Settle; Respond: of the prompt, those that the backend had cached
	Completion int32 // Respond: tokens passed on
	RetryMs    uint32
	Status     uint16 // Respond: 0 closes the connection. Abort: as the answer began, 0: it did not
	Backend    uint16
	Attempts   uint16
	Kind       EffectKind
	Outcome    record.Outcome
	Reason     record.Reason
	State      record.BackendState
	HasRetry   bool
	Made       bool // Respond: the gateway's own answer, not a backend's
	Bounded    bool // Send: a Silence about it may come, and an Abort although its client is there
	Hedge      bool // Send, Commit, Abort: of the attempt that was made beside another one. Respond: there was one
}

// NoBackend is the Backend of a Respond to a request that reached none.
const NoBackend uint16 = 0xffff
