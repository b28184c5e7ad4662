// Package gateway is the reference gateway over real connections: an
// http.Handler that carries out what gateway/core decides. It owns identity,
// bodies, transport, streaming and cancellation. It refuses policy, which is
// the core's, and any knowledge of what answers behind a backend's URL.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/gorilla/mux"
	"github.com/rs/zerolog"

	"foundrylab/gateway/core"
	"foundrylab/gateway/identity"
	"foundrylab/gateway/tenancy"
	"foundrylab/gateway/upstream"
	"foundrylab/internal/drive"
	"foundrylab/internal/ops"
	"foundrylab/internal/otlp"
	"foundrylab/internal/tick"
	"foundrylab/internal/yamlconf"
)

// DefaultMaxBody is the bound on a request body when Config.MaxBody is 0, in
// bytes: a message may have 1,048,576 characters, and images travel inline.
const DefaultMaxBody = 16 << 20

// Config is a gateway and its surroundings.
type Config struct {
	// A gateway of one pool without a name: whatever model clients ask for, they
	// get its backends. See Pool; Policy gives a policy with every default.
	Core     core.Config
	Backends []Backend
	Model    string

	Pools       []Pool // instead: each with a name. At most MaxPools
	DefaultPool string // the name of the pool that takes requests for models that no pool has; "": they are refused

	Clients []Client // the tenants, in the order of their dense ids
	Totals  []Total  // what they may have of all pools together; who is not listed has no such limits
	Seed    uint64   // of the dice that choose among backends

	// Identity says how tenants prove who they are, beside the keys of Clients. Where there is neither, everybody may use
	// the gateway.
	Identity        identity.Config
	IdentityOptions identity.Options
	LeaveUsage      bool   // do not ask backends for the usage of streams in the place of clients
	FrontDoor       string // what X-Azure-FDID must be, so that nobody comes in past Azure Front Door; "": anything

	// Upstream bounds the HTTP/1.1 connections to backends that bring no
	// transport of their own. HTTP/1.1, since one HTTP/2 connection would put
	// every stream behind the same window. Proxies named by the environment
	// are not used.
	Upstream upstream.Options

	Clock   *drive.Clock   // nil: the wall clock
	Logger  zerolog.Logger // one line per request; the zero value logs nothing
	Tracer  *otlp.Tracer   // takes the spans of requests and attempts; nil: there are none, at no cost
	MaxBody int64          // bound on a request body, bytes; 0: DefaultMaxBody

	// Observe is told every Transition and Respond effect, in order. It is
	// called under the lock of the pool, so by several at once where there are
	// several: it must return at once and must not call the gateway.
	Observe func(now tick.Instant, e core.Effect)

	// Account is told every attempt that is over, and what it cost; nil: nobody
	// is. It is called by the goroutine of the request, before that goes on.
	Account func(Spent)

	// Record keeps every step for Tape, a million at most.
	Record bool
}

// Backend is somewhere to send requests to: one deployment of one resource.
type Backend struct {
	Name       string            // as in the route groups
	URL        string            // of the resource, such as https://myresource.openai.azure.com
	Key        string            // sent as api-key; empty: none is sent
	Credential Credential        // its token is sent as Authorization: Bearer; nil: none is
	Deployment string            // in the classic path or the v1 body; empty: Name
	Transport  http.RoundTripper // nil: the connections of Config.Upstream

	gone bool // an earlier configuration had it
}

// Credential is where a backend's access tokens come from, such as an
// entra.Source. Safe for concurrent use.
type Credential interface {
	// Token returns one that is good. It waits no longer than ctx lets it.
	Token(ctx context.Context) (string, error)
}

// Client is a tenant: somebody who may use the gateway. Its place in Config.Clients is its tenant id.
type Client struct {
	Name   string
	Key    string        // a key of it, as identity.Key; "": Config.Identity says how it is known
	Models []string      // what it may ask for; empty: everything
	Rules  tenancy.Rules // what its requests must keep to
	Weight int64         // its share of what is scarce, where the policy grants no other; 0: 1

	gone bool // an earlier configuration had it
}

// Gateway is an http.Handler. Safe for concurrent use.
type Gateway struct {
	cfg      Config                   // of its beginning: what no later configuration changes
	present  atomic.Pointer[settings] // what is in force; a request keeps what it began under
	reload   sync.Mutex               // one at a time
	handler  *mux.Router
	posts    posts       // of handler
	leaving  atomic.Bool // the server is about to end
	shared   *upstream.Transport
	buffers  sync.Pool     // *[relayBuffer]byte
	peekers  sync.Pool     // *ops.Peeker
	unmarked atomic.Uint64 // requests that brought no key of their own
}

// Policy returns the policy that has every default, over priority groups of
// backend names: a group is used when none of an earlier one is available.
func Policy(groups ...[]string) core.Config {
	var policy core.Config
	doc, err := yamlconf.Parse("policy", nil)
	if err == nil {
		list, _ := json.Marshal(groups) // a list of lists of strings always can be
		err = doc.Set("route.groups", string(list))
	}
	if err == nil {
		err = doc.Decode(&policy)
	}
	if err != nil { // no groups, or a name twice: New tells
		policy.Route.Groups = groups
	}
	return policy
}

// New returns a gateway, or every mistake of the configuration at once. Close
// it when it is no longer used.
func New(cfg Config) (*Gateway, error) {
	door, err := openDoor(&cfg)
	if err := errors.Join(cfg.check(), err); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = drive.WallClock()
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	cfg.Pools = cfg.pools()
	g := &Gateway{cfg: cfg, shared: upstream.New(cfg.Upstream)}
	first := g.newSettings(cfg, door, nil)
	first.grant(cfg.Clock, func() { g.present.Store(first) })
	g.buffers.New = func() any { return new([relayBuffer]byte) }
	g.peekers.New = func() any { return new(ops.Peeker) }
	g.handler = g.router()
	g.posts = postsOf(g.handler)
	return g, nil
}

// ServeHTTP implements http.Handler. To show a client that an answer was cut
// it panics with http.ErrAbortHandler, as that error wants.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if route := g.posts.route(r); route != nil {
		route.GetHandler().ServeHTTP(w, r)
		return
	}
	g.handler.ServeHTTP(w, r)
}

// Close stops the gateway's timers and closes its idle connections. Requests
// under way are finished.
func (g *Gateway) Close() {
	for _, p := range g.present.Load().pools {
		p.driver.Stop()
	}
	g.shared.CloseIdleConnections()
}

// Tape returns what the first pool of a gateway with Config.Record has recorded
// so far; nil without. Replayed through a new core of the same policy, backend
// names and seed it gives the same effects.
func (g *Gateway) Tape() *drive.Tape[core.Event, core.Effect] {
	p := g.present.Load().pools[0]
	if p.tape == nil {
		return nil
	}
	var snapshot drive.Tape[core.Event, core.Effect]
	p.driver.Locked(func(tick.Instant) { snapshot = *p.tape })
	return &snapshot
}

var _ http.Handler = (*Gateway)(nil)
