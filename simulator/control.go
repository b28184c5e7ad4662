package simulator

import (
	"cmp"
	_ "embed" // for openapi.json
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/mux"

	"foundrylab/internal/tick"
)

// Control is the control plane of one Server or of several: what reached their deployments, where these stand, and what
// can be changed of them, as docs/control.md describes. The names of all their deployments differ. Safe for concurrent use.
type Control struct {
	ledger *ledger

	changing sync.Mutex // one change at a time; taken before the locks of deployments
	faults   faultList  // guarded by changing, and so is what follows
	added    int        // faults so far

	mu       sync.Mutex
	backends []*backend // a list that is handed out is never written to
}

// NewControl returns a control plane for the Control field of Configs. It remembers so many attempts, the newest; 0:
// 100,000.
func NewControl(ledgerSize int) *Control {
	return &Control{ledger: newLedger(cmp.Or(ledgerSize, defaultLedger))}
}

// join takes the deployments of a Server in, and its faults, or says which names are taken.
func (c *Control) join(joining []*backend, cfg *Config) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range joining {
		if c.taken(b.cfg.Name) {
			return fmt.Errorf("deployments[%d].name: %q is taken by another Server of the same Control", i, b.cfg.Name)
		}
	}
	for _, b := range joining {
		c.seat(b)
	}
	for i, f := range cfg.Faults {
		c.faults = append(c.faults, scheduled{Config: f, serial: i, origin: cfg.Start, configured: joining})
	}
	return nil
}

// taken reports whether there is a deployment of that name; with mu.
func (c *Control) taken(name string) bool {
	return slices.ContainsFunc(c.backends, func(b *backend) bool { return b.cfg.Name == name })
}

// seat gives a deployment its place; with mu.
func (c *Control) seat(b *backend) {
	b.kept, b.seat = c.ledger, len(c.backends)
	c.backends = append(slices.Clip(c.backends), b)
	c.ledger.join()
}

// admit takes in a deployment that has appeared in the Server of another one. The faults there are strike it too.
func (c *Control) admit(b, beside *backend) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	c.mu.Lock()
	taken := c.taken(b.cfg.Name)
	if !taken {
		c.seat(b)
	}
	c.mu.Unlock()
	if taken {
		return fmt.Errorf("%q is taken by another Server of the same Control", b.cfg.Name)
	}
	next := slices.Clone(c.faults)
	for i := range next {
		if slices.Contains(next[i].configured, beside) {
			next[i].configured = append(slices.Clip(next[i].configured), b)
		}
	}
	c.faults = next
	if plan := next.planOf(b, b.clock.Now()); len(plan.rules) > 0 {
		enact(proposal{b: b, faults: plan}) // there is room: nothing came before it
	}
	return nil
}

// all returns the deployments, by place.
func (c *Control) all() []*backend {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.backends
}

// now is the present on the clock of the deployments.
func (c *Control) now() tick.Instant {
	if all := c.all(); len(all) > 0 {
		return all[0].clock.Now()
	}
	return 0
}

// deployed returns the deployment of that name, or nil.
func (c *Control) deployed(name string) *backend {
	for _, b := range c.all() {
		if b.cfg.Name == name {
			return b
		}
	}
	return nil
}

// Admin returns the Server's control plane as a handler. It asks for no key, and is no part of what the Server itself
// serves: give it an address of its own. Safe for concurrent use.
func (s *Server) Admin() http.Handler { return s.control.Handler() }

// Handler returns the control plane as Server.Admin does.
func (c *Control) Handler() http.Handler { return c.routes() }

// openAPI describes the control plane for programs.
//
//go:embed openapi.json
var openAPI string

func (c *Control) routes() *mux.Router {
	router := mux.NewRouter()
	for _, r := range []struct {
		method, path string
		answer       http.HandlerFunc
	}{
		{http.MethodGet, "/ledger", c.serveLedger},
		{http.MethodGet, "/requests", c.serveRequests},
		{http.MethodGet, "/deployments", c.serveDeployments},
		{http.MethodGet, "/deployments/{name}", c.serveDeployment},
		{http.MethodPatch, "/deployments/{name}", c.serveChange},
		{http.MethodGet, "/faults", c.serveFaults},
		{http.MethodGet, "/faults/{name:.+}", c.serveFault},
		{http.MethodPut, "/faults/{name:.+}", c.serveAddFault},
		{http.MethodDelete, "/faults/{name:.+}", c.serveEndFault},
		{http.MethodPost, "/reset", c.serveReset},
		{http.MethodPost, "/regenerateKey", c.serveRegenerateKey},
		{http.MethodGet, "/metrics", c.serveMetrics().ServeHTTP},
		{http.MethodGet, "/openapi.json", serveOpenAPI},
	} {
		router.Handle(r.path, r.answer).Methods(r.method).Name(r.method + " " + r.path)
	}
	router.NotFoundHandler = complain(http.StatusNotFound, "there is no such path: GET /openapi.json describes all there are, such as /ledger, /requests, /deployments and /metrics")
	router.MethodNotAllowedHandler = complain(http.StatusMethodNotAllowed, "this path does not take this method")
	return router
}

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = applicationJSON
	io.WriteString(w, openAPI) // a failure means that the client is gone
}

// RequireKey puts a key before a control plane: requests without it in their api-key header get 401, whatever they ask.
func RequireKey(key string, h http.Handler) http.Handler {
	refuse := complain(http.StatusUnauthorized, "send the key of the control plane as api-key header")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !equalKeys(r.Header.Get("Api-Key"), key) {
			refuse.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// complain answers with what is wrong.
func complain(status int, mistakes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = applicationJSON
		w.WriteHeader(status)
		writeJSON(w, struct {
			Errors []string `json:"errors"`
		}{mistakes})
	})
}

// writeJSON writes one line; a failure means that the client is gone.
func writeJSON(w http.ResponseWriter, v any) bool { return json.NewEncoder(w).Encode(v) == nil }
