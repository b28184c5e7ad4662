package record

// Reason says why something ended as it did; a closed vocabulary, so it can
// label metrics. Values are part of the entry file: append only.
type Reason uint8

// The reasons.
const (
	NoReason          Reason = iota
	TokenLimit               // standard deployment: TPM window exhausted
	RequestLimit             // standard deployment: RPM sub-window exhausted
	TooLarge                 // estimate larger than the whole TPM
	Utilization              // provisioned deployment above 100 %
	StatusFault              // a scheduled fault answered with a status
	OutageFault              // a scheduled fault reset the connection
	CutFault                 // a fault broke the answer off
	NoBackend                // the gateway had no backend left to try
	InFlightBound            // a configured bound on requests in flight
	ClientTimeout            // the client gave up waiting
	ClientGone               // the client closed the connection
	Interrupted              // the run was stopped
	UpstreamError            // transport error towards a backend
	BackendStatus            // a backend answered with an error status
	RateLimited              // a 429 whose cause the observer cannot see
	BudgetRefused            // a reservation was refused
	MalformedAnswer          // the answer could not be understood
	Probing                  // half-open: another request is the probe
	TruncateFault            // a fault ended the stream without its last events
	StreamErrorFault         // a fault ended the stream with an error event
	MalformedFault           // a fault ended the stream with an event that is no JSON
	OutputTokenLimit         // standard deployment of Claude: output tokens of the minute exhausted
	ThrottleFault            // a scheduled fault answered 429, whatever the limits said
	TokenExpiryFault         // a scheduled fault took the credentials for expired
	DeletedFault             // a scheduled fault had deleted the deployment
	WrongLengthFault         // a fault announced another length than the answer had
	RefusedFault             // a scheduled fault kept the address from listening
	TLSFault                 // a scheduled fault let the TLS handshake fail
	UnknownHostFault         // a scheduled fault let the name not resolve
	ConnectError             // no connection to a backend came about
	NoSuchTier               // a service tier that the deployment does not have
	NoCapacity               // the tier flex, at peak
	FlexTimeout              // the tier flex: no capacity came in time
	StaleFault               // a scheduled fault kept the response that the request builds upon from being found
	PromptFiltered           // the content filter stopped the prompt
	TenantTokens             // the gateway's limit of a tenant's tokens per minute
	TenantRequests           // the gateway's limit of a tenant's requests per minute
	TenantConcurrency        // the gateway's limit of a tenant's requests at a time
	QueueFull                // the gateway's queue had no room
	QueueTimeout             // it waited in the gateway's queue as long as it may
	QueueTooLong             // the wait in the gateway's queue would have been longer than it may
	QueueDisplaced           // it made room in the gateway's queue for a higher priority
	TenantQuota              // the gateway's quota of a tenant's tokens or money for an hour, day or month
	ZoneRefused              // the gateway has no backend where the tenant's requests may be processed
	DeploymentMissing        // a backend does not have the deployment that the gateway asks it for
	AttemptTimeout           // the gateway gave an attempt up whose answer did not begin, or go on, in time
	PreviousMissing          // a backend does not know the response that the request builds upon, or not yet
	BackendGone              // the gateway no longer has the backend that made what the request is about
	Outrun                   // the answer of another attempt at the same request began first
)

var reasonNames = [...]string{
	"none", "token-limit", "request-limit", "too-large", "utilization", "status-fault", "outage-fault", "cut-fault",
	"no-backend", "in-flight-bound", "client-timeout", "client-gone", "interrupted", "upstream-error",
	"backend-status", "rate-limited", "budget-refused", "malformed-answer", "probing",
	"truncate-fault", "stream-error-fault", "malformed-fault", "output-token-limit",
	"throttle-fault", "token-expiry-fault", "deleted-fault", "wrong-length-fault", "refused-fault", "tls-fault", "unknown-host-fault",
	"connect-error", "no-such-tier", "no-capacity", "flex-timeout", "stale-fault", "prompt-filtered",
	"tenant-tokens", "tenant-requests", "tenant-concurrency", "queue-full", "queue-timeout", "queue-too-long", "queue-displaced", "tenant-quota",
	"zone-refused", "deployment-missing", "attempt-timeout", "previous-missing", "backend-gone", "outrun",
}

func (r Reason) String() string { return reasonNames[r] }

// ReasonNamed returns the reason of a name, as a gateway puts it in its
// x-gateway-reason header.
func ReasonNamed(name string) (Reason, bool) {
	for i, n := range reasonNames {
		if n == name {
			return Reason(i), true
		}
	}
	return NoReason, false
}
