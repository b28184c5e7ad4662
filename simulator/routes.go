package simulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"foundrylab/internal/ops"
	"foundrylab/simulator/access"
	"foundrylab/simulator/catalog"
	"foundrylab/simulator/content"
)

// endpoint answers requests of one route.
type endpoint func(c *call)

// route is what is known of a request by its route alone. Never changed.
type route struct {
	name      string // for the log
	family    string // of internal/ops
	action    string // data action that a principal needs, see access.Action; "": none
	operation string // method and path, as the answer to one who may not names them
}

// newRoute describes a route; does is what access.Action wants to know.
func newRoute(name, family, does, method, path string) *route {
	return &route{name, family, access.Action(does, method, family), method + " " + strings.ReplaceAll(path, "{deployment}", "{deployment-id}")}
}

// peeker reads the body of an operation, as the Peek of an ops.Operation.
type peeker func(*ops.Peeker, []byte) (ops.Peeked, error)

// routes lays the table of operations out in both route families. Whatever is not there, by path or by method, is the
// service's 404.
func (s *Server) routes() *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	for _, op := range ops.All {
		if op.Name == responsesOperation {
			s.responsesRoutes(router, op.Routes())
		}
		needs := operationOf(&op).needs
		for _, r := range op.Routes() {
			about := newRoute(op.Name+"."+r.Family.Name, r.Family.Name, op.Name, op.Method, r.Path)
			answer := inBody(r.Family.Name, op.Peek, wished(needs), serving(&op))
			if !r.Family.ModelInBody {
				answer = inPath(op.Peek, needs, serving(&op))
			}
			router.Handle(r.Path, s.handler(about, answer)).Methods(op.Method).Name(about.name)
		}
	}
	for _, r := range modelRoutes {
		about := newRoute(r.name, r.family, "models", http.MethodGet, r.path)
		router.Handle(r.path, s.handler(about, ofModels(r.family, r.answer))).Methods(http.MethodGet).Name(r.name)
	}
	router.Handle("/healthz", s.handler(&route{name: "healthz"}, healthz)).Methods(http.MethodGet).Name("healthz")
	counting := ops.CountTokens
	for _, r := range counting.Routes() {
		about := newRoute("count_tokens", r.Family.Name, "count_tokens", counting.Method, r.Path)
		router.Handle(r.Path, s.handler(about, countTokens)).Methods(counting.Method).Name("count_tokens")
	}
	router.PathPrefix("/anthropic/").Handler(s.handler(&route{name: "none"}, func(c *call) { c.answer(content.APINotSupported()) }))
	for _, r := range tenantRoutes {
		router.Handle(r.path, s.handler(&route{name: r.name}, ofTenant(r.answer))).Methods(r.method).Name(r.name)
	}
	unknown := s.handler(&route{name: "none"}, func(c *call) { c.answer(content.NotFound()) })
	router.NotFoundHandler, router.MethodNotAllowedHandler = unknown, unknown
	return router
}

// plain are the handlers of the POST routes whose path is no pattern, by path: most requests by far are for one of
// them, and need no search.
func plain(router *mux.Router) map[string]http.Handler {
	handlers := map[string]http.Handler{}
	router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		if _, taken := handlers[path]; !taken && !strings.Contains(path, "{") && slices.Equal(methods, []string{http.MethodPost}) {
			handlers[path] = route.GetHandler()
		}
		return nil
	})
	return handlers
}

// responsesOperation is the operation that makes responses.
const responsesOperation = "Responses_Create"

// responsesRoutes lays out what the Responses API has beside its operation, in the same families.
func (s *Server) responsesRoutes(router *mux.Router, families []ops.Route) {
	for _, r := range families {
		for _, u := range unmetered {
			about := newRoute("responses."+u.name+"."+r.Family.Name, r.Family.Name, responsesOperation, http.MethodPost, r.Path+u.tail)
			router.Handle(r.Path+u.tail, s.handler(about, counted(r.Family.Name, u.answer))).Methods(http.MethodPost).Name(about.name)
		}
		for _, one := range storedRoutes {
			about := newRoute("responses."+one.name+"."+r.Family.Name, r.Family.Name, responsesOperation, one.method, r.Path+one.tail)
			router.Handle(r.Path+one.tail, s.handler(about, stored(r.Family.Name, one.answer))).Methods(one.method).Name(about.name)
		}
	}
}

// handler makes an http.Handler of an endpoint: one call, one line in the log.
func (s *Server) handler(about *route, answer endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{srv: s, w: w, r: r, route: about, serial: s.serial.Add(1), began: s.clock.Now()}
		defer c.report()
		answer(c)
		c.see()
	})
}

// versionRule is what a family asks of the api-version parameter, and the answer where it is not met.
type versionRule struct {
	fits   func(*call) bool
	refuse func() content.Answer
}

// versionRules returns the rule of a family.
func versionRules(family string) versionRule {
	switch family {
	case "classic":
		return versionRule{(*call).classicVersion, content.NotFound}
	case "resource":
		return versionRule{(*call).responsesVersion, content.NotFound}
	case "models":
		return versionRule{(*call).classicVersion, func() content.Answer { return versionNotSupported }}
	case "anthropic":
		return versionRule{(*call).hasAnthropicVersion, anthropicVersionMissing}
	case "plain":
		return versionRule{func(*call) bool { return true }, content.NotFound}
	}
	return versionRule{(*call).v1Version, func() content.Answer { return versionNotSupported }}
}

// inPath answers an operation whose deployment is in the path. Checks come in the service's order; a body that cannot
// be read cannot be metered, so 400 comes before the limiter.
func inPath(peek peeker, needs catalog.Ability, then endpoint) endpoint {
	return func(c *call) {
		switch {
		case !c.classicVersion():
			c.answer(content.NotFound())
		case !c.admitted():
		case !c.enter(c.srv.use(c.wishless(mux.Vars(c.r)["deployment"]), needs)):
		case c.readBody(peek):
			then(c)
		}
	}
}

// inBody answers a request whose deployment is the body's model, and which find looks up.
func inBody(family string, peek peeker, find func(*call) *backend, then endpoint) endpoint {
	version := versionRules(family)
	return func(c *call) {
		c.family = family
		switch {
		case !version.fits(c):
			c.answer(version.refuse())
		case !c.admitted():
		case !c.readBody(peek):
		case c.peeked.Model == "":
			c.answer(content.InvalidRequest(&ops.InvalidRequest{Message: "Missing required parameter: 'model'.",
				Param: "model", Code: "missing_required_parameter"}))
		case c.enter(find(c)):
			then(c)
		}
	}
}

// named finds the deployment that the body's model names; wished the one behind a fault that the name may ask for.
func named(needs catalog.Ability) func(*call) *backend {
	return func(c *call) *backend { return c.srv.serving(c.peeked.Model, needs) }
}

func wished(needs catalog.Ability) func(*call) *backend {
	return func(c *call) *backend { return c.srv.serving(c.wishless(c.peeked.Model), needs) }
}

func healthz(c *call) {
	c.answer(content.Answer{Status: http.StatusOK, Body: []byte(`{"status":"ok"}`)})
}
