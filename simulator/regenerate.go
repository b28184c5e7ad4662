package simulator

import (
	"fmt"
	"net/http"
	"slices"
)

// keyNames are the two keys as ARM's regenerateKey names them.
var keyNames = []string{"Key1", "Key2"}

// regenerated is the answer of ARM's regenerateKey.
type regenerated struct {
	Key1 string `json:"key1"`
	Key2 string `json:"key2"`
}

// serveRegenerateKey replaces one of the two keys of a resource, as ARM does: that of the deployment which the query names,
// or the only one there is. Requests in flight go on.
func (c *Control) serveRegenerateKey(w http.ResponseWriter, r *http.Request) {
	q, mistakes := c.query(r, 0, "deployment")
	asks, err := readObject(w, r)
	name, _ := asks["keyName"].(string)
	which := slices.Index(keyNames, name)
	if err != nil || len(asks) != 1 || which < 0 {
		mistakes = append(mistakes, `send {"keyName": "Key1"} or {"keyName": "Key2"}`)
	}
	if mistakes != nil {
		complain(http.StatusBadRequest, mistakes...).ServeHTTP(w, r)
		return
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	all := c.all()
	if q.backend != nil {
		all = all[*q.backend : *q.backend+1]
	}
	if len(all) == 0 { // no Server has joined
		complain(http.StatusBadRequest, "there is no deployment").ServeHTTP(w, r)
		return
	}
	ring := all[0].ring
	if slices.ContainsFunc(all, func(b *backend) bool { return b.ring != ring }) {
		complain(http.StatusBadRequest, fmt.Sprintf("deployment: name one whose keys are meant, such as ?deployment=%s: they have not all the same", all[0].cfg.Name)).ServeHTTP(w, r)
		return
	}
	pair := ring.renew(which)
	w.Header()["Content-Type"] = applicationJSON
	w.Header()["Cache-Control"] = notKept
	writeJSON(w, regenerated{pair[0], pair[1]})
}
