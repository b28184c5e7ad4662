package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/rs/zerolog"

	"foundrylab/gateway/core"
	"foundrylab/internal/ops"
	"foundrylab/internal/record"
)

// answer is an error answer of a backend, kept in case nobody does better.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// answerKept passes a backend's own error answer on. The wait it names is the
// core's, which knows whether another backend is back sooner.
func (x *exchange) answerKept(e core.Effect) {
	h := x.w.Header()
	kept := &x.decided(e).kept
	passHeader(h, kept.header)
	h.Del("Content-Length") // the body may have been shortened
	x.sign(h, e)
	setRetryAfter(h, e)
	x.w.WriteHeader(kept.status)
	x.w.Write(kept.body) // an error means that the client is gone, which changes nothing now
}

// answerMade answers in the gateway's own name: the header x-gateway-reason
// tells such an answer from a backend's.
func (x *exchange) answerMade(e core.Effect) {
	h := x.w.Header()
	x.sign(h, e)
	setRetryAfter(h, e)
	if e.Reason == record.BackendGone {
		writeJSON(x.w, int(e.Status), e.Reason.String(), x.bound.backendGone())
		return
	}
	told := x.explain(e)
	if x.portion.refused {
		told.Message += ofAllModels
	}
	if x.route.op.In&ops.InAnthropic != 0 {
		writeJSON(x.w, int(e.Status), e.Reason.String(), anthropicError(e.Status, told.Message))
		return
	}
	writeError(x.w, int(e.Status), told, e.Reason.String())
}

// explain says what a client of the gateway can do about an answer of its own.
func (x *exchange) explain(e core.Effect) errorBody {
	again := "Retry with backoff."
	if e.HasRetry {
		again = fmt.Sprintf("Retry after %d seconds.", seconds(e.RetryMs))
	}
	switch {
	case e.Reason == record.InFlightBound:
		return errorBody{"TooManyRequestsInFlight", fmt.Sprintf("The gateway is at its bound of %d requests in flight. Retry with backoff, or raise max_in_flight.", x.settings().Core.MaxInFlight)}
	case e.Reason == record.BudgetRefused:
		return errorBody{"TokenBudgetExceeded", "The token budget is used up. " + again}
	case e.Reason == record.TenantQuota:
		return errorBody{"QuotaExceeded", quotaText(e.HasRetry, again)}
	case e.Reason == record.TooLarge: // and so it is later
		return errorBody{"429", "The request is larger than the gateway's limit of your tokens per minute. Ask for fewer max_tokens, or send a shorter prompt."}
	case e.Reason == record.ZoneRefused:
		return errorBody{"403", "No backend of the gateway is in a zone where your tenant's requests may be processed."}
	case e.Status == http.StatusTooManyRequests && tenantReasons[e.Reason] != "":
		return errorBody{"429", tenantReasons[e.Reason] + " " + again}
	case e.Status == http.StatusTooManyRequests && x.bound.pin > 0:
		return errorBody{"429", "The one backend of the gateway that has what the request builds upon has asked to be left alone. " + again}
	case e.Status == http.StatusTooManyRequests:
		return errorBody{"429", "Every backend of the gateway has asked to be left alone. " + again}
	case e.Status == http.StatusGatewayTimeout:
		return errorBody{"BackendTimeout", "The backend did not begin its answer in the time that the gateway gives it. " + again}
	case e.Status == http.StatusBadGateway:
		return errorBody{"BackendUnreachable", "The connection to the backend failed before it answered. " + again}
	}
	return errorBody{"NoBackendAvailable", "The gateway has no backend left that is available for this request; GET /healthz shows their state. " + again}
}

// quotaText tells a request that could come through when the next period begins from one that never can.
func quotaText(later bool, again string) string {
	if !later {
		return "The request, its max_tokens included, is more than your tenant's whole quota of a period at the gateway. Ask for fewer max_tokens, or send a shorter prompt."
	}
	return "The request, its max_tokens included, is more than is left of your tenant's quota at the gateway in this period. Ask for fewer max_tokens, or wait for the next period. " + again
}

