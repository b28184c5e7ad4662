package simulator

import (
	"cmp"
	"net/http"

	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
)

// spillover returns the deployment that takes what this one refuses, or nil. The deployment's own goes before the
// caller's. What a caller names and does not fit is ignored: the service says nothing of it.
func (c *call) spillover() *backend {
	name := cmp.Or(c.backend.cfg.Spillover, c.r.Header.Get("X-Ms-Spillover-Deployment"))
	to := c.srv.deployed(name)
	if to == nil || len(c.backend.cfg.SpilloverMistakes(&to.cfg)) > 0 {
		return nil
	}
	return to
}

// spill brings a refused request before a second deployment, and returns which of both flights is the caller's answer.
// The other one has landed.
func (c *call) spill(refused *flight, ev deployment.Event, to *backend) *flight {
	h := c.w.Header()
	from := c.backend
	ev.Ask = fault.Ask{} // it was asked of the deployment that refused
	f := to.start(ev, c.text, refused.gone)
	if f.ended && from.setting.Load().cfg.SpilloverError == "original" {
		f.land()
		// a reset has no status; whoever stands before a deployment would call it unavailable
		h["X-Ms-Spillover-Error"] = number(int64(cmp.Or(f.end.Status, http.StatusServiceUnavailable)))
		return refused
	}
	refused.land()
	c.backend = to
	h["X-Ms-Spillover-From-Deployment"] = []string{from.cfg.Name}
	if f.ended {
		h["X-Ms-Spillover-Error"] = number(int64(refused.end.Status))
	}
	return f
}
