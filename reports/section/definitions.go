package section

import "foundrylab/internal/record"

func buildDefinitions(*record.Result) []Block {
	return []Block{{Title: "What the words mean", Anchor: "definitions", Kind: KindTerms, Fold: true, Terms: terms()}}
}

// terms are the words of the report, in the order a reader meets them.
func terms() []Term {
	return []Term{
		{"Request, try, attempt", "A request is what a client wanted once. A try is one sending of it by the client, whose SDK may retry. An attempt is one sending by the gateway to a backend."},
		{"Intended send", "The instant the arrival process planned for a request. Every latency counts from it, so time lost before the sending counts too."},
		{"Generator lag", "Actual minus intended sending. With a p99 above 10 ms, or any send dropped, the run is void."},
		{"Warm-up", "The first part of the run. It is drawn in the charts and left out of every figure and assertion."},
		{"Succeeded, throttled, failed", "The whole answer arrived; the final status was 429; anything else, streams cut off half-way included."},
		{"Cut off", "A request that failed after content had begun to arrive."},
		{"Rescued", "A request that succeeded after more than one attempt or try."},
		{"Goodput", "Succeeded requests over offered requests. Throttled and failed requests are offered and not good; a retried request is offered once."},
		{"TTFT", "Time to first token: from the intended send to the first event that carries content. Headers, role-only and filter-only events are not content."},
		{"TPOT", "Time per output token after the first: (E2E − TTFT) / (n − 1) for n ≥ 2 output tokens, per request."},
		{"E2E", "End-to-end latency: from the intended send to the last byte of the last try."},
		{"Queue wait", "Time a request spent in the gateway's queues, summed over its tries."},
		{"p50, p95, p99", "The value that 50, 95 or 99 % of the requests stay at or below. – where nothing was measured."},
		{"Retry amplification", "Backend attempts over requests, counted at the backends."},
		{"Utilization", "The share of a backend's capacity in use, sampled at the backend; above 100 % a provisioned deployment refuses."},
		{"Charged tokens", "What the backend's limiter took for a request: its estimate, settled as its kind of deployment settles it."},
		{"Time to detect", "From the fault's start to the gateway's first turning away from the backend."},
		{"Time to recover (TTR)", "From the fault's start to the first 10 s window that meets the service level and from which on it holds: enough requests succeed, and TTFT p95 stays within the allowed factor of its value before the fault. – if it never did."},
		{"Time to fail back", "From the fault's end until the backend carries its usual share again."},
		{"Entitlement", "What a tenant may expect in a window: a weighted max-min share of the capacity served, never more than it asked for, in the unit of the resource that binds."},
		{"Satisfaction", "What a tenant was served over its entitlement, per 10 s; 1 is all of it."},
		{"Jain's index", "(Σs)² / (n·Σs²) over the satisfactions s of the n backlogged tenants: 1 when all are equal, 1/n when one has everything."},
		{"Backlogged", "Wanting more service in a window than was given."},
		{"Starvation", "The longest time in which a tenant wanted service and got none."},
	}
}
