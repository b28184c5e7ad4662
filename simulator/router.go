package simulator

import "foundrylab/simulator/catalog"

// engine is the model and version that an answer names: the deployment's, or what a router chose for this request.
func (c *call) engine() string {
	if c.backend.cfg.Model != catalog.Router {
		return c.backend.engine
	}
	r := catalog.Routed(c.backend.text.Draw(c.request, 0))
	return r.Model + "-" + r.Version
}
