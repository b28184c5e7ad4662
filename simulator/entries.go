package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// entry is an attempt as the control plane shows it.
type entry struct {
	Number           int64     `json:"number"` // from 1, without gaps
	Time             time.Time `json:"time"`   // when it ended
	Deployment       string    `json:"deployment"`
	Key              string    `json:"key"` // of the request, 16 hexadecimal digits: JSON numbers do not hold it
	Status           uint16    `json:"status"`
	Outcome          string    `json:"outcome"`
	Reason           string    `json:"reason"`
	ServiceTier      string    `json:"service_tier,omitempty"` // absent: it was refused
	PromptTokens     int64     `json:"prompt_tokens"`
	CachedTokens     int64     `json:"cached_tokens"`
	CompletionTokens int64     `json:"completion_tokens"`
	Choices          uint16    `json:"choices"`
	DurationUS       int64     `json:"duration_us"`
	FirstTokenUS     int64     `json:"first_token_us,omitempty"` // of what was admitted, as planned

	EstimatedTokens int64 `json:"estimated_tokens"` // charged at admission
	ChargedTokens   int64 `json:"charged_tokens"`   // charged in the end

	BilledPromptTokens     int64 `json:"billed_prompt_tokens"` // cached ones included
	BilledCompletionTokens int64 `json:"billed_completion_tokens"`

	Limiter limiterState `json:"limiter,omitzero"`
}

// limiterState is where the limits stood after they had decided on a request: remaining_tokens and remaining_requests on a
// standard deployment, utilization_percent on a provisioned one. It is zero, and not shown, where they were not asked.
type limiterState struct{ decision }

// IsZero tells encoding/json to leave it out.
func (s limiterState) IsZero() bool { return !s.decided }

// MarshalJSON implements json.Marshaler.
func (s limiterState) MarshalJSON() ([]byte, error) {
	if s.utilization >= 0 {
		return fmt.Appendf(nil, `{"utilization_percent":%g}`, float64(s.utilization)/10_000), nil
	}
	return fmt.Appendf(nil, `{"remaining_tokens":%d,"remaining_requests":%d}`, s.remainingTokens, s.remainingRequests), nil
}

func (c *Control) entry(k *kept) entry {
	e := entry{Number: k.number, Time: time.Unix(0, int64(k.End)).UTC(), Deployment: c.all()[k.Backend].cfg.Name,
		Key: string(appendHex(nil, k.Key, 16)), Status: k.Status, Outcome: k.Outcome.String(), Reason: k.Reason.String(), ServiceTier: got(k.Tier),
		PromptTokens: k.PromptTokens, CachedTokens: k.CachedTokens, CompletionTokens: k.CompletionTokens, Choices: k.choices,
		EstimatedTokens: int64(k.estimated), ChargedTokens: k.Charged, DurationUS: k.End.Sub(k.Start).Microseconds(), Limiter: limiterState{k.decision}}
	if k.admitted {
		e.BilledPromptTokens, e.BilledCompletionTokens = k.PromptTokens, k.CompletionTokens*int64(k.choices)
		e.FirstTokenUS = k.first.Span().Microseconds()
	}
	return e
}

// got is the tier in which a request was served, "" where it was refused.
func got(t record.Tier) string {
	if t == record.AutoTier {
		return ""
	}
	return t.String()
}

const jsonLines = "application/x-ndjson"

// serveLedger answers with JSON lines, so that a reader needs not hold them all.
func (c *Control) serveLedger(w http.ResponseWriter, r *http.Request) {
	q, mistakes := c.query(r, c.ledger.size, "deployment", "reason", "outcome", "since", "after", "limit", "follow")
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	if q.follow {
		c.serveFollow(w, r, &q)
		return
	}
	c.countHeaders(w.Header())
	w.Header().Set("Content-Type", jsonLines)
	found, _ := c.ledger.newest(q.limit, q.match)
	for i := range found {
		if !writeJSON(w, c.entry(&found[i])) {
			return
		}
	}
}

// recent is how many entries serveRequests shows unless asked.
const recent = 100

func (c *Control) serveRequests(w http.ResponseWriter, r *http.Request) {
	q, mistakes := c.query(r, recent, "limit")
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	c.countHeaders(w.Header())
	w.Header()["Content-Type"] = applicationJSON
	list := []entry{}
	found, _ := c.ledger.newest(q.limit, q.match)
	for i := range found {
		list = append(list, c.entry(&found[i]))
	}
	writeJSON(w, list)
}

// countHeaders tells a reader whether what it gets can be all there was.
func (c *Control) countHeaders(h http.Header) {
	total, pushedOut := c.ledger.counts()
	h.Set("Ledger-Total", strconv.FormatInt(total, 10))
	h.Set("Ledger-Pushed-Out", strconv.FormatInt(pushedOut, 10))
}

// query is which attempts are asked for; a nil field takes all.
type query struct {
	backend *uint16
	reason  *record.Reason
	outcome *record.Outcome
	since   tick.Instant
	after   int64 // number
	limit   int
	follow  bool
}

func (q *query) match(a *kept) bool {
	return a.number > q.after && a.End >= q.since && (q.backend == nil || *q.backend == a.Backend) && (q.reason == nil || *q.reason == a.Reason) &&
		(q.outcome == nil || *q.outcome == a.Outcome)
}

// query reads the parameters that a path takes, or says all that is wrong with them.
func (c *Control) query(r *http.Request, limit int, takes ...string) (q query, mistakes []string) {
	q.limit = limit
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	values := r.URL.Query()
	for name := range values {
		if !slices.Contains(takes, name) {
			wrong("%s: there is no such parameter here; there are %v", name, takes)
		}
	}
	slices.Sort(mistakes)
	if name := values.Get("deployment"); values.Has("deployment") {
		if b := c.deployed(name); b != nil {
			seat := uint16(b.seat)
			q.backend = &seat
		} else {
			wrong("deployment: there is no %q", name)
		}
	}
	if name := values.Get("reason"); values.Has("reason") {
		if reason, ok := record.ReasonNamed(name); ok {
			q.reason = &reason
		} else {
			wrong("reason: there is no %q; docs/metrics.md lists them", name)
		}
	}
	if name := values.Get("outcome"); values.Has("outcome") {
		ends := []record.Outcome{record.Succeeded, record.Throttled, record.Failed}
		if i := slices.IndexFunc(ends, func(o record.Outcome) bool { return o.String() == name }); i >= 0 {
			q.outcome = &ends[i]
		} else {
			wrong("outcome: there is no %q; there are %v", name, ends)
		}
	}
	if text := values.Get("since"); values.Has("since") {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			wrong("since: %q is no time such as 2026-01-05T09:30:00Z", text)
		}
		q.since = tick.Instant(at.UnixNano())
	}
	if text := values.Get("after"); values.Has("after") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			wrong("after: %q is no entry's number", text)
		}
		q.after = n
	}
	if text := values.Get("follow"); values.Has("follow") {
		follow, err := strconv.ParseBool(text)
		if err != nil {
			wrong("follow: %q is neither true nor false", text)
		}
		q.follow = follow
	}
	if text := values.Get("limit"); values.Has("limit") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n == 0 && !q.follow {
			wrong("limit: %q is no whole number from 1, or from 0 with follow", text)
		}
		q.limit = n
	}
	return q, mistakes
}
