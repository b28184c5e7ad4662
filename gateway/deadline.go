package gateway

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"foundrylab/internal/tick"
)

// deadlineOf is how long a client says that it waits for its answer to begin; 0:
// it does not say. X-Gateway-Deadline-Ms is the gateway's own;
// the SDKs of OpenAI tell their timeout in X-Stainless-Timeout, in seconds.
func deadlineOf(h http.Header) tick.Units {
	if ms, ok := wholeNumber(h["X-Gateway-Deadline-Ms"]); ok {
		return tick.ToUnits(time.Duration(min(ms, math.MaxUint32)) * time.Millisecond)
	}
	if s, ok := wholeNumber(h["X-Stainless-Timeout"]); ok {
		return tick.ToUnits(time.Duration(min(s, math.MaxUint32)) * time.Second)
	}
	return 0
}

// wholeNumber reads a header that was sent once; of a fraction what is before the point.
func wholeNumber(values []string) (uint64, bool) {
	if len(values) != 1 {
		return 0, false
	}
	text := values[0]
	for i := range len(text) {
		if text[i] == '.' {
			text = text[:i]
			break
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n > 0
}
