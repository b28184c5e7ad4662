package gateway

import (
	"net/http"
	"testing"
)

// What an answer's headers say is free: the limit of which less is left, or what
// the utilization leaves; and nothing where they cannot be understood.
func TestFreeOf(t *testing.T) {
	const tokens, ofTokens, requests, ofRequests, used = "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Limit-Requests", "Azure-Openai-Deployment-Utilization"
	for _, c := range []struct {
		header []string // names and values in turn
		want   int32
	}{
		{nil, 0},
		{[]string{tokens, "600", ofTokens, "1000", requests, "90", ofRequests, "100"}, 600_000},
		{[]string{tokens, "600", ofTokens, "1000", requests, "9", ofRequests, "100"}, 90_000},
		{[]string{tokens, "600", requests, "9"}, 0}, // of how many it does not say
		{[]string{tokens, "-5", ofTokens, "1000"}, 1},
		{[]string{tokens, "x", ofTokens, "-1"}, 0},
		{[]string{tokens, "99999999999999999999", ofTokens, "10"}, 0},
		{[]string{tokens, "5", ofTokens, "0"}, 0},
		{[]string{ofTokens, "1000"}, 0}, // what is left it does not say
		{[]string{used, "43.2%"}, 568_000},
		{[]string{used, "0.0%"}, 1_000_000},
		{[]string{used, "7%"}, 930_000},
		{[]string{used, "120.4%"}, 1},
		{[]string{used, "43.2"}, 0},
		{[]string{used, "-1%"}, 0},
		{[]string{used, "99999999999%"}, 0},
	} {
		h := http.Header{}
		for i := 0; i < len(c.header); i += 2 {
			h.Set(c.header[i], c.header[i+1])
		}
		if got := freeOf(h); got != c.want {
			t.Errorf("%v: %d ppm are free, want %d", c.header, got, c.want)
		}
	}
}
