// Package loadgen sends the load that a load core decides on, over HTTP, and
// measures what comes back. It owns pacing, the request on the wire, and the
// instants: sent, first content, end. vegeta sends the open-loop requests, an
// executor of its own those of closed-loop users and the clients' retries; both
// go through one measuring RoundTripper. It refuses every decision: who sends
// what and when, and what a client does after an answer, is loadgen/core's.
package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"foundrylab/internal/drive"
	"foundrylab/internal/pace"
	"foundrylab/internal/tick"
	"foundrylab/loadgen/core"
	"foundrylab/loadgen/tenant"
)

// Config is one run. Nothing of it is changed; Core belongs to the run until
// Run returns.
type Config struct {
	Core   *core.Core // not stepped before
	Clock  *drive.Clock
	Target Target
	// Tenants by the core's dense ids, those of configurations that are
	// installed for later included.
	Tenants []Tenant
	// Transport carries the requests; nil is an own one: HTTP/1.1, as many idle
	// connections as there were requests at once, no compression, no proxy.
	Transport http.RoundTripper
	// SleepUntil returns at t, or earlier when ctx is done; nil is the most
	// exact of this machine. In a testing/synctest bubble it is pace.Timer.
	SleepUntil pace.Func
	// Observe sees every TryDone, RequestDone and Drop, in order, under the
	// driver's lock: it must not block. May be nil.
	Observe func(now tick.Instant, e core.Effect)
	// Lag takes how late each try was handed to the transport, or given up
	// before it could be. Called by one goroutine at a time, not under the
	// driver's lock. May be nil.
	Lag func(d time.Duration)
	// Tape, where there is one, records every step of the core.
	Tape *drive.Tape[core.Event, core.Effect]
}

// Tenant is what the wire shows of a tenant.
type Tenant struct {
	Name       string
	Key        string // "": the target's
	Deployment string // "": the target's
	Client     string // client library it passes for, as in tenant.Clients
	OpenLoop   bool   // it has arrivals, not users
	Shared     tenant.Shared
	Tier       string // service tier that it asks for; "": none
}

// patience is how long Run waits for requests that have no business being in
// flight any more: first for answers to end by themselves, then for cancelled
// ones to return.
const patience = 5 * time.Second

// Run sends the load until the core has finished, and returns nil. When ctx
// is done it stops the core, cancels what is in flight and returns the cause.
// Any other error is a mistake in cfg, found before anything was sent, or a
// transport that does not return when its request is cancelled.
func Run(ctx context.Context, cfg Config) error {
	l, err := newLoad(cfg)
	if err != nil {
		return fmt.Errorf("loadgen: %w", err)
	}
	defer l.cancel()
	if l.sleep == nil {
		sleep, release := pace.Precise()
		defer release()
		l.sleep = sleep
	}
	if l.transport == nil {
		own := newTransport()
		defer own.CloseIdleConnections()
		l.transport = own
	}
	unhook := context.AfterFunc(ctx, func() { l.do(core.Event{Kind: core.Stop}) })
	defer unhook()

	attacker := vegeta.NewAttacker(vegeta.MaxBody(0), vegeta.Client(&http.Client{Transport: probe{l}}))
	results := attacker.Attack(l.target, pacer{l}, 0, "")
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range results { // what they say, the probe has said better
		}
		l.executing.Wait()
	}()
	<-l.finished
	if !l.settled(over) {
		return errors.New("loadgen: requests are still in flight after they were cancelled: the transport does not heed its request's context")
	}
	return context.Cause(ctx)
}

// settled waits for the goroutines of finished tries; it is false when they do
// not end even when cancelled.
func (l *load) settled(over <-chan struct{}) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-timer.C:
	}
	l.cancel()
	timer.Reset(patience)
	select {
	case <-over:
		return true
	case <-timer.C:
		return false
	}
}

// newTransport returns the transport of a run that brings none.
func newTransport() *http.Transport {
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &http.Transport{
		Protocols:           &http1,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1 << 20,
		IdleConnTimeout:     90 * time.Second,
		WriteBufferSize:     8 << 10, // a request of an ordinary prompt goes out in one write
	}
}