// tenantReasons says what a tenant has to do with a 429 of the gateway's own.
var tenantReasons = map[record.Reason]string{
	record.TenantTokens:      "The gateway's limit of your tokens per minute is reached.",
	record.TenantRequests:    "The gateway's limit of your requests per minute is reached.",
	record.TenantConcurrency: "The gateway's limit of your requests at a time is reached.",
	record.QueueFull:         "The gateway's queue is full.",
	record.QueueTimeout:      "The request waited in the gateway's queue for as long as it may, and no backend could take it.",
	record.QueueTooLong:      "The request would have to wait in the gateway's queue for longer than it may.",
	record.QueueDisplaced:    "The request made room in the gateway's queue for one of a higher priority.",
}

// refusal is an answer to what never became a request.
type refusal struct {
	status int
	reason string // x-gateway-reason
	error  errorBody
}

// The refusals. The texts of 401 and 404 are the service's own.
var (
	unauthorized    = &refusal{http.StatusUnauthorized, "unauthorized", errorBody{"401", "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}
	noRoute         = &refusal{http.StatusNotFound, "unknown-route", errorBody{"404", "Resource not found"}}
	noIdentity      = &refusal{http.StatusServiceUnavailable, "issuer-unavailable", errorBody{"IdentityUnavailable", "The gateway cannot get the keys of your token's issuer, so it cannot verify the token. Retry with backoff."}}
	wrongFrontDoor  = &refusal{http.StatusForbidden, "front-door", errorBody{"403", "This gateway takes requests only through its Azure Front Door."}}
	modelNotAllowed = &refusal{http.StatusForbidden, "model-not-allowed", errorBody{"403", "Your tenant of the gateway may not use this model or deployment. Ask for one that is granted to it."}}
	unknownModel    = &refusal{http.StatusNotFound, "unknown-model", errorBody{"DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}
	tooSlow         = &refusal{http.StatusRequestTimeout, "body-too-slow", errorBody{"408", "The request body did not come in time. Send it again."}}
	tooLarge        = &refusal{http.StatusRequestEntityTooLarge, "body-too-large", errorBody{"RequestEntityTooLarge", "The request body is larger than this gateway takes. Send less, or raise the gateway's bound on bodies."}}
	unreadable      = &refusal{http.StatusBadRequest, "body-unreadable", errorBody{"BadRequest", "The request body ended before its announced length. Send it again."}}
	notAnObject     = &refusal{http.StatusBadRequest, "body-not-json", errorBody{"BadRequest", "The request body is not a JSON object, so its model cannot be read. Send a JSON object with content-type application/json."}}
)

func unknownRoute(w http.ResponseWriter, _ *http.Request) { noRoute.write(w) }

func (f *refusal) write(w http.ResponseWriter) { writeError(w, f.status, f.error, f.reason) }

// refuse answers and writes the request's log line; why is more than the client
// is told, and may be "".
func (g *Gateway) refuse(w http.ResponseWriter, rt *route, v visitor, f *refusal, why string) {
	if line := g.cfg.Logger.Info(); line != nil {
		line.Str("route", rt.name)
		g.sayWho(line, v)
		line.Int("status", f.status).Str("reason", f.reason)
		if why != "" {
			line.Str("why", why)
		}
		line.Msg("refused")
	}
	f.write(w)
}

// sayWho writes whom a request comes from: the tenant, and a name of the
// credential that is none itself.
func (g *Gateway) sayWho(line *zerolog.Event, v visitor) {
	if v.tenant != record.NoTenant {
		line.Str("tenant", g.present.Load().cfg.Clients[v.tenant].Name)
	}
	if v.by != "" {
		line.Str("credential", v.by)
	}
}

// errorBody is the inside of the service's error envelope.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func writeError(w http.ResponseWriter, status int, e errorBody, reason string) {
	writeJSON(w, status, reason, struct {
		Error errorBody `json:"error"`
	}{e})
}

func writeJSON(w http.ResponseWriter, status int, reason string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("gateway: %v", err)) // strings only: it always can be marshalled
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if reason != "" {
		h.Set("X-Gateway-Reason", reason)
	}
	w.WriteHeader(status)
	w.Write(body) // an error means that the client is gone, which changes nothing now
}

// setRetryAfter writes both headers, so that each kind of client finds its own.
func setRetryAfter(h http.Header, e core.Effect) {
	if e.HasRetry {
		h.Set("Retry-After-Ms", strconv.FormatUint(uint64(e.RetryMs), 10))
		h.Set("Retry-After", strconv.FormatUint(seconds(e.RetryMs), 10))
	}
}

// seconds rounds up: a client that comes back early is refused once more.
func seconds(ms uint32) uint64 { return (uint64(ms) + 999) / 1000 }
