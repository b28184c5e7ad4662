package simulator

import (
	_ "embed" // for openapi.json
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/mux"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

// Admin returns the control plane: what reached the deployments and where they stand, as docs/control.md describes. It
// asks for no key, and is no part of what the Server itself serves: give it an address of its own. Safe for concurrent
// use.
func (s *Server) Admin() http.Handler { return s.adminRoutes() }

// openAPI describes the control plane for programs.
//
//go:embed openapi.json
var openAPI string

func (s *Server) adminRoutes() *mux.Router {
	router := mux.NewRouter()
	for _, r := range []struct {
		path   string
		answer http.Handler
	}{
		{"/ledger", http.HandlerFunc(s.serveLedger)},
		{"/requests", http.HandlerFunc(s.serveRequests)},
		{"/deployments", http.HandlerFunc(s.serveDeployments)},
		{"/metrics", s.serveMetrics()},
		{"/openapi.json", http.HandlerFunc(serveOpenAPI)},
	} {
		router.Handle(r.path, r.answer).Methods(http.MethodGet).Name(r.path)
	}
	router.HandleFunc("/deployments/{name}", s.serveDeployment).Methods(http.MethodGet).Name("GET /deployments/{name}")
	router.HandleFunc("/deployments/{name}", s.serveChange).Methods(http.MethodPatch).Name("/deployments/{name}")
	router.NotFoundHandler = complain(http.StatusNotFound, "there is no such path: try /ledger, /requests, /deployments or /metrics")
	router.MethodNotAllowedHandler = complain(http.StatusMethodNotAllowed, "this path does not take this method")
	return router
}

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = applicationJSON
	io.WriteString(w, openAPI) // a failure means that the client is gone
}

// RequireKey puts a key before a control plane: requests without it in their api-key header get 401, whatever they ask.
func RequireKey(key string, h http.Handler) http.Handler {
	refuse := complain(http.StatusUnauthorized, "send the key of the control plane as api-key header")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !equalKeys(r.Header.Get("Api-Key"), key) {
			refuse.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// complain answers with what is wrong.
func complain(status int, mistakes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = applicationJSON
		w.WriteHeader(status)
		writeJSON(w, struct {
			Errors []string `json:"errors"`
		}{mistakes})
	})
}

// writeJSON writes one line; a failure means that the client is gone.
func writeJSON(w http.ResponseWriter, v any) bool { return json.NewEncoder(w).Encode(v) == nil }

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
	ChargedTokens    int64     `json:"charged_tokens"`
	DurationUS       int64     `json:"duration_us"`
}

func (s *Server) entry(k *kept) entry {
	return entry{Number: k.number, Time: time.Unix(0, int64(k.End)).UTC(), Deployment: s.backends[k.Backend].cfg.Name,
		Key: string(appendHex(nil, k.Key, 16)), Status: k.Status, Outcome: k.Outcome.String(), Reason: k.Reason.String(),
		PromptTokens: k.PromptTokens, CachedTokens: k.CachedTokens, CompletionTokens: k.CompletionTokens, ChargedTokens: k.Charged,
		DurationUS: k.End.Sub(k.Start).Microseconds(), ServiceTier: got(k.Tier)}
}

// got is the tier in which a request was served, "" where it was refused.
func got(t record.Tier) string {
	if t == record.AutoTier {
		return ""
	}
	return t.String()
}

// serveLedger answers with JSON lines, so that a reader needs not hold them all.
func (s *Server) serveLedger(w http.ResponseWriter, r *http.Request) {
	q, mistakes := s.query(r, s.ledger.size, "deployment", "reason", "outcome", "limit")
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	s.countHeaders(w.Header())
	w.Header().Set("Content-Type", "application/x-ndjson")
	found := s.ledger.newest(q.limit, q.match)
	for i := range found {
		if !writeJSON(w, s.entry(&found[i])) {
			return
		}
	}
}

// recent is how many entries serveRequests shows unless asked.
const recent = 100

func (s *Server) serveRequests(w http.ResponseWriter, r *http.Request) {
	q, mistakes := s.query(r, recent, "limit")
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	s.countHeaders(w.Header())
	w.Header()["Content-Type"] = applicationJSON
	list := []entry{}
	found := s.ledger.newest(q.limit, q.match)
	for i := range found {
		list = append(list, s.entry(&found[i]))
	}
	writeJSON(w, list)
}

// countHeaders tells a reader whether what it gets can be all there was.
func (s *Server) countHeaders(h http.Header) {
	total, pushedOut := s.ledger.counts()
	h.Set("Ledger-Total", strconv.FormatInt(total, 10))
	h.Set("Ledger-Pushed-Out", strconv.FormatInt(pushedOut, 10))
}

// query is which attempts are asked for; a nil field takes all.
type query struct {
	backend *uint16
	reason  *record.Reason
	outcome *record.Outcome
	limit   int
}

func (q *query) match(a *record.Attempt) bool {
	return (q.backend == nil || *q.backend == a.Backend) && (q.reason == nil || *q.reason == a.Reason) &&
		(q.outcome == nil || *q.outcome == a.Outcome)
}

// query reads the parameters that a path takes, or says all that is wrong with them.
func (s *Server) query(r *http.Request, limit int, takes ...string) (q query, mistakes []string) {
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
		if b := s.deployed(name); b != nil {
			place := uint16(b.index)
			q.backend = &place
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
	if text := values.Get("limit"); values.Has("limit") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			wrong("limit: %q is no whole number from 1", text)
		}
		q.limit = n
	}
	return q, mistakes
}

// standing is a deployment as the control plane shows it.
type standing struct {
	Name               string  `json:"name"`
	Model              string  `json:"model"`
	SKU                string  `json:"sku"`
	TPM                int64   `json:"tpm,omitempty"`
	RPM                int64   `json:"rpm,omitempty"`
	PTU                int64   `json:"ptu,omitempty"`
	InFlight           int     `json:"in_flight"`
	UsedTokens         int64   `json:"used_tokens"`
	UtilizationPercent float64 `json:"utilization_percent"`

	Version  uint32   `json:"version"` // 0 at the start; each change makes another one
	Settings settings `json:"settings"`
}

func (s *Server) serveDeployments(w http.ResponseWriter, r *http.Request) {
	if _, mistakes := s.query(r, 0); mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	w.Header()["Content-Type"] = applicationJSON
	list := []standing{}
	for _, b := range s.backends {
		list = append(list, b.standing())
	}
	writeJSON(w, list)
}

func (b *backend) standing() standing {
	u, now := b.usage()
	return standing{Version: now.version, Settings: settingsOf(now.cfg), Name: b.cfg.Name, Model: b.cfg.Model, SKU: b.cfg.SKU, TPM: u.TPM, RPM: u.RPM, PTU: u.PTU, InFlight: u.Active,
		UsedTokens: u.Used, UtilizationPercent: float64(u.UtilizationPPM) / 10_000}
}

// usage returns where the deployment stands at present, and what is in force.
func (b *backend) usage() (u deployment.Usage, now *setting) {
	b.driver.Locked(func(at tick.Instant) { u, now = b.core.Usage(at), b.setting.Load() })
	return u, now
}
