// Package simulator answers HTTP as a Microsoft Foundry (Azure OpenAI) resource does: routes, authentication, limits,
// pace, headers, errors and broken connections. A Server is an http.Handler, for a server of its own or for a test's.
//
// It owns what touches the machine: sockets, clock, goroutines, the tokenizer and the log. It refuses decisions: what is
// admitted, when each token comes and what fails is planned by simulator/deployment, and what is said by
// simulator/content. Emulated behaviour follows docs/fidelity.md.
package simulator

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gorilla/mux"
	"github.com/rs/zerolog"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/record"
	"foundrylab/internal/rng"
	"foundrylab/internal/tick"
	"foundrylab/simulator/access"
	"foundrylab/simulator/deployment"
	"foundrylab/simulator/fault"
	"foundrylab/simulator/fixture"
	"foundrylab/simulator/identity"
	"foundrylab/simulator/store"
)

// Config is what New makes a Server from. Only Deployments is required.
type Config struct {
	Deployments []deployment.Config // absent fields get the defaults of the YAML format; names are unique
	Faults      []fault.Config      // scheduled from Start; each names a deployment as its backend
	Fixtures    fixture.Config      // answers to requests that they fit
	Extension   Extension           // says what answers say, where no fixture and no deployment's content does; nil: there is none
	Seed        uint64              // of every die

	Clock *drive.Clock // nil: the wall clock
	Start tick.Instant // origin of limiter windows and faults, may be to come; 0: the clock's present

	// Budget returns what a deployment, by its place in Deployments, shares beside its own limits; nil for nothing. It is
	// asked once for each. Reserve is called under the deployment's lock: it must be safe for concurrent use.
	Budget func(backend int) deployment.Budget

	// Precise lets the kernel's own timer say when tokens are due, where it gives one: Linux. Without it they come up to a
	// millisecond late. Not for a testing/synctest bubble, of whose time the kernel knows nothing.
	Precise bool

	// Sharing makes several Servers one: their deployments of one name have one limit together. Without a State there is
	// nothing shared. It goes with no Budget.
	Sharing Sharing

	// OnFirstUse is how many deployments may appear because a caller with a key asks for a name that is not deployed; they
	// come after those of Deployments, in order of appearance. 0: none, unknown names get the service's 404. A name that a
	// model's name is part of is a deployment of that model.
	OnFirstUse int

	// Appearing may change what appears before it does, but not its name. It must not call the Server.
	Appearing func(*deployment.Config)

	// Auth says who may do what; its zero value takes any key and any token. Where it is strict, keys are those of the
	// deployments, and tokens those of Issuer.
	Auth   access.Config
	Issuer *identity.Issuer // nil: one of its own, whose endpoints give tokens all the same

	Checks     Checks         // what requests are held to; "": Strict
	Stored     store.Bounds   // of what the Responses API keeps for each resource; zero fields: 10,000 responses, 64 MiB, 30 days
	MaxBody    int64          // largest request body, bytes; 0: 16 MiB
	LedgerSize int            // attempts that Admin can show, the newest; 0: 100,000
	Control    *Control       // the control plane that it shares with other Servers, LedgerSize and all; nil: one of its own
	Logger     zerolog.Logger // one line a request; the zero Logger is silent

	// Ledger is called once for every request that reached a deployment, when it has ended: the ground truth. The tenant
	// is record.NoTenant. Calls of one backend come in order, one at a time; those of different backends concurrently. It
	// is called under the deployment's lock: it must not block, and must not call the Server.
	Ledger func(backend int, a record.Attempt)

	// Observe is called as Ledger is, for Utilization and FaultEdge effects. The slot of a FaultEdge is the fault's place
	// in Faults, or 1<<20 and more for one that the control plane added, its generation 0 for the beginning and 1 for the end.
	Observe func(backend int, now tick.Instant, e deployment.Effect)

	Record bool // keep a tape of every step; see Tape
}

// Server is a simulated resource. Safe for concurrent use.
//
// It aborts connections on purpose: by a reset where the ResponseWriter can be hijacked, else by panicking with
// http.ErrAbortHandler, as net/http provides for.
type Server struct {
	router    *mux.Router
	posts     map[string]http.Handler // routes that need no search
	backends  []*backend              // of the Config
	roster    atomic.Pointer[roster]
	clock     *drive.Clock
	alarm     *pace.Alarm // wakes the writers
	log       zerolog.Logger
	maxBody   int64
	lenient   bool // Checks is Lenient
	control   *Control
	rules     access.Config
	issuer    *identity.Issuer
	rings     []*keyring
	fixtures  *fixtures       // nil: there are none
	extension Extension       // nil: there is none
	life      context.Context // until Close
	sharing   context.CancelFunc
	memories  map[string]*memory // by resource
	ids       rng.Die
	serial    atomic.Uint64 // requests so far; names their ids

	onFirstUse atomic.Int64
	appearing  sync.Mutex // one deployment at a time; guards cfg
	cfg        Config     // its Deployments grow
}

// New returns a running Server. The error lists every mistake of the Config by its path, as deployments[1].ptu.
// Close it when done.
func New(cfg Config) (*Server, error) {
	cfg, err := complete(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{clock: cfg.Clock, alarm: pace.NewAlarm(cfg.Clock, cfg.Precise), log: cfg.Logger, maxBody: cfg.MaxBody, lenient: cfg.Checks == Lenient, control: cfg.Control,
		fixtures: newFixtures(&cfg.Fixtures), extension: cfg.Extension, rules: cfg.Auth, issuer: cfg.Issuer, ids: rng.New(cfg.Seed, rng.ContentText, rng.Entity("request id"))}
	s.onFirstUse.Store(int64(cfg.OnFirstUse))
	ctx, stop := context.WithCancel(context.Background())
	s.life, s.sharing = ctx, stop
	s.memories = newMemories(&cfg)
	cfg.Sharing.contact = &contact{log: cfg.Logger}
	for i := range cfg.Deployments {
		b := newBackend(&cfg, i, s.alarm)
		b.memory, b.ring = s.memories[b.cfg.Resource], ringOf(s.rings, &b.cfg)
		if !slices.Contains(s.rings, b.ring) {
			s.rings = append(s.rings, b.ring)
		}
		s.backends = append(s.backends, b)
	}
	s.cfg = cfg
	s.roster.Store(newRoster(s.backends))
	err = shareable(s.backends)
	if err == nil {
		err = s.control.join(s.backends, &cfg)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.router = s.routes()
	s.posts = plain(s.router)
	for _, b := range s.backends {
		s.begin(b)
	}
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if h := s.posts[r.URL.Path]; h != nil {
			h.ServeHTTP(w, r)
			return
		}
	}
	s.router.ServeHTTP(w, r)
}

// Close stops the timers: no more utilization is sampled, no scheduled fault begins, and limits are shared no more.
// Responses in the background fail. Requests in flight are answered to their end, if less exactly; shutting down the http.Server is its owner's.
func (s *Server) Close() {
	s.sharing()
	s.appearing.Lock() // what is appearing stops too
	defer s.appearing.Unlock()
	for _, b := range s.deployments() {
		b.driver.Stop()
	}
	s.alarm.Close()
}

// Tape returns the recording of a deployment, by its place in Config.Deployments or after them, or nil without Config.Record. Read it
// after Close, when no request is in flight.
func (s *Server) Tape(backend int) *drive.Tape[deployment.Event, deployment.Effect] {
	return s.deployments()[backend].tape
}
