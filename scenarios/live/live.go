// Package live runs a scenario over real HTTP on this machine: simulated
// backends, the gateway or another one by URL, and the load. It owns sockets
// and the life of their servers; decisions are those of the cores that the
// virtual driver runs too.
package live

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"foundrylab/gateway"
	gatewaycore "foundrylab/gateway/core"
	"foundrylab/internal/authority"
	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/record"
	"foundrylab/internal/tick"
	"foundrylab/loadgen"
	load "foundrylab/loadgen/core"
	"foundrylab/scenarios"
	"foundrylab/simulator"
	"foundrylab/simulator/deployment"
)

// Options are what a run may be given; the zero value runs all of it here.
type Options struct {
	// Target is the URL of another gateway or endpoint that gets the load in
	// place of ours. Backends with a listen address are served on it.
	Target string
	// TargetKey and TargetModel are what the target wants to see; empty: the
	// first backend's.
	TargetKey, TargetModel string
	// Also receives every entry beside the summary. Calls are serialised.
	Also record.Sink
	// Progress is called every second with the time that has passed.
	Progress func(passed time.Duration)
	// Note is told what a person should know.
	Note func(format string, args ...any)
	// Tapes, where there are some, record every step of every core.
	Tapes *Tapes
	// Net is the network; nil: this machine's.
	Net Network
}

// Network is how servers are listened on and reached.
type Network interface {
	// Listen opens a listener; addr "" is a free port of the loopback, and the
	// address of a listener that was closed opens it again.
	Listen(name, addr string) (net.Listener, error)
	// Dial connects to the address of a listener.
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
	// Transport is what the load reaches its target by; nil is its own.
	Transport() http.RoundTripper
	// Sleep waits for an instant; nil is the most exact of this machine, which
	// then wakes the backends' writers too.
	Sleep() pace.Func
}

// Tapes are the recordings of a run's cores, by backend where there are many.
type Tapes struct {
	Start    tick.Instant
	Load     *drive.Tape[load.Event, load.Effect]
	Gateway  *drive.Tape[gatewaycore.Event, gatewaycore.Effect]
	Backends []*drive.Tape[deployment.Event, deployment.Effect]
}

// lead is the time between setting up and the start of the run.
const lead = 200 * time.Millisecond

// Run runs a scenario live and returns its summary, also when ctx ends it
// early: the summary then says that it was interrupted. An error means that
// it could not be run.
func Run(ctx context.Context, s *scenarios.Scenario, opt Options) (*record.Summary, error) {
	if opt.Note == nil {
		opt.Note = func(string, ...any) {}
	}
	if opt.Net == nil {
		opt.Net = loopback{}
	}
	clock := drive.WallClock()
	start := clock.Now().Floor().Add(lead)
	c := newCollector(s, start, opt.Also)
	r := &run{scenario: s, opt: opt, clock: clock, start: start, collector: c}
	defer r.close()
	if err := r.serve(); err != nil {
		return nil, err
	}
	if opt.Progress != nil {
		stop := r.progress()
		defer stop()
	}
	err := r.load(ctx)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	r.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		c.summary.Interrupt()
	}
	return c.summary, nil
}

type run struct {
	scenario  *scenarios.Scenario
	opt       Options
	clock     *drive.Clock
	start     tick.Instant
	collector *collector
	resources []resource
	gateway   *gateway.Gateway
	servers   []*http.Server
	authority *authority.Authority // nil: nothing is served over TLS
	roads     *roads
	url       string // where the load goes
	closed    sync.Once
}

// resource is a server, and which backends it has.
type resource struct {
	*simulator.Server
	members []int
}

// serve starts the backends and, without a target, the gateway.
func (r *run) serve() error {
	targets := make([]gateway.Backend, len(r.scenario.Backends))
	budgets := r.scenario.Budgets(r.start, simulator.SharePool)
	if err := r.certify(); err != nil {
		return err
	}
	r.roads = newRoads(r.opt.Net, r.authority)
	for _, members := range r.scenario.Resources() {
		cfg := &r.scenario.Backends[members[0]]
		if r.opt.Target != "" && cfg.Listen == "" {
			continue // nobody could reach it
		}
		a := newAddress(cfg.Name, cfg.Listen, r.opt.Net, r.opt.Note)
		a.named = r.opt.Target == ""
		b, err := newResource(r.scenario, members, a, backendOptions{Clock: r.clock, Start: r.start, Record: r.opt.Tapes != nil, Precise: r.opt.Net.Sleep() == nil,
			Ledger: r.collector.attempt, Observe: r.collector.backend, Budgets: budgets})
		if err != nil {
			return err
		}
		r.resources = append(r.resources, resource{b, members})
		url, err := r.serveAt(a, hostOf(members[0]), cfg.TLS, b)
		if err != nil && r.opt.Target != "" {
			r.opt.Note("%s is not served here (%v); its side of the report will be empty.", cfg.Name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("backend %s: %w", cfg.Name, err)
		}
		if r.opt.Target != "" {
			r.opt.Note("serving %s on %s", cfg.Name, url)
		}
		for _, i := range members {
			cfg := &r.scenario.Backends[i]
			targets[i] = gateway.Backend{Name: cfg.Name, URL: r.roads.lead(hostOf(members[0]), a, cfg.TLS), Key: cfg.Key, Transport: road{r.roads.transport, b}}
		}
	}
	if r.opt.Target != "" {
		r.url = r.opt.Target
		return nil
	}
	g, err := gateway.New(gateway.Config{Core: r.scenario.Gateway, Backends: targets, Clients: r.clients(), Seed: uint64(r.scenario.Seed),
		Clock: r.clock, Observe: r.collector.gateway, Record: r.opt.Tapes != nil})
	if err != nil {
		return err
	}
	r.gateway = g
	r.url, err = r.serveAt(newAddress("gateway", "", r.opt.Net, r.opt.Note), "", false, g)
	return err
}

// clients are the scenario's tenants as the gateway knows them, by dense id.
func (r *run) clients() []gateway.Client {
	clients := make([]gateway.Client, len(r.scenario.Tenants))
	for i := range r.scenario.Tenants {
		t := &r.scenario.Tenants[i]
		clients[i] = gateway.Client{Name: t.Name, Key: keyOf(t.Name), Weight: t.Weight}
	}
	return clients
}

// keyOf is the key that a tenant shows to the gateway.
func keyOf(tenant string) string { return "tenant-" + tenant }

// certify makes an authority where a backend is served over TLS.
func (r *run) certify() (err error) {
	if slices.ContainsFunc(r.scenario.Backends, func(b deployment.Config) bool { return b.TLS }) {
		r.authority, err = authority.New("foundrylab run")
	}
	return err
}

// hostOf is the name of the resource whose first backend is at a place; of a
// top-level domain that no resolver knows.
func hostOf(backend int) string { return fmt.Sprintf("backend-%d.foundrylab.test", backend) }

// serveAt serves a handler at an address and returns its URL.
func (r *run) serveAt(a *address, host string, secure bool, h http.Handler) (url string, err error) {
	where, err := a.listen()
	if err != nil {
		return "", err
	}
	scheme, l := "http://", net.Listener(a)
	if secure {
		cert, err := r.authority.Certify(host)
		if err != nil {
			return "", err
		}
		scheme, l = "https://", a.secured(cert)
	}
	a.server.Handler = h
	r.servers = append(r.servers, a.server)
	go func() {
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.opt.Note("%s stopped serving: %v", a.name, err)
		}
	}()
	return scheme + where.String(), nil
}

