package simulator

import (
	"net/http"

	"foundrylab/internal/tick"
	"foundrylab/simulator/deployment"
)

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

func (c *Control) serveDeployments(w http.ResponseWriter, r *http.Request) {
	if _, mistakes := c.query(r, 0); mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	w.Header()["Content-Type"] = applicationJSON
	writeJSON(w, c.standings())
}

func (c *Control) standings() []standing {
	list := []standing{}
	for _, b := range c.all() {
		list = append(list, b.standing())
	}
	return list
}

func (b *backend) standing() standing {
	u, now := b.usage()
	return standing{Version: now.version, Settings: now.shown, Name: b.cfg.Name, Model: b.cfg.Model, SKU: b.cfg.SKU, TPM: u.TPM, RPM: u.RPM, PTU: u.PTU, InFlight: u.Active,
		UsedTokens: u.Used, UtilizationPercent: float64(u.UtilizationPPM) / 10_000}
}

// usage returns where the deployment stands at present, and what is in force.
func (b *backend) usage() (u deployment.Usage, now *setting) {
	b.driver.Locked(func(at tick.Instant) {
		u, now = b.core.Usage(at), b.setting.Load()
		if b.shared != nil {
			b.shared.usage(at, &u)
		}
	})
	return u, now
}
