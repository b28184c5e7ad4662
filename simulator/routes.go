package simulator

import (
	"net/http"

	"github.com/gorilla/mux"

	"foundrylab/internal/ops"
	"foundrylab/simulator/content"
)

// endpoint answers requests of one route.
type endpoint func(c *call)

// routes lays the table of operations out in both route families. Whatever is not there, by path or by method, is the
// service's 404.
func (s *Server) routes() *mux.Router {
	router := mux.NewRouter().SkipClean(true)
	for _, op := range ops.All {
		router.Handle(op.Classic, s.handler(op.Name+".classic", classic(&op))).Methods(op.Method).Name(op.Name + ".classic")
		router.Handle(op.V1, s.handler(op.Name+".v1", v1(&op))).Methods(op.Method).Name(op.Name + ".v1")
	}
	for _, r := range []struct {
		name, path string
		answer     endpoint
	}{
		{"models.classic", "/openai/models", modelsClassic},
		{"models.v1", "/openai/v1/models", modelsV1},
		{"healthz", "/healthz", healthz},
	} {
		router.Handle(r.path, s.handler(r.name, r.answer)).Methods(http.MethodGet).Name(r.name)
	}
	unknown := s.handler("none", func(c *call) { c.answer(content.NotFound()) })
	router.NotFoundHandler, router.MethodNotAllowedHandler = unknown, unknown
	return router
}

// handler makes an http.Handler of an endpoint: one call, one line in the log.
func (s *Server) handler(route string, answer endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{srv: s, w: w, r: r, route: route, serial: s.serial.Add(1), began: s.clock.Now()}
		defer c.report()
		answer(c)
	})
}

// classic answers an operation whose deployment is in the path. Checks come in the service's order; a body that cannot
// be read cannot be metered, so 400 comes before the limiter.
func classic(op *ops.Operation) endpoint {
	return func(c *call) {
		switch {
		case !c.classicVersion():
			c.answer(content.NotFound())
		case !c.knowsKey():
			c.answer(content.InvalidKey())
		case !c.enter(c.srv.deployed(c.wishless(mux.Vars(c.r)["deployment"]))):
		case c.readBody(op):
			c.chat(op)
		}
	}
}

// v1 answers an operation whose deployment is in the body.
func v1(op *ops.Operation) endpoint {
	return func(c *call) {
		switch {
		case !c.v1Version():
			c.answer(versionNotSupported)
		case !c.knowsKey():
			c.answer(content.InvalidKey())
		case !c.readBody(op):
		case c.peeked.Model == "":
			c.answer(content.InvalidRequest(&ops.InvalidRequest{Message: "Missing required parameter: 'model'.",
				Param: "model", Code: "missing_required_parameter"}))
		case c.enter(c.srv.serving(c.wishless(c.peeked.Model))):
			c.chat(op)
		}
	}
}

func healthz(c *call) {
	c.answer(content.Answer{Status: http.StatusOK, Body: []byte(`{"status":"ok"}`)})
}
