package gateway

import (
	"net/http"
	"time"

	"foundrylab/internal/record"
	"foundrylab/internal/tick"
)

// health is the answer of GET /healthz.
type health struct {
	Status   string          `json:"status"` // ok | unavailable
	Backends []backendHealth `json:"backends"`
}

type backendHealth struct {
	Name  string `json:"name"`
	State string `json:"state"`           // closed | open | half-open
	Until string `json:"until,omitempty"` // RFC 3339; of an open one
}

// health answers 200 while a request may find a backend, else 503.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	g.driver.Wake() // a deadline may have passed whose timer has yet to fire
	body := health{Status: "unavailable"}
	status := http.StatusServiceUnavailable
	g.driver.Locked(func(tick.Instant) {
		backends := g.present.Load().backends
		for i := range backends {
			if backends[i].gone {
				continue
			}
			view, until := g.core.Backend(i)
			b := backendHealth{Name: backends[i].Name, State: view.String()}
			if view == record.Open {
				b.Until = time.Unix(0, int64(until)).UTC().Format("2006-01-02T15:04:05.000Z07:00")
			} else {
				status, body.Status = http.StatusOK, "ok"
			}
			body.Backends = append(body.Backends, b)
		}
	})
	writeJSON(w, status, "", body)
}
