// Package record is the contract between those who make a run and those who
// judge it: typed, append-only entries; a mergeable summary of them; and the
// result that assertions and reports read. It holds integers only and refuses
// anything volatile (build, path, host, date), so equal runs give equal bytes.
package record

import (
	"time"

	"foundrylab/internal/tick"
)

// SchemaVersion is the version of report.json and of the entry file.
const SchemaVersion = 1

// Ref names something in flight (a request, a try, an attempt) by slot and
// generation. A slot is used again, with the next generation, so a late event
// about an earlier user of the slot is told apart and ignored.
type Ref struct{ Slot, Gen uint32 }

// Outcome is how a request, try or attempt ended.
type Outcome uint8

// The outcomes. Throttled means the final status was 429; Failed is every
// other way of not getting the whole answer, streams cut half-way included.
const (
	Pending Outcome = iota
	Succeeded
	Throttled
	Failed
)

func (o Outcome) String() string {
	return [...]string{"pending", "succeeded", "throttled", "failed"}[o]
}

// Header says what was run. It closes an entry file and is part of a summary.
type Header struct {
	SchemaVersion int           `json:"schema_version"`
	Scenario      string        `json:"scenario"`
	Hash          string        `json:"scenario_hash"` // SHA-256 of the canonical scenario
	Canonical     string        `json:"canonical,omitempty"`
	Seed          uint64        `json:"seed"`
	Mode          string        `json:"mode"` // virtual | live
	Start         tick.Instant  `json:"start_ns"`
	Duration      time.Duration `json:"duration_ns"`
	Warmup        time.Duration `json:"warmup_ns"`
	Tenants       []Tenant      `json:"tenants"`
	Backends      []Backend     `json:"backends"`
	Faults        []Fault       `json:"faults"`
	SLO           SLO           `json:"slo"`
}

// Tenant is a tenant's row in the entity table; its place is its dense id.
type Tenant struct {
	Name   string `json:"name"`
	Weight int64  `json:"weight"`
}

// Backend is a backend's row in the entity table; its place is its dense id.
type Backend struct {
	Name  string `json:"name"`
	Model string `json:"model"`
	SKU   string `json:"sku"`
	TPM   int64  `json:"tpm,omitempty"`
	RPM   int64  `json:"rpm,omitempty"`
	PTU   int64  `json:"ptu,omitempty"`
}

// Fault is a planned fault; At is measured from the run's start.
type Fault struct {
	Name    string        `json:"name"`
	Kind    string        `json:"kind"`
	Backend int           `json:"backend"`          // dense id
	Status  int           `json:"status,omitempty"` // of a status fault
	At      time.Duration `json:"at_ns"`
	For     time.Duration `json:"for_ns"`
}

// SLO is what "recovered" means: in a 10 s window at least Success (parts per
// million) of the requests succeed and TTFT p95 is at most TTFTFactor (ppm)
// times its value before the fault.
type SLO struct {
	Success    int64 `json:"success_ppm"`
	TTFTFactor int64 `json:"ttft_factor_ppm"`
}

// Sink takes entries, in any order within a window. Implementations need not
// be safe for concurrent use; producers serialise.
type Sink interface {
	Request(*Request)
	Try(*Try)
	Attempt(*Attempt)
	Sample(*Sample)
	Transition(*Transition)
	Lag(time.Duration)
	Dropped(n int64)
}

// Request is the end of what a client wanted once, whatever its tries.
type Request struct {
	Key              uint64
	Intended         tick.Instant  // when the client meant to send it first
	End              tick.Instant  // last byte of the last try, or giving up
	TTFT             time.Duration // first content after Intended; -1: none came
	QueueWait        time.Duration // sum of gateway queueing over the tries
	PromptTokens     int64
	CompletionTokens int64 // received
	Cost             int64 // planned charge, in the unit of the binding resource
	Tokens           int64 // planned prompt + completion tokens
	Status           uint16
	Tenant           uint16
	Tries            uint16
	Attempts         uint16 // as the gateway claims; 0 where it says nothing
	Outcome          Outcome
	Reason           Reason
	Begun            bool // the answer had begun: a failure then is a broken stream
}

// Try is one sending of a request by its client.
type Try struct {
	Key     uint64
	Sent    tick.Instant // intended instant of this sending
	End     tick.Instant
	Status  uint16
	Tenant  uint16
	Number  uint16 // 0 for the first
	Outcome Outcome
	Reason  Reason
}

// Attempt is one sending to a backend, as the backend saw it: the ground
// truth that a gateway's claims are checked against.
type Attempt struct {
	Key              uint64
	Start            tick.Instant
	End              tick.Instant
	PromptTokens     int64
	CachedTokens     int64 // of the prompt: what was in the prompt cache
	CompletionTokens int64
	Charged          int64         // what the limiter charged in the end
	Wait             time.Duration // that a refusal named; 0: none
	Status           uint16
	Tenant           uint16 // NoTenant: the key is of no tenant of this run
	Backend          uint16
	Outcome          Outcome
	Reason           Reason
	Tier             Tier // in which it was served; AutoTier: it was refused
}

// NoTenant marks an attempt whose key belongs to no tenant of the run.
const NoTenant uint16 = 0xffff

// Sample is a backend's utilization at an instant, in parts per million of
// its capacity; it may exceed one million.
type Sample struct {
	At          tick.Instant
	Utilization int64
	Backend     uint16
}

// Transition is a change of a gateway's view of a backend.
type Transition struct {
	At      tick.Instant
	Until   tick.Instant // for Open: when it will be tried again
	Backend uint16
	State   BackendState
	Reason  Reason
}

// BackendState is a circuit breaker's state.
type BackendState uint8

// The states of a breaker. Open covers both tripping and honouring a
// Retry-After; the reason tells which.
const (
	Closed BackendState = iota
	Open
	HalfOpen
)

func (s BackendState) String() string { return [...]string{"closed", "open", "half-open"}[s] }
