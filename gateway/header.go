package gateway

import (
	"math"
	"net/http"
	"strings"
	"time"
)

// hopByHop lists the headers that are about one connection (RFC 9110, 7.6.1,
// and what older software sends); canonical names.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// private lists what a client says to the gateway and not to a backend: its
// credentials, what the server has dealt with already, and the compressions it
// takes, since the gateway reads the answer.
var private = []string{
	"Api-Key", "Authorization", "X-Api-Key", "Ocp-Apim-Subscription-Key", "Cookie", "X-Azure-Fdid", "Expect", "Accept-Encoding",
	"Content-Length", "Host",
}

// copyHeader adds src to dst but for what is about the connection.
func copyHeader(dst, src http.Header) {
	for name, values := range src {
		dst[name] = values
	}
	for _, list := range src["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			dst.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		delete(dst, name)
	}
}

// concealed lists what a backend has no reason to say, and a client none to
// hear: credentials, cookies, which clients of all tenants would share, and the
// header by which a client knows the gateway's own refusals.
var concealed = []string{"Api-Key", "Authorization", "X-Api-Key", "Set-Cookie", "X-Gateway-Reason"}

// passHeader adds the headers of a backend's answer to those for the client.
func passHeader(dst, src http.Header) {
	copyHeader(dst, src)
	for _, name := range concealed {
		delete(dst, name)
	}
}

// upstreamHeader returns a client's headers as they go to a backend.
func upstreamHeader(client http.Header, key string) http.Header {
	h := make(http.Header, len(client)+2)
	copyHeader(h, client)
	for _, name := range private {
		delete(h, name)
	}
	if key != "" {
		h["Api-Key"] = []string{key}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // else net/http sends its own
	}
	return h
}

// retryAfter reads how long a backend wants to be left alone: retry-after-ms,
// else retry-after in seconds, with a unit as in "24s" (seen under peak load),
// or as a date. The order is that of the public SDKs. A negative wait, or what
// is none of these, does not count. Fractions of a millisecond round up.
func retryAfter(h http.Header) (ms uint32, ok bool) {
	if ms, ok = wait(strings.TrimSpace(h.Get("Retry-After-Ms")) + "ms"); ok {
		return ms, true
	}
	text := strings.TrimSpace(h.Get("Retry-After"))
	if ms, ok = wait(text + "s"); ok {
		return ms, true
	}
	if ms, ok = wait(text); ok {
		return ms, true
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date")) // the backend's own clock, where it is told
	if err != nil {
		now = time.Now()
	}
	return millis(date.Sub(now))
}

// wait reads a number with a unit. ParseDuration does it in integers: 1.1 s is
// 1,100 ms, not a little more.
func wait(text string) (ms uint32, ok bool) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, false
	}
	return millis(d)
}

func millis(d time.Duration) (ms uint32, ok bool) {
	if d < 0 {
		return 0, false
	}
	n := d / time.Millisecond
	if d%time.Millisecond > 0 {
		n++
	}
	return uint32(min(n, math.MaxUint32)), true
}
