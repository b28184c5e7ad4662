package gateway

import (
	"net/http"
	"strconv"
	"strings"

	routing "foundrylab/gateway/route"
)

// freeOf is what the headers of an answer say is free of a backend's limits, as
// core.Event has it. Standard deployments say what is left of their limits and
// what those are, provisioned ones the utilization, as in 43.2%. Source:
// docs/fidelity.md, which says of which year that is.
func freeOf(h http.Header) int32 {
	if percent, ok := strings.CutSuffix(h.Get("Azure-Openai-Deployment-Utilization"), "%"); ok {
		whole, tenths, _ := strings.Cut(percent, ".")
		w, err := strconv.ParseUint(whole, 10, 20)
		t, _ := strconv.ParseUint((tenths + "0")[:1], 10, 8)
		if err != nil {
			return 0
		}
		return routing.FreeAt(int64(w)*10_000 + int64(t)*1_000)
	}
	tokens, ofTokens := leftOf(h, "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Limit-Tokens")
	requests, ofRequests := leftOf(h, "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Limit-Requests")
	if ofTokens == 0 && ofRequests == 0 {
		return 0
	}
	return routing.FreeOf(tokens, ofTokens, requests, ofRequests)
}

// leftOf returns what is left of a limit, and the limit; 0 where either is not said.
func leftOf(h http.Header, remaining, limit string) (left, of int64) {
	if len(h[limit]) == 0 { // most answers that are not the service's: an error costs an allocation
		return 0, 0
	}
	left, err := strconv.ParseInt(h.Get(remaining), 10, 64)
	of, wrong := strconv.ParseInt(h.Get(limit), 10, 64)
	if err != nil || wrong != nil || of <= 0 {
		return 0, 0
	}
	return left, of
}
