package gateway

import "net/http"

// modelList is the answer of GET models, as the SDKs read it.
type modelList struct {
	Object string       `json:"object"`
	Data   []modelEntry `json:"data"`
}

type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// modelRoutes are where the service lists models, in its classic paths and in
// v1.
func modelRoutes() []*route {
	return []*route{{name: "models/classic", path: "/openai/models"}, {name: "models/v1", path: "/openai/v1/models"}}
}

// listModels lists the names by which the visitor may ask for pools. A gateway
// whose only pool has no name does not know what its clients call it.
func (g *Gateway) listModels(rt *route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in := g.present.Load()
		if len(in.names) == 0 {
			unknownRoute(w, r)
			return
		}
		v, problem, why := in.door.enter(r)
		if problem == nil {
			problem = v.permit(r)
		}
		if problem != nil {
			g.refuse(w, rt, v, problem, why)
			return
		}
		list := modelList{Object: "list", Data: []modelEntry{}}
		for _, p := range in.pools {
			if p.gone {
				continue
			}
			for _, name := range append([]string{p.Name}, p.Aliases...) {
				if _, problem := in.poolFor(&v, name); problem == nil {
					list.Data = append(list.Data, modelEntry{ID: name, Object: "model", OwnedBy: "gateway"})
				}
			}
		}
		writeJSON(w, http.StatusOK, "", list)
	}
}