// complaints passes the first few lines of a server's log on. What follows is
// seldom new: a process without free file descriptors says so at every accept.
type complaints struct {
	name string
	note func(format string, args ...any)
	mu   sync.Mutex
	said int
}

func (c *complaints) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Contains(line, []byte(errOutage.Error())) {
		return len(line), nil // as planned
	}
	if c.said++; c.said <= 2 {
		c.note("%s: %s", c.name, bytes.TrimSpace(line))
	}
	return len(line), nil
}

// load sends the scenario's load and waits for its end.
func (r *run) load(ctx context.Context) error {
	cfg := loadgen.Config{Core: load.New(r.scenario.LoadOptions(r.start)), Clock: r.clock,
		Target: loadgen.Target{URL: r.url, Deployment: cmp.Or(r.opt.TargetModel, r.scenario.Backends[0].Name),
			Key: cmp.Or(r.opt.TargetKey, r.scenario.Backends[0].Key)},
		Transport: r.opt.Net.Transport(), SleepUntil: r.opt.Net.Sleep(), Observe: r.collector.load, Lag: r.collector.lag}
	for i := range r.scenario.Tenants {
		t := &r.scenario.Tenants[i]
		cfg.Tenants = append(cfg.Tenants, loadgen.Tenant{Name: t.Name, Key: keyOf(t.Name), Client: t.Client, OpenLoop: t.Arrivals != nil,
			Shared: t.Shared(uint64(r.scenario.Seed)), Tier: t.Tier})
	}
	if r.opt.Target != "" {
		for i := range cfg.Tenants {
			cfg.Tenants[i].Key = "" // the target's own key
		}
	}
	if r.opt.Tapes != nil {
		r.opt.Tapes.Start = r.start
		r.opt.Tapes.Load = &drive.Tape[load.Event, load.Effect]{}
		cfg.Tape = r.opt.Tapes.Load
	}
	return loadgen.Run(ctx, cfg)
}

// close ends the servers: first those in front, so that what is behind them
// can finish. It runs once.
func (r *run) close() {
	r.closed.Do(func() {
		for i := len(r.servers) - 1; i >= 0; i-- {
			shutdown(r.servers[i])
		}
		if r.gateway != nil {
			r.gateway.Close()
			r.roads.transport.CloseIdleConnections()
		}
		for _, b := range r.resources {
			b.Close()
		}
		r.keepTapes()
	})
}

// patience is how long a server may take to finish what it serves. When it is
// closed the load is over; what lingers are connections that were dialled and
// never used, which Shutdown would wait five seconds for.
const patience = time.Second

func shutdown(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		_ = s.Close() // what did not finish in time is cut off
	}
}

func (r *run) keepTapes() {
	t := r.opt.Tapes
	if t == nil {
		return
	}
	if r.gateway != nil {
		t.Gateway = r.gateway.Tape()
	}
	tapes := make([]*drive.Tape[deployment.Event, deployment.Effect], len(r.scenario.Backends))
	for _, b := range r.resources {
		for at, i := range b.members {
			tapes[i] = b.Tape(at)
		}
	}
	for _, tape := range tapes {
		if tape != nil { // it was served here
			t.Backends = append(t.Backends, tape)
		}
	}
}

func (r *run) progress() (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.opt.Progress(max(r.clock.Now().Sub(r.start), 0))
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// loopback is the network of this machine, reached over 127.0.0.1.
type loopback struct{}

func (loopback) Listen(_, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	return net.Listen("tcp", addr)
}

func (loopback) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialPatience, KeepAlive: keepAlive}).DialContext(ctx, network, addr)
}

// As the gateway's own transport has them.
const dialPatience, keepAlive = 5 * time.Second, 15 * time.Second

func (loopback) Transport() http.RoundTripper { return nil }

func (loopback) Sleep() pace.Func { return nil }
