package core

import (
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// EventKind tags an Event.
type EventKind uint8

// The events of a load.
const (
	Wake      EventKind = iota // settle what is due; nothing else
	TryEnd                     // a try is over
	Begun                      // a try's answer began: from here on it is not asked for again
	Stop                       // end the run now: no arrivals, everything cancelled
	Configure                  // switch to an installed set of tenants
)

// Event is what happens to a load; a flat value. Ref names a try: a request's
// next try has the next generation.
type Event struct {
	Ref        record.Ref
	First      tick.Instant // first content; 0: none came
	Completion int32        // tokens received
	RetryMs    uint32
	QueueWait  tick.Units
	Version    uint32
	Status     uint16 // 0: no answer came
	Attempts   uint16 // as the gateway claims; 0: it says nothing
	Kind       EventKind
	Outcome    record.Outcome
	Reason     record.Reason
	HasRetry   bool // the answer named a wait, RetryMs
}

// EffectKind tags an Effect.
type EffectKind uint8

// The effects of a load. Every Send is answered by one TryEnd; every request
// ends in one RequestDone.
const (
	Send        EffectKind = iota // send try Ref now; it was meant for Intended
	Cancel                        // drop try Ref; its TryEnd no longer matters
	TryDone                       // for the record
	RequestDone                   // for the record; Ref is still the request's
	Drop                          // a request could not be sent: MaxInFlight
	Stray                         // an event about nothing that is in flight: ignored
	Drained                       // the last request of an older configuration ended
)

// Effect is what its driver must do; a flat value.
type Effect struct {
	Ref          record.Ref
	Key          uint64
	Intended     tick.Instant // Send, TryDone: of this try; RequestDone: of the first
	PromptTokens int32
	OutputTokens int32      // Send: wanted; RequestDone: received
	MaxTokens    int32      // Send: -1 is absent
	Cost         int32      // RequestDone
	Tokens       int32      // RequestDone: planned prompt and completion
	TTFT         tick.Units // RequestDone of a stream, after Intended; 0: none
	QueueWait    tick.Units // RequestDone
	Status       uint16
	Tenant       uint16
	Tries        uint16 // Send, TryDone: number of this try from 0; RequestDone: how many
	Attempts     uint16
	Kind         EffectKind
	Outcome      record.Outcome
	Reason       record.Reason
	Flag         bool // Send: streamed; RequestDone: the last try's answer had begun
}
