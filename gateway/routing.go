package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// router mounts every operation of the table in both route families.
func (g *Gateway) router() *mux.Router {
	m := mux.NewRouter().SkipClean(true).UseEncodedPath()
	for i, rt := range routes() {
		m.Path(strings.Replace(rt.path, "{id}", idPattern, 1)).Methods(rt.op.Method).Name(rt.name).HandlerFunc(g.serve(i, rt))
	}
	for _, path := range []string{"/healthz", "/readyz"} { // for a load balancer, and for Kubernetes
		m.Path(path).Methods(http.MethodGet, http.MethodHead).Name(path).HandlerFunc(g.health)
	}
	m.Path("/readyz/{pool}").Methods(http.MethodGet, http.MethodHead).Name("/readyz/pool").HandlerFunc(g.healthOfPool)
	for _, rt := range modelRoutes() {
		m.Path(rt.path).Methods(http.MethodGet).Name(rt.name).HandlerFunc(g.tellModels(rt))
	}
	m.Path("/livez").Methods(http.MethodGet, http.MethodHead).Name("/livez").HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	m.NotFoundHandler = http.HandlerFunc(unknownRoute)
	m.MethodNotAllowedHandler = m.NotFoundHandler
	return m
}

// The classic paths name a deployment between these.
const (
	classicPrefix = "/openai/deployments/"
	classicAny    = classicPrefix + "{deployment}"
)

// posts are the POST routes in whose path nothing but the deployment of the
// classic ones is a variable: most requests by far are for one of them, and need
// no search.
type posts struct {
	fixed   map[string]*mux.Route // by path
	classic map[string]*mux.Route // by what comes after the deployment
}

func postsOf(m *mux.Router) posts {
	p := posts{map[string]*mux.Route{}, map[string]*mux.Route{}}
	m.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		into := p.fixed
		if tail, ok := strings.CutPrefix(path, classicAny); ok {
			into, path = p.classic, tail
		}
		if into[path] == nil && !strings.Contains(path, "{") && slices.Equal(methods, []string{http.MethodPost}) {
			into[path] = route
		}
		return nil
	})
	return p
}

// route returns the route of a request; nil: it must be searched for.
func (p *posts) route(r *http.Request) *mux.Route {
	if r.Method != http.MethodPost || r.URL.RawPath != "" {
		return nil
	}
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, classicPrefix); ok {
		if at := strings.IndexByte(rest, '/'); at > 0 {
			return p.classic[rest[at:]]
		}
	}
	return p.fixed[path]
}

// pathModel returns the deployment that a classic path names, "" where its
// escapes are broken or it is of another family.
func pathModel(r *http.Request) string {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), classicPrefix)
	if !ok {
		return ""
	}
	segment, _, _ := strings.Cut(rest, "/")
	name, _ := url.PathUnescape(segment)
	return name
}
