package simulator

import (
	"net/http"
	"strconv"
	"time"

	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// Values that are the same in every response. Never mutated: net/http only reads them.
var (
	applicationJSON = []string{"application/json"}
	eventStream     = []string{"text/event-stream; charset=utf-8"}
	noStore         = []string{"no-cache, must-revalidate"}
	noBuffering     = []string{"no"}
	nosniff         = []string{"nosniff"}
	transportSafety = []string{"max-age=31536000; includeSubDomains; preload"}
	notSet          = []string{"Not-Set"}
)

// headerValues is room for the values of headers that are of one response alone: as many as its call allocates once. The
// slices are good as long as it is.
type headerValues struct {
	room [7]string
	used int
}

func (v *headerValues) text(s string) []string {
	if v.used == len(v.room) {
		return []string{s}
	}
	v.room[v.used] = s
	v.used++
	return v.room[v.used-1 : v.used : v.used]
}

func (v *headerValues) number(n int64) []string { return v.text(strconv.FormatInt(n, 10)) }

// common sets what every response has, known route or not. The keys are written as http.CanonicalHeaderKey has them.
func (c *call) common(h http.Header) {
	ids := string(c.appendGUID(c.appendGUID(make([]byte, 0, 72), 0), 1))
	h["Apim-Request-Id"], h["X-Request-Id"] = c.values.text(ids[:36]), c.values.text(ids[36:])
	h["Strict-Transport-Security"] = transportSafety
	h["X-Content-Type-Options"] = nosniff
	if id := c.r.Header["X-Ms-Client-Request-Id"]; len(id) == 1 {
		h["X-Ms-Client-Request-Id"] = id
	} else {
		h["X-Ms-Client-Request-Id"] = notSet
	}
}

// guid returns one of the identifiers of this request: a random-looking (version 4) GUID.
func (c *call) guid(which uint32) string { return string(c.appendGUID(make([]byte, 0, 36), which)) }

// appendGUID appends the 36 characters of one.
func (c *call) appendGUID(b []byte, which uint32) []byte {
	hi, lo := c.srv.ids.Draw(c.serial, 2*which), c.srv.ids.Draw(c.serial, 2*which+1)
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	b = appendHex(b, hi>>32, 8)
	b = appendHex(append(b, '-'), hi>>16, 4)
	b = appendHex(append(b, '-'), hi, 4)
	b = appendHex(append(b, '-'), lo>>48, 4)
	return appendHex(append(b, '-'), lo, 12)
}

// appendHex appends the last digits hexadecimal digits of v.
func appendHex(dst []byte, v uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[v>>(4*i)&15])
	}
	return dst
}

// limitHeaders says where a deployment's limits stand, in the way of its profile. Provisioned deployments have none. It
// does not change: a changed deployment gets another.
type limitHeaders struct {
	says             deployment.Headers
	start            tick.Instant                            // of the first window of both
	resets           func() (tokens, requests time.Duration) // of windows that slide or are shared; nil: they are fixed and its own
	checkpoint       bool                                    // latency_checkpoint stands in answers
	tokens, requests []string                                // the limits; nil: there are none
}

// tokenWindow is the window of the token headers, as simulator/deployment has it.
const tokenWindow = time.Minute

func (b *backend) newLimitHeaders(start tick.Instant) *limitHeaders {
	tpm, rpm := b.core.Limits()
	if tpm == 0 {
		return &limitHeaders{checkpoint: b.core.ShowsCheckpoint()}
	}
	l := &limitHeaders{checkpoint: b.core.ShowsCheckpoint(), says: b.core.Headers(), start: start, tokens: number(tpm)}
	l.requests = number(l.says.RequestsOf(rpm))
	if b.shared != nil {
		l.resets = b.shared.resets
	} else if b.core.Sliding() {
		l.resets = b.resets
	}
	return l
}

// resets returns the time until the windows of the moment are empty.
func (b *backend) resets() (tokens, requests time.Duration) {
	b.driver.Locked(func(now tick.Instant) { tokens, requests = b.core.Resets(now) })
	return tokens, requests
}

// place sets the headers of a deployment.
func (b *backend) place(h http.Header) {
	h["X-Ms-Region"], h["X-Ms-Deployment-Name"] = b.region, b.name
	if b.cfg.Provisioned() {
		h["Azure-Openai-Deployment-Utilization"] = []string{percent(b.utilization())}
	}
}

// set sets what a plan or a limiter's refusal says of the limits.
func (l *limitHeaders) set(c *call, e *deployment.Effect) {
	if l.tokens == nil {
		return
	}
	h := c.w.Header()
	h["X-Ratelimit-Remaining-Tokens"] = c.values.number(int64(e.RemainingTokens))
	h["X-Ratelimit-Remaining-Requests"] = c.values.number(int64(e.RemainingRequests))
	if l.says.Limits {
		h["X-Ratelimit-Limit-Tokens"] = l.tokens
		h["X-Ratelimit-Limit-Requests"] = l.requests
	}
	if !l.says.Resets {
		return
	}
	tokens, requests := secondsLeft(l.start, e.At, tokenWindow), secondsLeft(l.start, e.At, l.says.RequestPeriod)
	if l.resets != nil {
		t, r := l.resets()
		tokens, requests = ceilSeconds(t), ceilSeconds(r)
	}
	h["X-Ratelimit-Reset-Tokens"] = c.values.number(tokens)
	h["X-Ratelimit-Reset-Requests"] = c.values.number(requests)
}

// secondsLeft returns the whole seconds, rounded up, until the window around now ends. The first window begins at once
// where start is still to come.
func secondsLeft(start, now tick.Instant, window time.Duration) int64 {
	if now < start {
		return ceilSeconds(start.Sub(now) + window)
	}
	return ceilSeconds(window - now.Sub(start)%window)
}

func ceilSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func number(n int64) []string { return []string{strconv.FormatInt(n, 10)} }

// percent writes parts per million as the service writes utilization, rounded half up: 43.2%.
func percent(ppm int32) string {
	tenths := (int64(ppm) + 500) / 1000
	return strconv.FormatInt(tenths/10, 10) + "." + strconv.FormatInt(tenths%10, 10) + "%"
}
