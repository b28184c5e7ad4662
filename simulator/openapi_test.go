package simulator

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"foundrylab/simulator/deployment"
)

// The document names every route with its methods, and every field of what the
// routes answer, and nothing else.
func TestOpenAPI(t *testing.T) {
	s, err := New(Config{Deployments: []deployment.Config{standard("a")}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := httptest.NewRecorder()
	s.Admin().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err)
	}
	var served, said []string
	s.control.routes().Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := r.GetPathTemplate()
		path = strings.ReplaceAll(path, ":.+}", "}")
		methods, _ := r.GetMethods()
		for _, m := range methods {
			served = append(served, strings.ToLower(m)+" "+path)
		}
		return nil
	})
	for path, methods := range doc.Paths {
		for m := range methods {
			said = append(said, m+" "+path)
		}
	}
	if said := slices.Sorted(maps.Keys(doc.Components.Schemas["Settings"].Properties)); !slices.Equal(slices.Sorted(slices.Values(changeable)), said) {
		t.Errorf("settings that change are %v, the document has %v", changeable, said)
	}
	slices.Sort(served)
	slices.Sort(said)
	if !slices.Equal(served, said) {
		t.Errorf("served %v\nsaid   %v", served, said)
	}
	for name, v := range map[string]any{"Entry": entry{}, "Deployment": standing{}, "Fault": shownFault{}, "Keys": regenerated{}} {
		var fields []string
		for f := range reflect.TypeOf(v).Fields() {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields = append(fields, tag)
		}
		slices.Sort(fields)
		if said := slices.Sorted(maps.Keys(doc.Components.Schemas[name].Properties)); !slices.Equal(fields, said) {
			t.Errorf("%s has %v, the document %v", name, fields, said)
		}
	}
}
