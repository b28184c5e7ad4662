package gateway

import (
	"net/http"
	"net/url"

	"github.com/gorilla/mux"
)

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

// modelRoutes are where the service tells of models, in its classic paths and
// in v1.
func modelRoutes() []*route {
	return []*route{
		{name: "models/classic", path: "/openai/models"}, {name: "models/v1", path: "/openai/v1/models"},
		{name: "model/classic", path: "/openai/models/{id}"}, {name: "model/v1", path: "/openai/v1/models/{id}"},
	}
}

// tellModels tells a visitor of the names by which it may ask for pools, or of
// one of them. A gateway whose only pool has no name does not know what its
// clients call it.
func (g *Gateway) tellModels(rt *route) http.HandlerFunc {
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
		id, one := mux.Vars(r)["id"]
		if one && problem == nil {
			id, problem = in.nameFor(&v, id)
		}
		switch {
		case problem != nil:
			g.refuse(w, rt, v, problem, why)
		case one:
			writeJSON(w, http.StatusOK, "", entryOf(id))
		default:
			writeJSON(w, http.StatusOK, "", in.listFor(&v))
		}
	}
}

func entryOf(name string) modelEntry {
	return modelEntry{ID: name, Object: "model", OwnedBy: "gateway"}
}

// listFor lists the names that a visitor may use.
func (s *settings) listFor(v *visitor) modelList {
	list := modelList{Object: "list", Data: []modelEntry{}}
	for _, p := range s.pools {
		if p.gone {
			continue
		}
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			if _, problem := s.poolFor(v, name); problem == nil {
				list.Data = append(list.Data, entryOf(name))
			}
		}
	}
	return list
}

// nameFor returns the name that an escaped one stands for, or why the visitor is
// not told of it.
func (s *settings) nameFor(v *visitor, escaped string) (string, *refusal) {
	name, _ := url.PathUnescape(escaped) // "" where its escapes are broken
	_, problem := s.poolFor(v, name)
	if problem == nil && s.names[name] == nil { // the default pool takes it, but nobody calls it so
		problem = unknownModel
	}
	return name, problem
}
