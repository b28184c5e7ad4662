package simulator

import (
	"net/http"
	"strconv"
	"time"

	"foundrylab/internal/record"
	"foundrylab/simulator/content"
	"foundrylab/simulator/deployment"
)

// Answers without an observed body; wording is our own. Never mutated.
var (
	bodyTooLarge        = content.Answer{Status: http.StatusRequestEntityTooLarge, Body: []byte(`{"error":{"code":"413","message":"The request body is too large."}}`)}
	bodyTooSlow         = content.Answer{Status: http.StatusRequestTimeout, Body: []byte(`{"error":{"code":"408","message":"The request body did not arrive in time."}}`)}
	versionNotSupported = content.Answer{Status: http.StatusBadRequest, Body: []byte(`{"error":{"code":"BadRequest","message":"API version not supported"}}`)}
)

// refuse answers what the deployment did not admit.
func (c *call) refuse(e *deployment.Effect) {
	if e.Status == 0 {
		c.reset()
		return
	}
	h := c.w.Header()
	if saysLimits(e.Reason) {
		c.backend.limits.Load().set(c, e)
	}
	if e.RetryMs > 0 {
		h["Retry-After"] = c.values.number(retrySeconds(e))
		if c.backend.limits.Load().says.RetryMs || c.backend.cfg.Provisioned() {
			h["Retry-After-Ms"] = c.values.number(int64(e.RetryMs))
		}
	}
	c.answer(c.refusal(e))
}

// saysLimits reports whether a refusal tells where the limits stand: a limiter's does, a fault's does not.
func saysLimits(why record.Reason) bool {
	switch why {
	case record.InFlightBound, record.StatusFault, record.ThrottleFault, record.TokenExpiryFault, record.DeletedFault, record.StaleFault:
		return false
	}
	return true
}

func retrySeconds(e *deployment.Effect) int64 {
	return ceilSeconds(time.Duration(e.RetryMs) * time.Millisecond)
}

func (c *call) refusal(e *deployment.Effect) content.Answer {
	d := &c.backend.cfg
	t := content.Throttle{Limit: content.TokenLimit, Operation: c.op.name, Deployment: d.Name, Model: d.Model, Region: d.Region,
		Tier: "OpenAI", APIVersion: c.version, RetrySeconds: int(retrySeconds(e))}
	reached := content.RateLimitReached
	if c.backend.limits.Load().says.OldBody {
		reached = content.RateLimitReachedOld
	}
	switch e.Reason {
	case record.TokenLimit, record.TooLarge, record.OutputTokenLimit:
		return reached(t)
	case record.RequestLimit:
		t.Limit = content.CallLimit
		return reached(t)
	case record.NoSuchTier:
		return content.NoSuchTier(c.peeked.ServiceTier)
	case record.NoCapacity:
		return content.NoCapacity(c.peeked.ServiceTier)
	case record.FlexTimeout:
		return content.FlexTimeout(c.peeked.ServiceTier)
	case record.Utilization:
		return content.ProvisionedExceeded(t, int(e.RetryMs))
	case record.ThrottleFault:
		return content.PeakLoad(t.RetrySeconds)
	case record.TokenExpiryFault:
		return content.InvalidToken()
	case record.DeletedFault:
		return content.DeploymentNotFound()
	case record.StaleFault:
		return content.PreviousNotFound(c.peeked.Response.Previous)
	}
	return statusAnswer(int(e.Status))
}

// statusAnswer returns the service's answer of a status that a fault asks for, or one in its style.
func statusAnswer(status int) content.Answer {
	switch status {
	case http.StatusUnauthorized:
		return content.InvalidKey()
	case http.StatusForbidden:
		return content.FirewallDenied()
	case http.StatusNotFound:
		return content.DeploymentNotFound()
	case http.StatusTooManyRequests:
		return content.PeakLoad(0)
	case http.StatusInternalServerError:
		return content.InternalServerError()
	case http.StatusServiceUnavailable:
		return content.ServiceUnavailable()
	}
	text := http.StatusText(status)
	if text == "" {
		text = "Injected status " + strconv.Itoa(status)
	}
	return content.Answer{Status: status, Body: []byte(`{"error":{"code":"` + strconv.Itoa(status) + `","message":"` + text + `"}}`)}
}
