package gateway

import (
	"net/http"

	"github.com/gorilla/mux"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// health is the answer of GET /healthz.
type health struct {
	Status   string          `json:"status"` // ok | unavailable | leaving
	Backends []backendHealth `json:"backends,omitempty"`
	Canary   *canaryHealth   `json:"canary,omitempty"`
	Pools    []poolHealth    `json:"pools,omitempty"` // instead, where they have names
}

type poolHealth struct {
	Name     string          `json:"name"`
	Status   string          `json:"status"` // ok | unavailable
	Optional bool            `json:"optional,omitempty"`
	Backends []backendHealth `json:"backends"`
	Canary   *canaryHealth   `json:"canary,omitempty"`
}

type backendHealth struct {
	Name  string `json:"name"`
	State string `json:"state"`           // closed | open | half-open
	Until string `json:"until,omitempty"` // RFC 3339; of an open one
}

// health answers 200 while a request may find a backend in every pool that is
// not optional, and the server is not about to end; else 503.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	body := health{Status: "ok"}
	code := http.StatusOK
	for _, p := range g.present.Load().pools {
		if p.gone {
			continue
		}
		told := g.healthOf(p.pool)
		if p.Name == "" {
			body.Backends, body.Canary = told.Backends, told.Canary
		} else {
			body.Pools = append(body.Pools, told)
		}
		if told.Status != "ok" && !p.Optional {
			code, body.Status = http.StatusServiceUnavailable, told.Status
		}
	}
	if g.leaving.Load() {
		code, body.Status = http.StatusServiceUnavailable, "leaving"
	}
	writeJSON(w, code, "", body)
}

// healthOfPool answers for one pool by its name.
func (g *Gateway) healthOfPool(w http.ResponseWriter, r *http.Request) {
	p := g.present.Load().names[mux.Vars(r)["pool"]]
	if p == nil {
		noRoute.write(w)
		return
	}
	told, code := g.healthOf(p.pool), http.StatusOK
	if g.leaving.Load() {
		told.Status = "leaving"
	}
	if told.Status != "ok" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, "", told)
}

func (g *Gateway) healthOf(p *pool) poolHealth {
	p.driver.Wake() // a deadline may have passed whose timer has yet to fire
	told := poolHealth{Status: "unavailable"}
	p.driver.Locked(func(now tick.Instant) {
		in := g.present.Load().pools[p.place]
		told.Name, told.Optional, told.Canary = in.Name, in.Optional, in.canary(now)
		for i := range in.backends {
			if in.backends[i].gone {
				continue
			}
			view, until := p.core.Backend(i)
			b := backendHealth{Name: in.backends[i].Name, State: view.String()}
			if view == record.Open {
				b.Until = timestamp(until)
			} else if !p.core.OnTrial(i) { // a canary does not take everybody
				told.Status = "ok"
			}
			told.Backends = append(told.Backends, b)
		}
	})
	return told
}
