package simulator

import "net/http"

// serveReset lets all deployments begin anew, or one: its settings and limits, its entries and counts, and its faults. With
// all of them go the keys that were regenerated. Answers in flight go on, and are charged in their own end.
func (c *Control) serveReset(w http.ResponseWriter, r *http.Request) {
	q, mistakes := c.query(r, 0, "deployment")
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	all, now := c.all(), c.now()
	var one *backend
	if q.backend != nil {
		one = all[*q.backend]
		all = all[*q.backend : *q.backend+1]
	}
	list := c.faults.anew(one, now)
	proposals := make([]proposal, len(all))
	for i, b := range all {
		proposals[i] = proposal{b: b, cfg: &b.cfg, faults: list.planOf(b, now), forget: true}
	}
	if !enact(proposals...) {
		complain(http.StatusConflict, crowded).ServeHTTP(w, r)
		return
	}
	c.faults = list
	if one == nil {
		for _, b := range all {
			b.ring.restore()
		}
	}
	w.Header()["Content-Type"] = applicationJSON
	writeJSON(w, c.standings())
}
